"""PostgreSQL through asyncpg."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from .sql.operation import Row
from .sql.postgresql import AwaitedConnections, raised_for, with_numbers


class Asyncpg(AwaitedConnections):
    """A ``Database`` on connections of asyncpg; ``connect`` is what ``Pool.acquire`` is."""

    async def _fetch(self, connection: Any, sql: str, parameters: Sequence[Any]) -> list[Row]:
        return [tuple(row) for row in await connection.fetch(with_numbers(sql), *parameters)]

    def _explained(self) -> AbstractContextManager[None]:
        return _explained()


@contextmanager
def _explained() -> Iterator[None]:
    import asyncpg

    try:
        yield
    except (asyncpg.PostgresError, OSError) as error:
        if (reason := raised_for(getattr(error, "sqlstate", None))) is None:
            raise
        raise reason from error
