"""``LogListener``: what happens, in the log of the program; what strangers can cause again and again, once a minute.

Uses the standard ``logging``, one logger an area, below ``matrix_threepid``. Addresses are masked, and tokens, codes
and links are in no line (decision 27).
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from enum import Enum
from threading import Lock
from typing import Any

import attrs
from attrs import define, field, frozen

from .events import Context, Event
from .model.message import Accepted, Outcome
from .model.threepid import Threepid, masked

MINUTE = 60.0
_AREAS = {
    "MessageSent": ("messages", logging.INFO),
    "DeliveryReported": ("messages", logging.INFO),
    "ThreepidValidated": ("threepids", logging.INFO),
    "ThreepidAdded": ("threepids", logging.INFO),
    "ThreepidRemoved": ("threepids", logging.INFO),
    "ThreepidBound": ("identity", logging.INFO),
    "ThreepidInvited": ("identity", logging.INFO),
    "InvitationRedeemed": ("identity", logging.INFO),
    "InvitationRefused": ("identity", logging.WARNING),
    "ThreepidUnbound": ("identity", logging.INFO),
    "UnbindGivenUp": ("identity", logging.WARNING),
    "OnbindGivenUp": ("identity", logging.WARNING),
    "ChangesUndone": ("threepids", logging.WARNING),
    "RemovalConfirmed": ("threepids", logging.INFO),
    "SessionDisowned": ("codes", logging.WARNING),
    "LimitReached": ("limits", logging.WARNING),
    "WrongToken": ("codes", logging.WARNING),
    "ManyWrongCodes": ("codes", logging.WARNING),
    "SmsBudgetUsed": ("sms", logging.WARNING),
    "SmsCountryPaused": ("sms", logging.WARNING),
    "GateFailed": ("gate", logging.WARNING),
    "Administered": ("administration", logging.WARNING),
    "Explained": ("administration", logging.INFO),
}
"""The logger, below ``matrix_threepid``, and the level of each event; others are logged by ``events`` at ``INFO``."""
_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")
_NUMBER = re.compile(r"\+\d(?:[ ().-]{0,2}\d){5,}|\d{6,}|\d(?:[ ().-]{0,2}\d){8,}")
_OPAQUE = re.compile(r"[A-Za-z0-9_=-]{24,}")
_LONGEST = 200
_MOST_KINDS = 500


def tidied(text: str) -> str:
    """Return a text of another program fit for a log: one line, no address, no number, nothing that may be a token.

    >>> tidied("550 <alice@example.org>: no such user")
    '550 <a***@example.org>: no such user'
    """
    line = " ".join("".join(each if each.isprintable() else " " for each in text[: 5 * _LONGEST]).split())
    line = _ADDRESS.sub(lambda found: masked(found[0]), line)
    return _OPAQUE.sub("***", _NUMBER.sub("***", line))[:_LONGEST]


def outcome_name(outcome: Outcome) -> str:
    """Return an outcome in one word: ``accepted``, ``refused_for_now``, ``refused_for_ever`` or ``unknown``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(outcome).__name__).lower()


def fields_of(event: Event) -> dict[str, object]:
    """Return what an event says as names and plain values, with addresses masked; what is ``None`` is left out."""
    found: dict[str, object] = {}
    for each in attrs.fields(type(event)):
        value = getattr(event, each.name)
        if isinstance(value, Context):
            continue
        if isinstance(value, Threepid):
            found |= {"medium": value.medium.value, "address": masked(value.address)}
        elif isinstance(value, Outcome):
            found.update(_of_outcome(value))
        elif callable(each.repr):
            found[each.name] = each.repr(value)
        elif value is not None and each.repr:
            found[each.name] = value.value if isinstance(value, Enum) else _plain(value)
    context = event.context
    named = {"request": context.request_id, "endpoint": context.endpoint, "client": context.client}
    return found | {name: value for name, value in (*named.items(), ("caller", context.caller)) if value}


def _of_outcome(outcome: Outcome) -> Iterator[tuple[str, object]]:
    yield "outcome", outcome_name(outcome)
    reason = getattr(outcome, "reason", None)
    if reason:
        yield "reason", tidied(str(reason))
    wait = getattr(outcome, "retry_after", None)
    if wait:
        yield "retry_after_ms", wait


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | float) else tidied(str(value))


@define
class _Kind:
    """Lines of one kind; ``since``: when the last one was logged, in s; ``more``: how many were not, since then."""

    since: float
    more: int = 0


@frozen(eq=False)
class Throttle:
    """Lets one line of each kind pass in a minute, and counts the others.

    * ``clock``: returns the time in s; it never jumps.
    """

    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _kinds: dict[object, _Kind] = field(init=False, factory=dict, repr=False)
    _lock: Lock = field(init=False, factory=Lock, repr=False)

    def passes(self, kind: object) -> int | None:
        """Return how many lines of a kind were left out since the last one; ``None`` to leave this one out too."""
        now = self.clock()
        with self._lock:
            known = self._kinds.get(kind)
            if known is not None and now - known.since < MINUTE:
                known.more += 1
                return None
            if known is None and len(self._kinds) >= _MOST_KINDS:
                del self._kinds[next(iter(self._kinds))]
            self._kinds[kind] = _Kind(now)
            return 0 if known is None else known.more


@frozen(eq=False)
class LogListener:
    """A ``Listener`` that logs every event by the standard ``logging``; the default of every role.

    Each line has the name of the event and its values, ``medium=email address=a***@example.org``; its record has them
    in ``threepid`` as well, for formatters that write JSON. Messages that a sender accepted, and identifiers that were
    validated, added, removed, bound and unbound are ``INFO``; everything else is ``WARNING``. Warnings of one kind,
    which strangers can cause, are logged once a minute with the number of those left out (``more``).

    * ``clock``: returns the time in s, for that minute.
    """

    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _throttle: Throttle = field(init=False, repr=False)

    @_throttle.default
    def _throttle_with(self) -> Throttle:
        return Throttle(self.clock)

    def on(self, event: Event) -> None:
        """Log an event."""
        name = type(event).__name__
        area, level = _AREAS.get(name, ("events", logging.INFO))
        outcome = getattr(event, "outcome", None)
        if isinstance(outcome, Outcome) and not isinstance(outcome, Accepted):
            level = logging.WARNING
        log = logging.getLogger(f"matrix_threepid.{area}")
        if not log.isEnabledFor(level):
            return
        values = fields_of(event)
        if level >= logging.WARNING:
            more = self._throttle.passes(_kind(name, values))
            if more is None:
                return
            values |= {"more": more} if more else {}
        write = log.warning if level >= logging.WARNING else log.info
        write("%s %s", name, _line(values), extra={"threepid": {"event": name, **values}})


def _kind(name: str, values: dict[str, object]) -> tuple[object, ...]:
    """Return what makes warnings alike: nothing that strangers can choose."""
    return name, *(values.get(key) for key in ("action", "actor", "session", "medium", "outcome", "budget", "country"))


def _line(values: dict[str, object]) -> str:
    return " ".join(f"{name}={_quoted(value)}" for name, value in values.items())


def _quoted(value: object) -> Any:
    text = str(value)
    return f'"{text}"' if " " in text else text
