"""What the drivers of PostgreSQL share: markers of parameters, the meaning of error codes, awaited connections."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from functools import lru_cache
from itertools import count
from secrets import randbelow
from typing import Any, TypeVar

from ...protocol.errors import Unavailable
from ...protocol.wiring import demand, whole
from .operation import (
    DEADLINE,
    Again,
    Alone,
    Operation,
    Patient,
    ReadOnly,
    Row,
    Statement,
    checked_connect,
    run_statements_async,
)

T = TypeVar("T")

TRIES = 30
"""The times a transaction is begun.

More than for SQLite, because above READ COMMITTED PostgreSQL undoes all but one of the transactions that change a row
at once, and each of them has to succeed in the end
(https://www.postgresql.org/docs/current/transaction-iso.html#XACT-REPEATABLE-READ).
"""
_LONGEST = 128  # ms
POOLER = (
    "a pooler such as PgBouncer lies before the server; unless its pool_mode is session, prepared statements fail: "
    "add prepared=off to the URL, or give psycopg's connections prepare_threshold=None, or asyncpg's "
    "statement_cache_size=0 and Asyncpg prepared=False"
)
"""What operators are told of connections that prepare statements behind a pooler."""
# SQLSTATEs, https://www.postgresql.org/docs/current/errcodes-appendix.html
_BEGIN_AGAIN = ("40001", "40P01")  # serialization failure, deadlock
_READ_ONLY = "25006"
_OUTAGES = (
    "08",  # connection
    "25",  # state of the transaction: read-only, failed, idle for too long
    "28",  # login refused
    "3D",  # no such database
    "53",  # resources: memory, disk, connections
    "55",  # locks, and objects that are not in the state they have to be in
    "57",  # operator: shutting down, starting up, cancelled
    "58",  # errors outside of PostgreSQL: input and output, files
    "XX",  # internal errors: corrupted data, poolers in front of it
)
"""Classes of SQLSTATEs about the server rather than about a statement; any other code is a bug of ours."""


class AwaitedConnections(ABC):
    """A ``Database`` on connections that are awaited on asyncio.

    * ``connect``: returns an async context manager around one connection, which is used for one transaction.
    * ``deadline``: the ms that a transaction may take, 5,000 by default; then its connection is closed, and it raises
      ``Unavailable``. ``None``: any time, also if the server never answers. Migrations may take any time.
    """

    dialect = "postgresql"
    # Whether an `Alone` statement is sent without a transaction.
    _alone = True

    def __init__(
        self, connect: Callable[[], AbstractAsyncContextManager[Any]], *, deadline: int | None = DEADLINE
    ) -> None:
        import asyncio

        demand("deadline", deadline, lambda given: given is None or whole(1)(given), "must be ms from 1, or None")
        self._deadline = deadline
        self._connect = checked_connect(connect, type(self).__name__)
        self._turn = asyncio.Lock()

    def run(self, operation: Callable[[], Operation[T]], /) -> Awaitable[T]:
        """Run one operation as one transaction. Raises ``Unavailable`` if the database cannot serve right now."""
        return self._retried(operation)

    async def prepares_behind_a_pooler(self) -> bool:
        """Return whether connections prepare statements, and a pooler such as PgBouncer lies before the server.

        Raises ``Unavailable`` if the database cannot serve right now.
        """
        with self._translating_errors():
            async with self._connect() as connection, self._committing_alone(connection):
                return self._prepares(connection) and await self._is_led_elsewhere(connection)

    @abstractmethod
    def _prepares(self, connection: Any) -> bool:
        """Return whether a connection prepares statements that it runs again."""

    @abstractmethod
    async def _is_led_elsewhere(self, connection: Any) -> bool:
        """Return whether the process that answers is another one than the connection was told when it was opened.

        A pooler tells a number of its own, since it may lead each transaction to another process
        (https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-BACKENDKEYDATA).
        """

    @abstractmethod
    async def _fetch(self, connection: Any, sql: str, parameters: Sequence[Any]) -> list[Row]:
        """Run one statement and return its rows."""

    def _committing_alone(self, connection: Any) -> AbstractAsyncContextManager[Any]:
        """Have statements outside of ``connection.transaction()`` committed one by one, without a round trip."""
        return nullcontext()

    @abstractmethod
    def _translating_errors(self) -> AbstractContextManager[None]:
        """Raise what ``raised_for`` returns in the place of the driver's own errors."""

    async def _retried(self, operation: Callable[[], Operation[T]]) -> T:
        """Do what ``operation.retried`` does, with a lock and a pause that are awaited."""
        import asyncio

        last: BaseException | None = None
        patient = isinstance(operation, Patient)
        for number in range(TRIES):
            try:
                async with self._turn if number else nullcontext():
                    return await self._transaction(operation(), None if patient else self._deadline)
            except Again as again:
                last = again.__cause__
            await asyncio.sleep(pause(number))
        raise Unavailable from last

    @abstractmethod
    def _cut(self, connection: Any) -> None:
        """Break a connection off, so that whatever waits for its server fails at once."""

    @contextmanager
    def _cut_after(self, ms: int | None, connection: Any) -> Iterator[None]:
        import asyncio

        if ms is None:
            yield
            return
        alarm = asyncio.get_running_loop().call_later(ms / 1000, self._cut, connection)
        try:
            yield
        finally:
            alarm.cancel()

    async def _transaction(self, operation: Operation[T], ms: int | None) -> T:
        # Errors are translated outermost, because COMMIT fails on leaving `transaction()`: a serialization failure may
        # show only then.
        with self._translating_errors():
            async with (
                self._connect() as connection,
                _entered(self._cut_after(ms, connection)),
                self._committing_alone(connection),
                AsyncExitStack() as stack,
            ):
                within = False

                async def execute(statement: Statement) -> list[Row]:
                    nonlocal within
                    if not within and not (self._alone and isinstance(statement, Alone)):
                        await stack.enter_async_context(connection.transaction())
                        within = True
                    return await self._fetch(connection, *statement)

                return await run_statements_async(operation, execute)


@asynccontextmanager
async def _entered(inner: AbstractContextManager[None]) -> AsyncIterator[None]:
    with inner:
        yield


def elsewhere(pid: int) -> str:
    """Return a statement that finds one row if another process of the server than this one answers, else none."""
    # Without a parameter, so that a driver need not prepare it.
    return f"SELECT 1 WHERE pg_backend_pid() <> {pid:d}"


def pause(number: int) -> float:
    """Return the s to wait after the try of this number failed: random, below 1 ms at first, at most 128 ms.

    Random, so that transactions that undid each other do not begin again at the same time.
    """
    # From `secrets` as all chance of the package (SEC-21), though nothing secret depends on it.
    return randbelow(1000 * min(2**number, _LONGEST)) / 1_000_000


def raised_for(sqlstate: str | None, *, lost: bool = True) -> type[Exception] | None:
    """Return the exception to raise for an error of any driver; ``None`` if it is a bug, to be raised as it is.

    * ``sqlstate``: the server's error code (https://www.postgresql.org/docs/current/errcodes-appendix.html); ``None``
      for an error of the driver itself.
    * ``lost``: whether an error without a code means that there is no connection.

    >>> raised_for("40001").__name__, raised_for("57P01").__name__, raised_for("42601")
    ('Again', 'Unavailable', None)
    """
    if sqlstate is None:
        return Unavailable if lost else None
    if sqlstate in _BEGIN_AGAIN:
        return Again
    if sqlstate == _READ_ONLY:
        return ReadOnly
    return Unavailable if sqlstate.startswith(_OUTAGES) else None


# Both are cached because the stores have a few dozen statements and run them at every request.
@lru_cache(1024)
def with_percent(sql: str) -> str:
    """Return a statement whose parameters are marked ``%s``, as psycopg wants.

    >>> with_percent("SELECT mxid FROM matrix_threepid_associations WHERE address = ? AND medium = ?")
    'SELECT mxid FROM matrix_threepid_associations WHERE address = %s AND medium = %s'
    """
    return sql.replace("?", "%s")


@lru_cache(1024)
def with_numbers(sql: str) -> str:
    """Return a statement whose parameters are numbered from ``$1``, as asyncpg wants.

    >>> with_numbers("SELECT mxid FROM matrix_threepid_associations WHERE address = ? AND medium = ?")
    'SELECT mxid FROM matrix_threepid_associations WHERE address = $1 AND medium = $2'
    """
    numbers = count(1)
    return re.sub(r"\?", lambda _: f"${next(numbers)}", sql)
