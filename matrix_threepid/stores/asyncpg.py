"""PostgreSQL through asyncpg."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

from .sql.operation import Operation, Row, drive_async, retried_async
from .sql.postgresql import raised_for, with_numbers

T = TypeVar("T")


class Asyncpg:
    """A ``Database`` on connections of asyncpg.

    ``connect``: gives a connection for the time of one transaction, as ``Pool.acquire`` does.
    """

    dialect = "postgresql"

    def __init__(self, connect: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        import asyncio

        self._connect, self._turn = connect, asyncio.Lock()

    def run(self, operation: Callable[[], Operation[T]], /) -> Awaitable[T]:
        """Run one operation as one transaction. Raises ``Unavailable``."""
        return retried_async(lambda: self._transaction(operation()), self._turn)

    async def _transaction(self, operation: Operation[T]) -> T:
        with _explained():
            async with self._connect() as connection, connection.transaction():

                async def execute(sql: str, parameters: Sequence[Any]) -> list[Row]:
                    return [tuple(row) for row in await connection.fetch(with_numbers(sql), *parameters)]

                return await drive_async(operation, execute)


@contextmanager
def _explained() -> Iterator[None]:
    import asyncpg

    try:
        yield
    except (asyncpg.PostgresError, OSError) as error:
        if (reason := raised_for(getattr(error, "sqlstate", None))) is None:
            raise
        raise reason from error
