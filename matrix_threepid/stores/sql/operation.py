"""What a transaction is to the stores: a generator that yields statements and is sent their rows.

Statements mark parameters with ``?`` and hold neither ``?`` nor a per cent sign inside literals; columns are
TEXT or BIGINT. So one text runs on sqlite3, psycopg, asyncpg and in a transaction of Synapse.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TypeVar

from ...protocol.errors import Unavailable

T = TypeVar("T")

Row = tuple[Any, ...]
Statement = tuple[str, Sequence[Any]]
"""SQL and its parameters, each ``str``, ``int`` or ``None``."""

Operation = Generator[Statement, list[Row], T]
"""One transaction under way; returns its result. It must do nothing but yield: it may be begun again."""

TRIES = 5
"""How often a transaction is begun before a database counts as unavailable."""


class Database(Protocol):
    """Somewhere transactions run."""

    @property
    def dialect(self) -> str:
        """``"sqlite"`` or ``"postgresql"``."""

    def run(self, operation: Callable[[], Operation[T]], /) -> Awaitable[T]:
        """Run one operation as one transaction; ``operation`` is called again when the database asks for a retry.

        Raises ``Unavailable`` if the database cannot serve right now.
        """


def run_operation(operation: Operation[T], execute: Callable[[str, Sequence[Any]], list[Row]]) -> T:
    """Run an operation inside a transaction that has begun; ``execute`` returns the rows of one statement."""
    try:
        statement = next(operation)
        while True:
            statement = operation.send(execute(*statement))
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


async def run_operation_async(
    operation: Operation[T], execute: Callable[[str, Sequence[Any]], Awaitable[list[Row]]]
) -> T:
    """Do what ``drive`` does with an ``execute`` that is awaited."""
    try:
        statement = next(operation)
        while True:
            statement = operation.send(await execute(*statement))
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


class Again(Exception):
    """A transaction came to nothing through no fault of its own; drivers raise it to ``retried``."""


class ReadOnly(Unavailable):
    """The database answers but takes no changes; clients hear what they hear of any ``Unavailable``."""

    REMEDY = (
        "the database is read-only: it is a standby, a demoted primary or a read-only file, or the role or the "
        "database has default_transaction_read_only = on. Connect to the primary (target_session_attrs=read-write), "
        "or make the file and its folder writable"
    )
    """What it means and what helps, for operators."""


def retried(
    begin: Callable[[int], T],
    turn: AbstractContextManager[Any] | None = None,
    *,
    tries: int = TRIES,
    pause: Callable[[int], None] = lambda _: None,
) -> T:
    """Begin a transaction until it holds; ``begin`` is given how often it was begun. Raises ``Unavailable``.

    ``turn``: a lock for all tries but the first, so that those who lost to each other do not do so again;
    ``pause``: waits after a try, and is given its number.
    """
    last: BaseException | None = None
    for number in range(tries):
        try:
            with turn if turn and number else nullcontext():
                return begin(number)
        except Again as again:
            last = again.__cause__
        pause(number)
    raise Unavailable from last
