"""Transactions as generators that yield statements and are sent their rows (decision 5).

Statements mark parameters with ``?`` and hold neither ``?`` nor a per cent sign inside literals; columns are
TEXT or BIGINT. So the same SQL runs on sqlite3, psycopg, asyncpg and in a transaction of Synapse.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from ...protocol.errors import Unavailable
from ...protocol.wiring import demand, having

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")

Row = tuple[Any, ...]
"""One row of a result, a value for each column."""
Statement = tuple[str, Sequence[Any]]
"""SQL and its parameters, each ``str``, ``int`` or ``None``."""


class Alone(tuple[str, Sequence[Any]]):
    """A ``Statement`` that needs no transaction around it, such as a look-up or an insert that decides by itself.

    A database may commit it by itself, which saves the round trips of BEGIN and COMMIT. So an operation marks a
    statement only if nothing was changed before it, and if nothing follows it once it has changed something.

    * ``sql``: the SQL.
    * ``*parameters``: its parameters.

    >>> sql, parameters = Alone("SELECT revision FROM threepid_sessions WHERE sid = ?", "a")
    >>> parameters
    ('a',)
    """

    __slots__ = ()

    def __new__(cls, sql: str, *parameters: Any) -> Self:
        return super().__new__(cls, (sql, parameters))


class Later(Alone):
    """A statement like ``Alone`` that may wait until nothing else does, such as a purge."""

    __slots__ = ()


Operation = Generator[Statement, list[Row], T]
"""One transaction; the generator returns its result.

It has no other effect than its statements, because a database may undo the transaction and have it begun again.
"""

DEADLINE = 5_000
"""The ms that drivers of PostgreSQL give a transaction by default."""


class Patient:
    """An operation that may take longer than ``DEADLINE``, such as a migration.

    * ``operation``: the operation.
    """

    def __init__(self, operation: Callable[[], Operation[T]]) -> None:
        self._operation = operation

    def __call__(self) -> Operation[Any]:
        """Return the generator, as every operation does."""
        return self._operation()


TRIES = 5
"""The times a transaction is begun before the database counts as unavailable."""


class Database(Protocol):
    """Runs operations as transactions."""

    @property
    def dialect(self) -> str:
        """``"sqlite"`` or ``"postgresql"``; a few statements differ by it.

        May raise ``RuntimeError`` before the first transaction, where the database does not know it earlier.
        """

    def run(self, operation: Callable[[], Operation[T]], /) -> Awaitable[T]:
        """Run one operation as one transaction and return its result.

        * ``operation``: makes the generator; called again for each further try when the database undoes the
          transaction.

        Raises ``Unavailable`` if the database cannot serve right now.
        """


def checked_database(db: Database) -> Database:
    """Return the database of a store. Raises ``ConfigurationError`` for a path, a URL, a connection or a class."""
    demand("db", db, _is_database, "must be a database, such as Sqlite(path) or AsyncPsycopg(pool.connection)")
    return db


def _is_database(db: Any) -> bool:
    if not having("run")(db):
        return False
    try:
        return db.dialect in ("sqlite", "postgresql")
    except RuntimeError:  # a database of a host that knows its dialect only from the first transaction on
        return True


def checked_connect(connect: T, driver: str) -> T:
    """Return what opens connections of a driver. Raises ``ConfigurationError`` for a URL, a pool or a class of none."""
    demand(f"{driver}: connect", connect, callable, "must be a function such as pool.connection")
    return connect


def run_operation(operation: Operation[T], execute: Callable[[str, Sequence[Any]], list[Row]]) -> T:
    """Run an operation inside a transaction that has begun, and return its result.

    * ``operation``: a generator that has not begun.
    * ``execute``: runs one statement with its parameters and returns its rows, none for a statement without rows.

    >>> def version():
    ...     rows = yield "SELECT max(version) FROM matrix_threepid_schema WHERE version > ?", (0,)
    ...     return rows[0][0]
    >>> run_operation(version(), lambda sql, parameters: [(4,)])
    4
    """
    return run_statements(operation, lambda statement: execute(*statement))


async def run_operation_async(
    operation: Operation[T], execute: Callable[[str, Sequence[Any]], Awaitable[list[Row]]]
) -> T:
    """Do what ``run_operation`` does with an ``execute`` that is awaited."""
    return await run_statements_async(operation, lambda statement: execute(*statement))


def run_statements(operation: Operation[T], execute: Callable[[Statement], list[Row]]) -> T:
    """Run an operation and return its result; ``execute`` is given each statement as the operation marked it."""
    try:
        statement = next(operation)
        while True:
            statement = operation.send(execute(statement))
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


async def run_statements_async(operation: Operation[T], execute: Callable[[Statement], Awaitable[list[Row]]]) -> T:
    """Do what ``run_statements`` does with an ``execute`` that is awaited."""
    try:
        statement = next(operation)
        while True:
            statement = operation.send(await execute(statement))
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


def within(operation: Operation[T]) -> Operation[T]:
    """Run an operation as a part of another one, in its transaction: nothing of it is ``Alone`` any more."""
    rows: list[Row] | None = None
    try:
        while True:
            statement = next(operation) if rows is None else operation.send(rows)
            rows = yield tuple(statement)  # type: ignore[misc]
    except StopIteration as stop:
        return cast("T", stop.value)


class Again(Exception):
    """The database has undone a transaction that may succeed if it is begun again; for ``retried`` only."""


class ReadOnly(Unavailable):
    """The database answers but refuses changes; the client is answered as for any ``Unavailable``, with 503."""

    REMEDY = (
        "the database is read-only: it is a standby, a demoted primary or a read-only file, or the role or the "
        "database has default_transaction_read_only = on. Connect to the primary (target_session_attrs=read-write), "
        "or make the file and its folder writable"
    )
    """The causes and the remedy, for messages to operators."""


def retried(
    begin: Callable[[int], T],
    turn: AbstractContextManager[Any] | None = None,
    *,
    tries: int = TRIES,
    pause: Callable[[int], None] = lambda _: None,
) -> T:
    """Run a transaction, again while it raises ``Again``, and return its result.

    * ``begin``: runs the transaction once; its argument is the number of the try, from 0.
    * ``turn``: a lock held during every try but the first, so that transactions of this process that undid each other
      run one after another; ``None``: no lock.
    * ``tries``: the number of tries.
    * ``pause``: waits after a try that failed; its argument is the number of the try.

    Raises ``Unavailable`` after the last try, from the driver's error.
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
