"""Lease rows that are due in turns, so that the many rows of one delay those of nobody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Generic, TypeVar

from attrs import define, field

T = TypeVar("T")
_MOST = 1000
"""The number of those whose turn is remembered: a store has to skip no more."""


@define(eq=False)
class Turns(Generic[T]):
    """Whose rows were leased in this round.

    * ``whose``: returns whose a row is, such as a user or a server.

    Several workers may use it at once.
    """

    whose: Callable[[T], str]
    _served: dict[str, None] = field(init=False, factory=dict)

    async def lease(self, lease_due: Callable[[Collection[str]], Awaitable[T | None]]) -> T | None:
        """Return a row that was leased; ``None`` if none is due.

        * ``lease_due``: leases the row that has been due longest, but for those of the ones it is given.
        """
        row = await lease_due(tuple(self._served))
        if row is None and self._served:
            # Everybody with a due row has had a turn, so the next round begins.
            self._served.clear()
            row = await lease_due(())
        if row is None:
            return None
        if len(self._served) >= _MOST:
            self._served.clear()
        self._served[self.whose(row)] = None
        return row
