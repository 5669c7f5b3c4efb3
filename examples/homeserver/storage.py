"""Where things are kept: the database of the configuration, and the key that goes with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from matrix_threepid import ConfigurationError, Peppers
from matrix_threepid.stores.sql import Database

from .config import Config
from .keys import fresh_key, stored_key
from .tables import prepare

_SQLITE = "sqlite:///"
_CONNECTIONS = 16
_PATIENCE = 5.0


def opened(url: str | None) -> AbstractAsyncContextManager[Database]:
    """Open a database with all its tables; without a URL a private one that goes with the block."""
    return _sqlite(url) if url is None or url.startswith(_SQLITE) else _postgresql(url)


def peppers_of(config: Config) -> Peppers:
    """Return the peppers, derived from the key; see ``keys`` for where that is."""
    file = config.signing_key_file or _usual_key_file(config)
    return (stored_key(Path(file)) if file else fresh_key()).peppers()


def _usual_key_file(config: Config) -> str | None:
    if config.database is None:
        return None
    local = config.database.startswith(_SQLITE)
    return f"{_path(config.database) if local else config.server_name}.signing.key"


@asynccontextmanager
async def _sqlite(url: str | None) -> AsyncIterator[Database]:
    import sqlite3

    from matrix_threepid.stores.sqlite import Sqlite

    with _file(url) as path, closing(Sqlite(path)) as db:
        try:
            await prepare(db)
        except sqlite3.Error as error:
            raise ConfigurationError(f"database: {error}") from None
        yield db


@contextmanager
def _file(url: str | None) -> Iterator[Path]:
    if url is not None:
        yield _path(url)
        return
    with TemporaryDirectory(prefix="homeserver-") as folder:
        yield Path(folder, "homeserver.db")


def _path(url: str) -> Path:
    """Return the file of an ``sqlite:///`` URL: ``sqlite:///here.db`` or ``sqlite:////absolutely/there.db``."""
    path = Path(url.removeprefix(_SQLITE))
    if not path.parent.is_dir():
        raise ConfigurationError("database: the folder of the file does not exist")
    return path


@asynccontextmanager
async def _postgresql(url: str) -> AsyncIterator[Database]:
    try:
        from psycopg_pool import AsyncConnectionPool, PoolTimeout
    except ImportError:
        raise ConfigurationError("database: postgresql needs the extra matrix-threepid[postgres]") from None
    from matrix_threepid.stores.psycopg import AsyncPsycopg

    async with AsyncConnectionPool(url, min_size=1, max_size=_CONNECTIONS, open=False) as pool:
        db = AsyncPsycopg(pool.connection)
        try:
            await pool.wait(_PATIENCE)
        except PoolTimeout:
            raise ConfigurationError("database: the server does not answer, or does not let us in") from None
        await prepare(db)
        yield db
