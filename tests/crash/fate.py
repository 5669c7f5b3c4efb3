"""When a process dies: at one of the boundaries between what it does to the world."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import TypeVar

from matrix_threepid.stores.sql import Database, Operation, Statement
from tests.bench.plans import watched

T = TypeVar("T")


class Fate:
    """Counts the boundaries a process comes to and kills it (SIGKILL) at number ``at``; ``None``: never."""

    def __init__(self, at: int | None = None) -> None:
        self._at, self.passed = at, 0

    def boundary(self) -> None:
        self.passed += 1
        if self.passed == self._at:
            os.kill(os.getpid(), signal.SIGKILL)


class MortalDatabase:
    """A ``Database`` with boundaries after each write but before its commit, and after the commit.

    Dying before a write leaves what dying after it and before the commit leaves; what only reads changes nothing.
    """

    def __init__(self, db: Database, fate: Fate) -> None:
        self._db, self._fate, self.dialect = db, fate, db.dialect

    async def run(self, operation: Callable[[], Operation[T]], /) -> T:
        written: list[str] = []

        def seen(statement: Statement, _: object) -> None:
            if not statement[0].startswith("SELECT"):
                self._fate.boundary()
                written.append(statement[0])

        result = await self._db.run(lambda: watched(operation(), seen))
        if written:
            self._fate.boundary()
        return result
