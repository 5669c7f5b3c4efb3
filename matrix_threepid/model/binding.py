"""A binding: which address of a user an identity server publishes, or may; a value with pure rules.

Rows are written before a call and forgotten only when an identity server has confirmed that the
binding is gone, so nothing that may be public is ever lost sight of. Times are wall-clock ms.
"""

from __future__ import annotations

import attrs
from attrs import frozen

from .threepid import Threepid, mask_field


@frozen(kw_only=True)
class Retrying:
    """How unbinds are tried again, in ms: first pause, longest pause, and the age at which they are given up."""

    first: int = 60_000
    longest: int = 6 * 3_600_000
    give_up: int = 30 * 86_400_000


@frozen(kw_only=True)
class Binding:
    """A remembered binding. ``revision`` rises with every change; stores swap only the next one in.

    ``threepid``: canonical, for look-up, ``None`` while a bind is asked for whose address is not known yet;
    ``spelling``: as the identity server knows it; ``bound_at``: when it confirmed, ``None`` as long as it only may
    have; ``unwanted_since``: since when it should be gone; ``due_at``: when to ask for that (again).
    """

    id: str
    user_id: str
    id_server: str
    threepid: Threepid | None = None
    spelling: str | None = mask_field(default=None)
    created_at: int
    bound_at: int | None = None
    unwanted_since: int | None = None
    due_at: int | None = None
    attempts: int = 0
    revision: int = 0

    def known(self, threepid: Threepid, spelling: str) -> Binding:
        """The identity server told which address is about to be bound."""
        return self._next(threepid=threepid, spelling=spelling)

    def asked(self) -> Binding:
        """It may have been bound once more: whoever takes it back by what they knew before must look again."""
        return self._next()

    def bound(self, now: int) -> Binding:
        """The identity server confirmed; an older wish to have it gone is over."""
        return self._next(bound_at=now, unwanted_since=None, due_at=None, attempts=0)

    def unwanted(self, now: int, until: int) -> Binding:
        """The binding is to go. Whoever asks the identity server has until then; afterwards the queue does."""
        return self._next(unwanted_since=self.unwanted_since or now, due_at=until)

    def lease(self, until: int) -> Binding:
        """Let one worker ask for the end of a binding that is due, until its lease ends."""
        return self._next(due_at=until)

    def wanted_again(self, before: Binding) -> Binding:
        """The identity server said no, and the user was told: as things were before."""
        return self._next(unwanted_since=before.unwanted_since, due_at=before.due_at, attempts=before.attempts)

    def again(self, now: int, retrying: Retrying, jitter: float) -> Binding:
        """Ask again after a doubling pause, spread by ``jitter`` (0 to 1); without ``due_at`` once patience ends."""
        pause = min(retrying.first << min(self.attempts, 20), retrying.longest)
        due = now + pause // 2 + round(pause * jitter / 2)
        patient = now < (self.unwanted_since or now) + retrying.give_up
        return self._next(attempts=self.attempts + 1, due_at=due if patient else None)

    def _next(self, **changes: object) -> Binding:
        return attrs.evolve(self, revision=self.revision + 1, **changes)  # type: ignore[arg-type]
