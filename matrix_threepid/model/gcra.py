"""The generic cell rate algorithm: a limit that needs one number a key.

The number is the time at which the key is as good as new. A clock that jumps back neither refills a
limit nor locks it for longer than its span.
"""

from __future__ import annotations

from typing import Protocol


class Rate(Protocol):
    """What the arithmetic needs of a limit, in ms."""

    @property
    def interval(self) -> int: ...
    @property
    def span(self) -> int: ...


def take(full_at: int | None, limit: Rate, cost: int, now: int) -> tuple[int, int]:
    """Return the new number and the ms to wait; one of the two matters.

    Of cost 0 nothing is taken: the wait tells whether one more would be granted.
    """
    base = min(max(full_at or now, now), now + limit.span)
    wait = base + limit.interval * max(cost, 1) - now - limit.span
    return base + limit.interval * cost, max(wait, 0)
