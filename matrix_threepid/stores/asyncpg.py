"""PostgreSQL through asyncpg."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from ..protocol.errors import Unavailable
from .sql.operation import Row
from .sql.postgresql import AwaitedConnections, raised_for, with_numbers

_CLOSED = ("is closed", "is closing")


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
    except asyncpg.InterfaceError as error:
        # A transaction whose connection breaks ends with this, in the place of what broke it.
        if not str(error).endswith(_CLOSED):
            raise
        raise Unavailable from error
    except (asyncpg.PostgresError, OSError) as error:
        if (reason := raised_for(getattr(error, "sqlstate", None))) is None:
            raise
        raise reason from error
