"""What the drivers of PostgreSQL have in common: markers, the meaning of error codes, connections that are awaited."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from functools import lru_cache
from itertools import count
from secrets import randbelow
from typing import Any, TypeVar

from ...protocol.errors import Unavailable
from .operation import Again, Operation, ReadOnly, Row, run_operation_async

T = TypeVar("T")

TRIES = 30
"""How often a transaction is begun: above READ COMMITTED many lose where many meet at a row, and none may for good."""
_LONGEST = 128  # ms
_BEGIN_AGAIN = ("40001", "40P01")  # serialization failure, deadlock
_READ_ONLY = "25006"
_OUTAGES = (
    "08",  # connection
    "25",  # state of the transaction: read-only, failed, idle for too long
    "28",  # not let in
    "3D",  # no such database
    "53",  # resources: memory, disk, connections
    "55",  # locks, and objects that are not in the state they have to be in
    "57",  # operator: shutting down, starting up, cancelled
    "58",  # errors outside of PostgreSQL: input and output, files
    "XX",  # internal errors: corrupted data, poolers in front of it
)
"""Classes of error codes that tell of the server and not of the statement."""


class AwaitedConnections(ABC):
    """A ``Database`` on connections that are awaited on asyncio.

    ``connect``: gives a connection for the time of one transaction, as a pool does.
    """

    dialect = "postgresql"

    def __init__(self, connect: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        import asyncio

        self._connect, self._turn = connect, asyncio.Lock()

    def run(self, operation: Callable[[], Operation[T]], /) -> Awaitable[T]:
        """Run one operation as one transaction. Raises ``Unavailable``."""
        return self._retried(operation)

    @abstractmethod
    async def _fetch(self, connection: Any, sql: str, parameters: Sequence[Any]) -> list[Row]:
        """Run one statement and return its rows."""

    @abstractmethod
    def _explained(self) -> AbstractContextManager[None]:
        """Raise what ``raised_for`` returns in the place of the driver's own errors."""

    async def _retried(self, operation: Callable[[], Operation[T]]) -> T:
        import asyncio

        last: BaseException | None = None
        for number in range(TRIES):
            try:
                async with self._turn if number else nullcontext():
                    return await self._transaction(operation())
            except Again as again:
                last = again.__cause__
            await asyncio.sleep(pause(number))
        raise Unavailable from last

    async def _transaction(self, operation: Operation[T]) -> T:
        with self._explained():
            async with self._connect() as connection, connection.transaction():
                return await run_operation_async(operation, lambda sql, given: self._fetch(connection, sql, given))


def pause(number: int) -> float:
    """Return the seconds to wait after a try that lost: at random, so that those who met do not meet again."""
    return randbelow(1000 * min(2**number, _LONGEST)) / 1_000_000


def raised_for(sqlstate: str | None, *, lost: bool = True) -> type[Exception] | None:
    """Return what to raise for an error of any driver; ``None`` for a bug, which is left visible.

    ``sqlstate``: the error code that the server gives (PostgreSQL, appendix A).
    ``lost``: whether an error without a code means that there is no connection.
    """
    if sqlstate is None:
        return Unavailable if lost else None
    if sqlstate in _BEGIN_AGAIN:
        return Again
    if sqlstate == _READ_ONLY:
        return ReadOnly
    return Unavailable if sqlstate.startswith(_OUTAGES) else None


@lru_cache(1024)
def with_percent(sql: str) -> str:
    """Return a statement with its parameters marked ``%s``."""
    return sql.replace("?", "%s")


@lru_cache(1024)
def with_numbers(sql: str) -> str:
    """Return a statement with its parameters numbered from ``$1``."""
    numbers = count(1)
    return re.sub(r"\?", lambda _: f"${next(numbers)}", sql)
