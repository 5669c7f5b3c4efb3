"""For how long transactions keep others from writing."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import TypeVar

from attrs import define, field

from matrix_threepid.stores.sql import Database, Operation

T = TypeVar("T")
_TAKE_TURN = "DELETE FROM matrix_threepid_schema WHERE version < 0"


@define
class Holding:
    """A ``Database`` in front of another; ``holds``: the ns from having the turn to write to the end of the commit."""

    db: Database
    holds: list[int] = field(factory=list)

    @property
    def dialect(self) -> str:
        """The dialect of the database behind."""
        return self.db.dialect

    async def run(self, operation: Callable[[], Operation[T]], /) -> T:
        """Run one operation as one transaction."""
        began: list[int] = []

        def held() -> Operation[T]:
            yield _TAKE_TURN, ()
            began.append(perf_counter_ns())
            return (yield from operation())

        result = await self.db.run(held)
        self.holds.append(perf_counter_ns() - began[-1])
        return result
