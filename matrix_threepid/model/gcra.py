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
    """Return the new number, to be kept where it is later than ``now``, and the ms to wait: 0 if granted.

    A refused take counts nothing. Of cost 0 nothing is taken: the wait tells whether one more would be granted.
    """
    base = min(max(full_at or now, now), now + limit.span)
    wait = base + limit.interval * max(cost, 1) - now - limit.span
    return (base, wait) if wait > 0 else (base + limit.interval * cost, 0)
