"""``open_database``: opens the database that a URL in a configuration file or on a command line names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import Any, TypeVar

from ..protocol.errors import ConfigurationError, Unavailable
from .sql.operation import Database, Operation

T = TypeVar("T")

SQLITE = "sqlite:///"
"""What the URL of an SQLite database begins with."""
POSTGRESQL = ("postgresql://", "postgres://")
FORMS = f"{SQLITE}FILE or {POSTGRESQL[0]}…"
"""The forms of a URL, for messages: ``sqlite:///a.db`` (relative path), ``sqlite:////folder/a.db`` (absolute)."""
# As many as `Psycopg` has threads; PostgreSQL allows 100 connections by default, over all programs.
_CONNECTIONS = 16
# The s to wait for the first connection: a program that starts with a wrong URL has to end soon with a message.
_WAIT_FOR_SERVER = 5.0
# The s that a request waits for a connection, and then hears 503.
_WAIT_FOR_CONNECTION = 5.0
# The s for which a place in the pool tries to connect, with growing pauses. A longer time lets the pauses of all places
# grow during an outage, so that requests go on waiting when the server is back; a place that gave up is free at once.
_RECONNECT = 2.0
# The s that one server may take to accept a connection, unless the URL says otherwise: one that is frozen accepts none,
# and the next one of the URL has to be tried.
_CONNECT = 2


def open_database(url: str, *, schema: str | None = None) -> AbstractAsyncContextManager[Database]:
    """Return an async context manager that opens a database, for asyncio.

    * ``url``: ``sqlite:///FILE``, or a connection URI of PostgreSQL
      (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS), which needs the extra
      ``postgres`` and opens up to 16 connections. ``prepared=off`` among its parameters keeps them from preparing
      statements, which fail behind PgBouncer in the mode ``transaction``; ``on`` by default.
    * ``schema``: of PostgreSQL, the ``search_path`` in place of the one that the server or the URL sets; ignored for
      SQLite.

    Raises ``ConfigurationError`` if the database cannot be opened. Its text does not hold the URL, which may hold a
    password.
    """
    if not isinstance(url, str):
        raise ConfigurationError(f"database: must be {FORMS}")
    if url.startswith(POSTGRESQL):
        return _postgresql(url, schema)
    if (file := sqlite_file(url)) is None:
        raise ConfigurationError(f"database: must be {FORMS}")
    return _sqlite(file)


def worked_on(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    """Open a database, await ``work`` with it and return the result, for programs without an event loop.

    Raises ``ConfigurationError`` as ``open_database`` does.
    """
    import asyncio

    async def done() -> T:
        async with open_database(url) as db:
            return await work(db)

    return asyncio.run(done())


def sqlite_file(url: str) -> Path | None:
    """Return the file that a URL of SQLite names; ``None`` for any other URL.

    Raises ``ConfigurationError`` if the folder of the file does not exist.

    >>> sqlite_file("sqlite:///threepid.db").name, sqlite_file("postgresql://localhost/threepid")
    ('threepid.db', None)
    """
    file = url.removeprefix(SQLITE)
    if not file or file == url:
        return None
    if not Path(file).parent.is_dir():
        raise ConfigurationError("database: the folder of the file does not exist")
    return Path(file)


@asynccontextmanager
async def _sqlite(path: Path) -> AsyncIterator[Database]:
    import sqlite3

    from .sqlite import Sqlite

    with closing(Sqlite(path)) as db:
        try:
            # SQLite opens the file at the first statement, so errors about the file show only here.
            await db.run(_first_read)
        except (sqlite3.Error, Unavailable) as error:
            raise ConfigurationError(f"database: {error.__cause__ or error}") from None
        yield db


def _first_read() -> Operation[None]:
    yield "SELECT count(*) FROM sqlite_master", ()


@asynccontextmanager
async def _postgresql(url: str, schema: str | None) -> AsyncIterator[Database]:
    try:
        from psycopg_pool import AsyncConnectionPool, PoolTimeout
    except ImportError:
        raise ConfigurationError("database: postgresql needs the extra matrix-threepid[postgres]") from None
    from .psycopg import AsyncPsycopg

    url, prepared = _prepared(url)
    _check_postgresql(url)
    how: dict[str, Any] = {} if "connect_timeout=" in url else {"connect_timeout": _CONNECT}
    # What is `Alone` is committed by itself; switching that on and off for each costs a tenth of a look-up.
    how["autocommit"] = True
    how |= {} if schema is None else {"options": f"-c search_path={schema}"}
    if not prepared:
        how["prepare_threshold"] = None
    # Opened by the block: a pool that is opened by its constructor is deprecated outside of a running loop.
    async with AsyncConnectionPool(
        url,
        min_size=1,
        max_size=_CONNECTIONS,
        timeout=_WAIT_FOR_CONNECTION,
        reconnect_timeout=_RECONNECT,
        open=False,
        kwargs=how,
    ) as pool:
        try:
            await pool.wait(_WAIT_FOR_SERVER)
        except PoolTimeout:
            raise ConfigurationError("database: the server does not answer, or refuses the login") from None
        yield AsyncPsycopg(pool.connection)


def _prepared(url: str) -> tuple[str, bool]:
    """Return a URL without the parameter ``prepared``, which libpq does not know, and whether it allows preparing.

    Raises ``ConfigurationError`` if it is neither ``on`` nor ``off``.

    >>> _prepared("postgresql://db/threepid?prepared=off&connect_timeout=3")
    ('postgresql://db/threepid?connect_timeout=3', False)
    """
    place, _, query = url.partition("?")
    name, given = "prepared=", query.split("&")
    others = [each for each in given if not each.startswith(name)]
    values = {each.removeprefix(name) for each in given if each.startswith(name)} or {"on"}
    if values not in ({"on"}, {"off"}):
        raise ConfigurationError("database: prepared must be on or off")
    return "?".join(filter(None, (place, "&".join(others)))), values == {"on"}


def _check_postgresql(url: str) -> None:
    """Raise ``ConfigurationError`` for a URL that cannot be parsed.

    The pool would find that out as well, but it logs the driver's message, which quotes parts of the URL, at every try.
    """
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        conninfo_to_dict(url)
    except ProgrammingError:
        raise ConfigurationError("database: the URL cannot be read (in a password, % is written %25)") from None
