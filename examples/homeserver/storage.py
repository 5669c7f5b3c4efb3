"""Where things are kept: the database of the configuration, and the key that goes with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from matrix_threepid import ConfigurationError
from matrix_threepid.stores.sql import Database

from .config import Config
from .keys import ServerSecret, fresh_key, stored_key
from .tables import HOMESERVER, Part, prepare, schema

_SQLITE = "sqlite:///"
_CONNECTIONS = 16
_PATIENCE = 5.0


def opened(url: str | None, part: Part = HOMESERVER) -> AbstractAsyncContextManager[Database]:
    """Open a database with all tables of a part; without a URL a private one that goes with the block.

    A part with a name has the file ``FILE.NAME`` beside that of SQLite, or the schema ``NAME`` of PostgreSQL.
    """
    return _sqlite(url, part) if url is None or url.startswith(_SQLITE) else _postgresql(url, part)


def secret_of(config: Config) -> ServerSecret:
    """Return the server's secret; see ``keys`` for where it is. Raises ``ConfigurationError``."""
    file = config.signing_key_file or _usual_key_file(config)
    return stored_key(Path(file)) if file else fresh_key()


def _usual_key_file(config: Config) -> str | None:
    if config.database is None:
        return None
    local = config.database.startswith(_SQLITE)
    return f"{_path(config.database) if local else config.server_name}.signing.key"


@asynccontextmanager
async def _sqlite(url: str | None, part: Part) -> AsyncIterator[Database]:
    import sqlite3

    from matrix_threepid.stores.sqlite import Sqlite

    with _file(url, part) as path, closing(Sqlite(path)) as db:
        try:
            await prepare(db, part)
        except sqlite3.Error as error:
            raise ConfigurationError(f"database: {error}") from None
        yield db


@contextmanager
def _file(url: str | None, part: Part) -> Iterator[Path]:
    if url is not None:
        path = _path(url)
        yield path if part.name is None else path.with_name(f"{path.name}.{part.name}")
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
async def _postgresql(url: str, part: Part) -> AsyncIterator[Database]:
    try:
        from psycopg_pool import AsyncConnectionPool, PoolTimeout
    except ImportError:
        raise ConfigurationError("database: postgresql needs the extra matrix-threepid[postgres]") from None
    from matrix_threepid.stores.psycopg import AsyncPsycopg

    where = {} if part.name is None else {"options": f"-c search_path={part.name}"}
    async with AsyncConnectionPool(url, min_size=1, max_size=_CONNECTIONS, open=False, kwargs=where) as pool:
        db = AsyncPsycopg(pool.connection)
        try:
            await pool.wait(_PATIENCE)
        except PoolTimeout:
            raise ConfigurationError("database: the server does not answer, or does not let us in") from None
        await db.run(lambda: schema(part))
        await prepare(db, part)
        yield db
