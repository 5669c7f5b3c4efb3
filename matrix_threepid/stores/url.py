"""``open_database``: the database that a URL names, as configuration files and command lines have them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import TypeVar

from ..protocol.errors import ConfigurationError, Unavailable
from .sql.operation import Database, Operation

T = TypeVar("T")

SQLITE, POSTGRESQL = "sqlite:///", ("postgresql://", "postgres://")
FORMS = f"{SQLITE}FILE or {POSTGRESQL[0]}…"
"""What a URL may look like, for people: ``sqlite:///here.db`` is relative, ``sqlite:////there/here.db`` absolute."""
_CONNECTIONS = 16
_PATIENCE = 5.0


def open_database(url: str, *, schema: str | None = None) -> AbstractAsyncContextManager[Database]:
    """Open the database of a URL for the time of a block on asyncio; PostgreSQL by up to 16 connections of psycopg.

    ``schema``: of PostgreSQL, in the place of what the server or the URL says.
    Raises ``ConfigurationError`` if there is no such database, and never names the URL, which may hold a password.
    """
    if url.startswith(POSTGRESQL):
        return _postgresql(url, schema)
    if (file := sqlite_file(url)) is None:
        raise ConfigurationError(f"database: must be {FORMS}")
    return _sqlite(file)


def worked_on(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    """Open a database, do some work on it and return what it comes to: for programs without an event loop."""
    import asyncio

    async def done() -> T:
        async with open_database(url) as db:
            return await work(db)

    return asyncio.run(done())


def sqlite_file(url: str) -> Path | None:
    """Return the file that a URL names, if it is one of SQLite. Raises ``ConfigurationError`` without its folder."""
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
            await db.run(_look)
        except (sqlite3.Error, Unavailable) as error:
            raise ConfigurationError(f"database: {error.__cause__ or error}") from None
        yield db


def _look() -> Operation[None]:
    yield "SELECT count(*) FROM sqlite_master", ()


@asynccontextmanager
async def _postgresql(url: str, schema: str | None) -> AsyncIterator[Database]:
    try:
        from psycopg_pool import AsyncConnectionPool, PoolTimeout
    except ImportError:
        raise ConfigurationError("database: postgresql needs the extra matrix-threepid[postgres]") from None
    from .psycopg import AsyncPsycopg

    _check_postgresql(url)
    where = {} if schema is None else {"options": f"-c search_path={schema}"}
    async with AsyncConnectionPool(url, min_size=1, max_size=_CONNECTIONS, open=False, kwargs=where) as pool:
        try:
            await pool.wait(_PATIENCE)
        except PoolTimeout:
            raise ConfigurationError("database: the server does not answer, or does not let us in") from None
        yield AsyncPsycopg(pool.connection)


def _check_postgresql(url: str) -> None:
    """Refuse a URL that cannot be read before the pool does, which would log parts of it again and again."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        conninfo_to_dict(url)
    except ProgrammingError:
        raise ConfigurationError("database: the URL cannot be read (in a password, % is written %25)") from None
