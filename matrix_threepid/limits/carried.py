"""What a message that waits for its sending was charged, as its session carries it (decision 28).

A worker gives it back when an outage keeps the message from being handed over, and charges it again before the next
try: so no more messages are handed over than the limits allow, and those that were not cost nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from attrs import evolve, frozen

from ..policy import Limit
from ..ports import Charge
from ..roles.base import Role
from .counting import Counter, charge_at, keys_of

_BUDGETS = ("budget", "others budget", "known budget")


@frozen
class Carried:
    """Charges of a message.

    * ``at``: the time in ms at which they were made; ``None`` while they are given back.
    * ``rows``: of each charge its key, burst, interval (ms), and the length of its periods (ms) or ``None``.
    """

    at: int | None
    rows: tuple[tuple[str, int, int, int | None], ...]

    @classmethod
    def of(cls, role: Role, counters: Sequence[Counter], at: int) -> Carried:
        """Return the charges of counters, without those that must not be given back.

        With hidden addresses only the budgets of the operator are. A message to an account, which meets the outage,
        must not differ in the next answer from the silence that other addresses get (REQ-REQTOK-4).
        """
        hidden = role.policy.hide_known_addresses
        given = [each for each in counters if not hidden or _is_budget(each)]
        keys = [(key, each) for each in given for key in keys_of(role, each.kind, *each.parts)]
        return cls(at, tuple((key, each.limit.burst, each.limit.interval, each.length) for key, each in keys))

    @classmethod
    def read(cls, text: str | None) -> Carried:
        """Return what a session carries."""
        if text is None:
            return cls(None, ())
        at, rows = json.loads(text)
        return cls(at, tuple(map(tuple, rows)))

    @property
    def text(self) -> str | None:
        """The text for ``Session.charged``; ``None`` without charges."""
        return json.dumps([self.at, self.rows], separators=(",", ":")) if self.rows else None

    @property
    def given_back(self) -> bool:
        """Whether they have to be made again before the message may be sent."""
        return self.at is None and bool(self.rows)

    def since(self, at: int | None) -> Carried:
        """Return the same charges as made at a time in ms; ``None``: as given back."""
        return evolve(self, at=at)

    def charges(self, at: int) -> list[Charge]:
        """Return the charges in the periods of a time in ms."""
        return [charge_at(key, Limit(burst, 1000 / interval), length, at) for key, burst, interval, length in self.rows]

    def taken(self, now: int) -> list[Charge]:
        """Return what may be given back at the time ``now``: what has refilled meanwhile is taken no longer."""
        if self.at is None:
            return []
        since = now - self.at
        return [
            each
            for each, (_, _, interval, length) in zip(self.charges(self.at), self.rows, strict=True)
            if length is not None or since < interval
        ]


def _is_budget(counter: Counter) -> bool:
    return counter.kind in _BUDGETS or (counter.kind == "sms sent" and counter.parts[0] == "country")
