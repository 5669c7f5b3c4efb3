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
    import asyncio

    import asyncpg

    try:
        yield
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        # A transaction whose connection breaks ends with the first, in the place of what broke it; with the second, the
        # search for a server in the state that target_session_attrs asks for.
        unfit = getattr(asyncpg, "TargetServerAttributeNotMatched", ())
        if not (str(error).endswith(_CLOSED) or isinstance(error, unfit)):
            raise
        raise Unavailable from error
    except (asyncpg.PostgresError, OSError, asyncio.TimeoutError) as error:
        if (reason := raised_for(getattr(error, "sqlstate", None))) is None:
            raise
        raise reason from error
