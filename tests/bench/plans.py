"""What a database makes of statements: which were run, and whether one of them reads a growing table to its end."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

from matrix_threepid.offload import run_sync
from matrix_threepid.stores.sql import Database, Operation, Row, Statement

T = TypeVar("T")
_EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}
_SCANS = ("SCAN ", "Seq Scan")
_BY_INDEX = re.compile("Index (Only )?Scan")
_SORTS = ("TEMP B-TREE", "Sort ")


class Recording:
    """A ``Database`` in front of another; ``statements`` maps SQL to the parameters it ran with last."""

    def __init__(self, db: Database) -> None:
        self._db, self.dialect = db, db.dialect
        self.statements: dict[str, tuple[Any, ...]] = {}

    def run(self, operation: Callable[[], Operation[T]], /) -> Awaitable[T]:
        """Run one operation as one transaction."""
        return self._db.run(lambda: watched(operation(), self._note))

    def _note(self, statement: Statement, _: object) -> None:
        sql, parameters = statement
        self.statements[sql] = tuple(parameters)


def watched(operation: Operation[T], seen: Callable[[Statement, list[Row]], None]) -> Operation[T]:
    """Run an operation as a part of this one, with its statements as it marked them.

    * ``seen``: called with each statement and its rows, once it has run.
    """
    rows: Any = None
    while True:
        try:
            statement = operation.send(rows)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        rows = yield statement
        seen(statement, rows)


def plans(db: Database, statements: Mapping[str, tuple[Any, ...]]) -> dict[str, list[str]]:
    """Return the steps by which ``db`` would run each statement now."""

    async def explained() -> dict[str, list[str]]:
        return {sql: await db.run(partial(_explain, db.dialect, (sql, given))) for sql, given in statements.items()}

    return run_sync(explained())


def told(db: Database, statements: Mapping[str, tuple[Any, ...]]) -> dict[str, Any]:
    """Return the fields of a line that say by which steps ``statements`` run, and how many of them are scans."""
    steps = [step for found in plans(db, dict(statements)).values() for step in found]
    return {"plan": "; ".join(dict.fromkeys(steps)), "scan": any(scans(steps)), "scans": len(list(scans(steps)))}


def scans(steps: Iterable[str]) -> Iterator[str]:
    """Yield the steps that read a whole table, or a whole index for want of a condition on it."""
    for step, detail in pairwise([*steps, ""]):
        # The values that a statement brings with it are no table: "asked" by name, or rows without one.
        if "CONSTANT ROW" in step or step.endswith("SCAN asked"):
            continue
        if any(scan in step for scan in _SCANS) or (_BY_INDEX.search(step) and "Index Cond" not in detail):
            yield step


def sorts(steps: Iterable[str]) -> Iterator[str]:
    """Yield the steps that put in order what no index has in order."""
    return (step for step in steps if any(sort in step for sort in _SORTS))


def _explain(dialect: str, statement: Statement) -> Operation[list[str]]:
    sql, parameters = statement
    rows = yield f"{_EXPLAIN[dialect]} {sql}", parameters
    return [row[-1].strip() for row in rows]
