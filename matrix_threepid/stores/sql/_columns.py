"""How values lie in rows: one column a field, a threepid in two, enums by value, truth as 0 and 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, Generic, TypeVar, get_type_hints

import attrs

from ...model.threepid import Medium, Threepid
from ...offload import run_sync
from .operation import Database, Operation, Row

# ruff: noqa: S608  only names of tables and columns, and our own conditions, are put into statements
T = TypeVar("T")

_UNLOCKED = {"sqlite": "", "postgresql": " FOR UPDATE SKIP LOCKED"}
"""How a worker passes over what another is taking; SQLite has one writer at a time, who meets nobody."""


class SqlTable(Generic[T]):
    """A table ``name`` of the values of one attrs class, with the statements all of them need.

    ``key``: the column that names a row.
    """

    def __init__(self, name: str, kind: type[T], key: str) -> None:
        self._make: Callable[..., T] = kind
        self.name, self._key = name, key
        self._fields = tuple(field.name for field in attrs.fields(kind))  # type: ignore[arg-type]
        self._read = {name: read for name, read in get_type_hints(kind).items() if _is_read(read)}
        self.columns = tuple(_columns(self._fields))
        listed, marks = ", ".join(self.columns), ", ".join("?" * len(self.columns))
        self.insert = f"INSERT INTO {name} ({listed}) VALUES ({marks})"
        self._listed = listed
        self._select = f"SELECT {listed} FROM {name}"
        changes = ", ".join(f"{column} = ?" for column in self.columns)
        self._replace = f"UPDATE {name} SET {changes} WHERE {key} = ? AND revision = ? RETURNING {key}"

    def row(self, value: T) -> list[Any]:
        """Return what stands in ``columns``."""
        return [_stored(part) for name in self._fields for part in _parts(name, getattr(value, name))]

    def value(self, row: Row) -> T:
        """Return the value whose ``columns`` these are."""
        values = dict(zip(self.columns, row, strict=True))
        medium, address = values.pop("medium"), values.pop("address")
        threepid = None if medium is None else Threepid(Medium(medium), address)
        for name, read in self._read.items():
            values[name] = read(values[name])
        return self._make(threepid=threepid, **values)

    def one(self, where: str, *values: str | None) -> Operation[T | None]:
        """Return the value of the row that a condition on a unique key names."""
        found = yield from self.many(where, *values)
        return found[0] if found else None

    def many(self, where: str, *values: str | int | None) -> Operation[list[T]]:
        """Return the values of all rows under a condition."""
        rows = yield f"{self._select} WHERE {where}", values
        return [self.value(row) for row in rows]

    def replace(self, value: Any) -> Operation[bool]:
        """Swap a value in for the revision before its own; return whether that was there."""
        return bool((yield self._replace, [*self.row(value), getattr(value, self._key), value.revision - 1]))

    def lease_due(self, dialect: str, now: int, until: int) -> Operation[T | None]:
        """Put off the row that has been due longest, and return it as it is then; workers that meet take others."""
        oldest = f"SELECT {self._key} FROM {self.name} WHERE due_at <= ? ORDER BY due_at LIMIT 1{_UNLOCKED[dialect]}"
        taking = f"UPDATE {self.name} SET due_at = ?, revision = revision + 1 WHERE {self._key} = ({oldest})"
        rows = yield f"{taking} RETURNING {self._listed}", (until, now)
        return self.value(rows[0]) if rows else None

    def dump(self, db: Database) -> list[T]:
        """Return everything stored, for tests and tools; the database must answer without waiting."""

        async def everything() -> list[T]:
            return await db.run(lambda: self.many("0 = 0"))

        return run_sync(everything())


def purging(table: str, key: str, over: str, oldest: str, still: str) -> str:
    """Return the statement that deletes the oldest rows under a condition; its parameters twice, then how many.

    ``still``: the condition once more, for rows that change while they are looked up, in words that no index serves.
    PostgreSQL would read all that is over by it, where its statistics are from a time when there was little.
    """
    inner = f"SELECT {key} FROM {table} WHERE {over} ORDER BY {oldest} LIMIT ?"
    return f"DELETE FROM {table} WHERE {still} AND {key} IN ({inner}) RETURNING {key}"


def _columns(fields: tuple[str, ...]) -> Iterator[str]:
    for name in fields:
        yield from ("medium", "address") if name == "threepid" else (name,)


def _parts(name: str, value: Any) -> tuple[Any, ...]:
    if name != "threepid":
        return (value,)
    return (None, None) if value is None else (value.medium, value.address)


def _is_read(kind: Any) -> bool:
    """Whether values of this type are stored as something else."""
    return isinstance(kind, type) and issubclass(kind, bool | Enum)


def _stored(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return int(value) if isinstance(value, bool) else value
