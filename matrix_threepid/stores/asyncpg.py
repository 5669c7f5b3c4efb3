"""``Asyncpg``: PostgreSQL through asyncpg (https://magicstack.github.io/asyncpg/current/)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from typing import Any

from ..protocol.errors import Unavailable
from .sql.operation import DEADLINE, Row
from .sql.postgresql import AwaitedConnections, elsewhere, raised_for, with_numbers

_CLOSED = ("is closed", "is closing")
_INTERRUPTED = "cannot switch to state"


class Asyncpg(AwaitedConnections):
    """A ``Database`` on connections of asyncpg.

    * ``connect``: returns an async context manager around one connection, as ``Pool.acquire`` does
      (https://magicstack.github.io/asyncpg/current/api/index.html#asyncpg.pool.Pool.acquire).
    * ``prepared``: whether the connections keep prepared statements, as they do unless ``statement_cache_size=0`` is
      among their arguments. ``False`` has every statement run in a transaction. Default ``True``.
    * ``deadline``: the ms that a transaction may take, 5,000 by default; then its connection is closed, and it raises
      ``Unavailable``. ``None``: any time.
    """

    def __init__(
        self,
        connect: Callable[[], AbstractAsyncContextManager[Any]],
        *,
        prepared: bool = True,
        deadline: int | None = DEADLINE,
    ) -> None:
        super().__init__(connect, deadline=deadline)
        # Without its cache asyncpg parses a statement and runs it in two exchanges. Outside of a transaction a pooler
        # may lead the second one to another connection of the server, which does not know the statement.
        self._alone = prepared

    def _prepares(self, connection: Any) -> bool:
        return self._alone

    async def _is_led_elsewhere(self, connection: Any) -> bool:
        # `execute` without parameters prepares nothing, and answers with the command and the number of rows.
        return bool(await connection.execute(elsewhere(connection.get_server_pid())) != "SELECT 0")

    async def _fetch(self, connection: Any, sql: str, parameters: Sequence[Any]) -> list[Row]:
        return [tuple(row) for row in await connection.fetch(with_numbers(sql), *parameters)]

    def _cut(self, connection: Any) -> None:
        connection.terminate()

    def _translating_errors(self) -> AbstractContextManager[None]:
        return _translating_errors()


@contextmanager
def _translating_errors() -> Iterator[None]:
    """Raise what ``raised_for`` returns in the place of asyncpg's errors."""
    import asyncio

    import asyncpg

    try:
        yield
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        # If the connection breaks inside a transaction, asyncpg raises InterfaceError ("connection is closed") from the
        # rollback in place of the error that broke it. It raises TargetServerAttributeNotMatched, a subclass of
        # InternalClientError, if no server is in the state that target_session_attrs asks for. Its pool raises another
        # one when it takes back a connection that broke while a statement ran. Everything else of these two classes is
        # a wrong use of asyncpg, hence a bug. Releases of asyncpg without target_session_attrs lack the
        # class.
        no_such_server = getattr(asyncpg, "TargetServerAttributeNotMatched", ())
        broke = isinstance(error, asyncpg.InternalClientError) and str(error).startswith(_INTERRUPTED)
        if not (broke or str(error).endswith(_CLOSED) or isinstance(error, no_such_server)):
            raise
        raise Unavailable from error
    except (asyncpg.PostgresError, OSError, asyncio.TimeoutError) as error:
        if (reason := raised_for(getattr(error, "sqlstate", None))) is None:
            raise
        raise reason from error
