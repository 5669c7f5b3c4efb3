"""Where things are kept: the database of the configuration, and the key that goes with it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from matrix_threepid import ConfigurationError
from matrix_threepid.ports import RateLimiter, SessionStore
from matrix_threepid.stores import (
    SQLITE,
    Database,
    SqlLimits,
    SqlSessions,
    open_database,
    open_valkey,
    sqlite_file,
)

from .config import Config
from .keys import ServerSecret, fresh_key, stored_key
from .tables import HOMESERVER, Part, prepare, schema


def opened(url: str | None, part: Part = HOMESERVER) -> AbstractAsyncContextManager[Database]:
    """Open a database with all tables of a part; without a URL a private one that goes with the block.

    A part with a name has the file ``FILE.NAME`` beside that of SQLite, or the schema ``NAME`` of PostgreSQL.
    """
    return _sqlite(url, part) if url is None or url.startswith(SQLITE) else _postgresql(url, part)


@asynccontextmanager
async def sessions_in(config: Config, db: Database) -> AsyncIterator[tuple[SessionStore, RateLimiter]]:
    """Give the stores of sessions and limits: in the database, or in the Valkey that the configuration names."""
    if config.sessions is None:
        yield SqlSessions(db), SqlLimits(db)
        return
    async with open_valkey(config.sessions) as valkey:
        from matrix_threepid.stores import ValkeyLimits, ValkeySessions  # needs the extra

        yield ValkeySessions(valkey), ValkeyLimits(valkey)


def secret_of(config: Config) -> ServerSecret:
    """Return the server's secret; see ``keys`` for where it is. Raises ``ConfigurationError``."""
    file = config.signing_key_file or _usual_key_file(config)
    return stored_key(Path(file)) if file else fresh_key()


def _usual_key_file(config: Config) -> str | None:
    if config.database is None:
        return None
    return f"{sqlite_file(config.database) or config.server_name}.signing.key"


@asynccontextmanager
async def _sqlite(url: str | None, part: Part) -> AsyncIterator[Database]:
    with _file(url, part) as file:
        async with open_database(f"{SQLITE}{file}") as db:
            try:
                await prepare(db, part)
            except sqlite3.Error as error:
                raise ConfigurationError(f"database: {error}") from None
            yield db


@contextmanager
def _file(url: str | None, part: Part) -> Iterator[Path]:
    if url is not None:
        path = Path(url.removeprefix(SQLITE))
        yield path if part.name is None else path.with_name(f"{path.name}.{part.name}")
        return
    with TemporaryDirectory(prefix="homeserver-") as folder:
        yield Path(folder, "homeserver.db")


@asynccontextmanager
async def _postgresql(url: str, part: Part) -> AsyncIterator[Database]:
    async with open_database(url, schema=part.name) as db:
        await db.run(lambda: schema(part))
        await prepare(db, part)
        yield db
