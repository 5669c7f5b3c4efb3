"""What happened, for metrics, audit, push: frozen values without secrets, addresses masked when printed."""

from __future__ import annotations

from attrs import frozen

from .model.message import Outcome
from .model.threepid import Purpose, Threepid


@frozen
class MessageSent:
    """A message was given to a sender; ``outcome`` says what became of it."""

    threepid: Threepid
    purpose: Purpose
    outcome: Outcome


@frozen
class ThreepidValidated:
    """Somebody proved that they can read what is sent to an address."""

    threepid: Threepid
    purpose: Purpose


@frozen
class ThreepidAdded:
    """An identifier is on an account now."""

    user_id: str
    threepid: Threepid


@frozen
class ThreepidRemoved:
    """An identifier left an account: drop what hangs on it, such as e-mail pushers."""

    user_id: str
    threepid: Threepid


@frozen
class SessionDisowned:
    """The owner of an address said that the request was not theirs."""

    threepid: Threepid
    purpose: Purpose


@frozen
class LimitReached:
    """A limit refused a request; ``action`` names what was tried."""

    action: str
    retry_after_ms: int


@frozen
class WrongToken:
    """A token did not fit; ``guesses`` counts those for this code."""

    threepid: Threepid
    guesses: int


@frozen
class ManyWrongCodes:
    """More than ``allowed`` wrong codes came in this hour of the clock, over all addresses; told once an hour."""

    allowed: int


@frozen
class ThreepidBound:
    """An identity server publishes an address of a user."""

    user_id: str
    threepid: Threepid
    id_server: str


@frozen
class ThreepidUnbound:
    """An identity server confirmed that it no longer publishes an address."""

    user_id: str
    threepid: Threepid
    id_server: str


@frozen
class UnbindGivenUp:
    """A binding could not be taken back for so long that it is no longer tried; its row stays for the operator."""

    user_id: str
    threepid: Threepid
    id_server: str


@frozen
class SmsBudgetUsed:
    """A budget of SMS nears its end, or is used up: told once each. ``budget``: ``hour``, ``day`` or a country."""

    budget: str
    used: int
    allowed: int


@frozen
class SmsCountryPaused:
    """So many SMS went to a country today and hardly anybody typed the codes: it gets no more for now."""

    country: str
    sent: int
    validated: int


Event = (
    MessageSent
    | ThreepidValidated
    | ThreepidAdded
    | ThreepidRemoved
    | ThreepidBound
    | ThreepidUnbound
    | UnbindGivenUp
    | SessionDisowned
    | LimitReached
    | WrongToken
    | ManyWrongCodes
    | SmsBudgetUsed
    | SmsCountryPaused
)
"""Any event: what a ``Listener`` is called with."""

__all__ = [
    "Event",
    "LimitReached",
    "ManyWrongCodes",
    "MessageSent",
    "SessionDisowned",
    "SmsBudgetUsed",
    "SmsCountryPaused",
    "ThreepidAdded",
    "ThreepidBound",
    "ThreepidRemoved",
    "ThreepidUnbound",
    "ThreepidValidated",
    "UnbindGivenUp",
    "WrongToken",
]
