"""The databases a Synapse may have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

from stores.postgres import server

Database = Callable[[Path], AbstractContextManager[dict[str, Any]]]
"""Takes a folder, and yields Synapse's ``database`` section."""


@contextmanager
def sqlite(folder: Path) -> Iterator[dict[str, Any]]:
    """Give Synapse's settings for a file; it waits a moment only for one that is locked."""
    yield {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db"), "timeout": 0.05}}


@contextmanager
def postgresql(_: Path) -> Iterator[dict[str, Any]]:
    """Give Synapse's settings for a database that sorts as Synapse wants it to, dropped at the end."""
    import psycopg
    from psycopg.conninfo import make_conninfo

    name = f"threepid_test_{token_hex(4)}"
    with server() as uri, psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING UTF8 LC_COLLATE 'C' LC_CTYPE 'C'")
        try:
            yield {"name": "psycopg2", "args": {"dsn": make_conninfo(uri, dbname=name), "cp_min": 5, "cp_max": 10}}
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
