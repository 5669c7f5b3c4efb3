"""What refuses requests: limits, budgets of SMS, and the gate of the host."""

from __future__ import annotations

from attrs import frozen

from .happened import Happened


@frozen
class LimitReached(Happened):
    """A limit refused a request.

    * ``action``: what was asked for, such as ``send``, ``sms``, ``change`` or ``guess``.
    * ``retry_after_ms``: ms until the same request would be granted.
    """

    action: str
    retry_after_ms: int


@frozen
class SmsBudgetUsed(Happened):
    """A budget of SMS has reached ``SmsRules.warn_at``, or is used up. Emitted once for each of the two.

    * ``budget``: ``hour``, ``day``, or a country (two letters of ISO 3166-1).
    * ``used``: SMS charged so far.
    * ``allowed``: the budget.
    """

    budget: str
    used: int
    allowed: int


@frozen
class SmsCountryPaused(Happened):
    """A country receives few SMS for now, since few of the codes sent there today were submitted.

    Callers with an access token and those without are judged, and paused, apart.

    * ``country``: two letters of ISO 3166-1.
    * ``sent``: SMS that these callers had sent to the country today (UTC), without those of paused networks and users.
    * ``validated``: how many of them were answered with their code; see ``Conversion``.
    """

    country: str
    sent: int
    validated: int


@frozen
class GateFailed(Happened):
    """The port ``Gate`` failed, so a request was answered with 503 and nothing was sent.

    * ``reason``: the class of its exception, ``TimeoutError`` for one that took too long, or what is wrong with its
      answer.
    """

    reason: str
