"""``Psycopg`` and ``AsyncPsycopg``: PostgreSQL through psycopg 3 (https://www.psycopg.org/psycopg3/docs/)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from threading import Lock
from time import sleep
from typing import TYPE_CHECKING, Any, TypeVar

from ..offload import Offload
from ..protocol.wiring import demand, whole
from ..threads import Threads
from ._cutting import cut_after, shut
from .sql.operation import DEADLINE, Alone, Operation, Patient, Row, Statement, checked_connect, retried, run_statements
from .sql.postgresql import TRIES, AwaitedConnections, elsewhere, pause, raised_for, with_percent

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")


class Psycopg:
    """A ``Database`` on blocking connections of psycopg; threads may share it.

    * ``connect``: returns a context manager around one connection, which is used for one transaction;
      ``ConnectionPool.connection`` (https://www.psycopg.org/psycopg3/docs/api/pool.html) and
      ``partial(psycopg.connect, uri)`` do.
    * ``offload``: runs the transactions away from the event loop; ``None`` makes ``Threads(16, patience=10_000)``: 16
      transactions at once, and ``Unavailable`` for one that has waited 10 s for a thread.
    * ``deadline``: the ms that a transaction may take, 5,000 by default; then its connection is closed, and it raises
      ``Unavailable``. ``None``: any time, also if the server never answers. Migrations may take any time.
    """

    dialect = "postgresql"

    def __init__(
        self,
        connect: Callable[[], AbstractContextManager[psycopg.Connection[Any]]],
        offload: Offload | None = None,
        *,
        deadline: int | None = DEADLINE,
    ) -> None:
        demand("deadline", deadline, lambda given: given is None or whole(1)(given), "must be ms from 1, or None")
        self._deadline = deadline
        # Transactions that are begun again take turns here, see `retried`.
        self._connect, self._turn = checked_connect(connect, "Psycopg"), Lock()
        self._offload = offload or Threads(16, patience=10_000)

    def run(self, operation: Callable[[], Operation[T]], /) -> Awaitable[T]:
        """Run one operation as one transaction. Raises ``Unavailable`` if the database cannot serve right now."""
        return self._offload(lambda: self._retried(operation))

    def prepares_behind_a_pooler(self) -> Awaitable[bool]:
        """Return whether connections prepare statements, and a pooler such as PgBouncer lies before the server.

        Raises ``Unavailable`` if the database cannot serve right now.
        """
        return self._offload(self._is_led_elsewhere)

    def _is_led_elsewhere(self) -> bool:
        with _translating_errors(), self._connect() as connection, _autocommit(connection):
            if connection.prepare_threshold is None:
                return False
            return connection.execute(elsewhere(connection.info.backend_pid)).fetchone() is not None

    def _retried(self, operation: Callable[[], Operation[T]]) -> T:
        def sleep_after(number: int) -> None:
            # Blocking is right here: this runs in a thread of `offload`.
            sleep(pause(number))

        # `operation()` inside of the lambda: each try needs a generator that has not begun.
        ms = None if isinstance(operation, Patient) else self._deadline
        return retried(lambda _: self._transaction(operation(), ms), self._turn, tries=TRIES, pause=sleep_after)

    def _transaction(self, operation: Operation[T], ms: int | None) -> T:
        # Errors are translated outermost, because COMMIT fails on leaving `transaction()`: a serialization failure of
        # PostgreSQL may show only then.
        with (
            _translating_errors(),
            self._connect() as connection,
            cut_after(ms, lambda: _cut(connection)),
            _autocommit(connection),
            ExitStack() as stack,
        ):
            within = False

            def execute(statement: Statement) -> list[Row]:
                nonlocal within
                if not within and not isinstance(statement, Alone):
                    stack.enter_context(connection.transaction())
                    within = True
                sql, parameters = statement
                cursor = connection.execute(with_percent(sql), parameters)
                # psycopg raises on fetching from a statement that returns no rows, such as CREATE TABLE.
                return cursor.fetchall() if cursor.description else []

            return run_statements(operation, execute)


class AsyncPsycopg(AwaitedConnections):
    """A ``Database`` on asyncio connections of psycopg.

    * ``connect``: returns an async context manager around one connection, as ``AsyncConnectionPool.connection`` does
      (https://www.psycopg.org/psycopg3/docs/api/pool.html).
    """

    def _prepares(self, connection: psycopg.AsyncConnection[Any]) -> bool:
        return connection.prepare_threshold is not None

    async def _is_led_elsewhere(self, connection: psycopg.AsyncConnection[Any]) -> bool:
        cursor = await connection.execute(elsewhere(connection.info.backend_pid))
        return await cursor.fetchone() is not None

    async def _fetch(self, connection: Any, sql: str, parameters: Sequence[Any]) -> list[Row]:
        cursor = await connection.execute(with_percent(sql), parameters)
        return await cursor.fetchall() if cursor.description else []

    def _cut(self, connection: Any) -> None:
        _cut(connection)

    def _committing_alone(self, connection: Any) -> AbstractAsyncContextManager[Any]:
        return _autocommit_async(connection)

    def _translating_errors(self) -> AbstractContextManager[None]:
        return _translating_errors()


def _cut(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    """Shut the socket of a connection down; the method ``close`` must not be called from another thread."""
    import psycopg

    with suppress(psycopg.Error):  # it is closed already
        shut(connection.fileno())


@contextmanager
def _autocommit(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Switch a connection to autocommit, and back for the host, which may use the pool for itself.

    That is a variable of psycopg alone; nothing of it is sent
    (https://www.psycopg.org/psycopg3/docs/basic/transactions.html#autocommit-transactions).
    """
    if connection.autocommit:
        yield
        return
    connection.autocommit = True
    try:
        yield
    finally:
        if not connection.closed:
            connection.autocommit = False


@asynccontextmanager
async def _autocommit_async(connection: psycopg.AsyncConnection[Any]) -> AsyncIterator[None]:
    """Do what ``_autocommit`` does with a connection that is awaited."""
    if connection.autocommit:
        yield
        return
    await connection.set_autocommit(True)
    try:
        yield
    finally:
        if not connection.closed:
            await connection.set_autocommit(False)


@contextmanager
def _translating_errors() -> Iterator[None]:
    """Raise what ``raised_for`` returns in the place of psycopg's errors."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        # A pool that is closed or has no connection left raises a subclass of OperationalError without an SQLSTATE.
        if (reason := raised_for(error.sqlstate, lost=isinstance(error, psycopg.OperationalError))) is None:
            raise
        raise reason from error
