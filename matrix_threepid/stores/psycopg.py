"""PostgreSQL through psycopg 3, in threads or on asyncio."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from time import sleep
from typing import TYPE_CHECKING, Any, TypeVar

from ..offload import Offload
from ..threads import Threads
from .sql.operation import Operation, Row, retried, run_operation
from .sql.postgresql import TRIES, AwaitedConnections, pause, raised_for, with_percent

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")


class Psycopg:
    """A ``Database`` on connections of psycopg that block; threads and processes may share it.

    * ``connect``: gives a connection for the time of one transaction, as ``ConnectionPool.connection`` and
      ``partial(psycopg.connect, uri)`` do.
    * ``offload``: where transactions run; by default 16 threads of its own, for so many transactions at once, each of
      which waits 10 s at most for its turn.
    """

    dialect = "postgresql"

    def __init__(
        self, connect: Callable[[], AbstractContextManager[psycopg.Connection[Any]]], offload: Offload | None = None
    ) -> None:
        self._connect, self._turn = connect, Lock()
        self._offload = offload or Threads(16, patience=10_000)

    def run(self, operation: Callable[[], Operation[T]], /) -> Awaitable[T]:
        """Run one operation as one transaction. Raises ``Unavailable``."""
        return self._offload(lambda: self._retried(operation))

    def _retried(self, operation: Callable[[], Operation[T]]) -> T:
        def rest(number: int) -> None:
            sleep(pause(number))

        return retried(lambda _: self._transaction(operation()), self._turn, tries=TRIES, pause=rest)

    def _transaction(self, operation: Operation[T]) -> T:
        with _explained(), self._connect() as connection, connection.transaction():

            def execute(sql: str, parameters: Sequence[Any]) -> list[Row]:
                cursor = connection.execute(with_percent(sql), parameters)
                return cursor.fetchall() if cursor.description else []

            return run_operation(operation, execute)


class AsyncPsycopg(AwaitedConnections):
    """A ``Database`` on connections of psycopg that are awaited; ``connect``: as ``AsyncConnectionPool.connection``."""

    async def _fetch(self, connection: Any, sql: str, parameters: Sequence[Any]) -> list[Row]:
        cursor = await connection.execute(with_percent(sql), parameters)
        return await cursor.fetchall() if cursor.description else []

    def _explained(self) -> AbstractContextManager[None]:
        return _explained()


@contextmanager
def _explained() -> Iterator[None]:
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        # A pool that is closed or has no connection left raises OperationalError, too.
        if (reason := raised_for(error.sqlstate, lost=isinstance(error, psycopg.OperationalError))) is None:
            raise
        raise reason from error
