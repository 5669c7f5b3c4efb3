"""Rows of attrs classes: one column a field, two for a threepid, enums by value, booleans as 0 and 1.

Every column is TEXT or BIGINT, so that all drivers read and write the same Python types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Any, Generic, TypeVar, get_type_hints

import attrs

from ...model.threepid import Medium, Threepid
from ...offload import run_sync
from .operation import Alone, Database, Operation, Row, Statement

# ruff: noqa: S608  statements are made of constants of this package; values go in as parameters
T = TypeVar("T")

_SKIP_LOCKED = {"sqlite": "", "postgresql": " FOR UPDATE SKIP LOCKED"}
"""What makes workers that lease at once take different rows, by dialect.

PostgreSQL skips the rows that another transaction has locked
(https://www.postgresql.org/docs/current/sql-select.html#SQL-FOR-UPDATE-SHARE). SQLite has one writer at a time.
"""


class SqlTable(Generic[T]):
    """A table of the values of one attrs class, and the statements that every such table needs.

    * ``name``: the table's name.
    * ``kind``: the attrs class; its fields, in order, are the columns.
    * ``key``: the column that identifies a row in ``replace`` and ``lease_due``.
    """

    def __init__(self, name: str, kind: type[T], key: str) -> None:
        self._make: Callable[..., T] = kind
        self.name, self._key = name, key
        self._fields = tuple(field.name for field in attrs.fields(kind))  # type: ignore[arg-type]
        # Looked up once: resolving the annotations of a class is too slow to do it for every row.
        self._read = {name: read for name, read in get_type_hints(kind).items() if _is_read(read)}
        self.columns = tuple(_columns(self._fields))
        listed, marks = ", ".join(self.columns), ", ".join("?" * len(self.columns))
        self.insert = f"INSERT INTO {name} ({listed}) VALUES ({marks})"
        self.insert_if = f"INSERT INTO {name} ({listed}) SELECT {marks} WHERE"
        self._listed = listed
        self._select = f"SELECT {listed} FROM {name}"
        changes = ", ".join(f"{column} = ?" for column in self.columns)
        # Compare-and-swap: the revision in the condition makes the slower of two writers change no row.
        self._replace = f"UPDATE {name} SET {changes} WHERE {key} = ? AND revision = ? RETURNING {key}"

    def row(self, value: T) -> list[Any]:
        """Return the values of ``columns`` for one value of the class."""
        return [_stored(part) for name in self._fields for part in _parts(name, getattr(value, name))]

    def value(self, row: Row) -> T:
        """Return the value of the class that a row of ``columns`` holds."""
        values = dict(zip(self.columns, row, strict=True))
        if "threepid" in self._fields:
            medium, address = values.pop("medium"), values.pop("address")
            values["threepid"] = None if medium is None else Threepid(Medium(medium), address)
        for name, read in self._read.items():
            values[name] = read(values[name])
        return self._make(**values)

    def one(self, where: str, *values: str | None) -> Operation[T | None]:
        """Return the value under a condition on a unique key; ``None`` if there is no such row."""
        found = yield from self.many(where, *values)
        return found[0] if found else None

    def many(self, where: str, *values: str | int | None) -> Operation[list[T]]:
        """Return the values of all rows under a condition."""
        rows = yield Alone(f"{self._select} WHERE {where}", *values)
        return [self.value(row) for row in rows]

    def replace(self, value: Any) -> Operation[bool]:
        """Store a value if the stored revision is the one before its own; return whether it was stored."""
        sql, parameters = self.replacing(value)
        return bool((yield Alone(sql, *parameters)))

    def replacing(self, value: Any) -> Statement:
        """Return the statement of ``replace``, which returns the key if the value was stored."""
        return self._replace, [*self.row(value), getattr(value, self._key), value.revision - 1]

    def lease_due(
        self, dialect: str, now: int, until: int, which: str = "", values: Sequence[str] = ()
    ) -> Operation[T | None]:
        """Lease the row that has been due longest and return it with its new ``due_at``; ``None`` if none is due.

        * ``dialect``: that of the ``Database``.
        * ``now``: the time in ms; rows due later are not leased.
        * ``until``: the time in ms at which another worker may lease the row again.
        * ``which``: a condition more, which begins with ``AND``; none by default.
        * ``values``: the parameters of ``which``.
        """
        due = f"SELECT {self._key} FROM {self.name} WHERE due_at <= ? {which} ORDER BY due_at"
        oldest = f"{due} LIMIT 1{_SKIP_LOCKED[dialect]}"
        # The revision rises, so that whoever read the row before the lease cannot replace it any more.
        leasing = f"UPDATE {self.name} SET due_at = ?, revision = revision + 1 WHERE {self._key} = ({oldest})"
        rows = yield Alone(f"{leasing} RETURNING {self._listed}", until, now, *values)
        return self.value(rows[0]) if rows else None

    def dump(self, db: Database) -> list[T]:
        """Return all rows, for tests and tools; ``run_sync`` has to be able to drive the database."""

        async def everything() -> list[T]:
            return await db.run(lambda: self.many("0 = 0"))  # `many` needs a condition

        return run_sync(everything())


def purging(table: str, key: str, over: str, oldest: str, still: str) -> str:
    """Return a statement that deletes the oldest rows under a condition, in one portion.

    * ``table``, ``key``: the table and its primary key.
    * ``over``: the condition, which an index serves.
    * ``oldest``: the column of that index; the rows with the least values are deleted first.
    * ``still``: the same condition written so that no index serves it.

    Its parameters are those of ``still``, those of ``over``, and the largest number of rows. ``still`` checks rows
    again that another transaction has changed since they were selected. If an index served it, PostgreSQL might start
    from it and read every row that is over, wherever its statistics are from a time when few rows were.
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
    """Return whether values of this type are stored as values of another type."""
    return isinstance(kind, type) and issubclass(kind, bool | Enum)


def _stored(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return int(value) if isinstance(value, bool) else value
