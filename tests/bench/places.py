"""Where the SQL stores of a run live: a file of SQLite, or a schema of PostgreSQL; both can be filled in bulk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from matrix_threepid.stores.psycopg import Psycopg
from matrix_threepid.stores.sql import Database, Row
from matrix_threepid.stores.sql.postgresql import with_percent
from matrix_threepid.stores.sqlite import Sqlite

if TYPE_CHECKING:
    import psycopg

# ruff: noqa: S608  only names of tables and columns, and our own conditions, are put into statements
_AS_DURABLE = ("journal_mode = WAL", "synchronous = FULL")
_FASTER = ("journal_mode = OFF", "synchronous = OFF", "cache_size = -2000000")


Execute = Callable[..., list[Row]]
"""Runs one statement (with ``?`` for parameters, given as a sequence) and returns its rows."""


class Place(Protocol):
    """A database of its own. ``db``: as hosts use it, with the durability hosts have."""

    @property
    def db(self) -> Database: ...

    def by_hand(self) -> AbstractContextManager[Execute]:
        """Give a connection that does no more than it is told, as durable as ``db``."""

    def bulk(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Insert many rows in one transaction, indexes and all, without the durability."""

    def settle(self) -> None:
        """Do after filling what a database does in time by itself: checkpoints, statistics."""

    def size(self) -> int:
        """Return the bytes its sessions take on disk, indexes included, while nothing else is stored."""

    def remove(self) -> None:
        """Close the connections and delete everything."""

    def close(self) -> None:
        """Close the connections."""


class SqlitePlace:
    """The file ``path``, made if it is not there."""

    def __init__(self, path: Path) -> None:
        self._path, self.db = path, Sqlite(path)

    @contextmanager
    def by_hand(self) -> Iterator[Execute]:
        import sqlite3

        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            for pragma in _AS_DURABLE:
                connection.execute(f"PRAGMA {pragma}")
            yield lambda sql, parameters=(): connection.execute(sql, parameters).fetchall()

    def bulk(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        import sqlite3

        self.db.close()
        with closing(sqlite3.connect(self._path)) as connection, connection:
            for faster in _FASTER:
                connection.execute(f"PRAGMA {faster}")
            marks = ", ".join("?" * len(columns))
            connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)

    def settle(self) -> None:
        self.db.close()

    def size(self) -> int:
        with self.by_hand() as execute:
            # Every other table and index has one page while it is empty.
            ((others,),) = execute(
                "SELECT COUNT(*) FROM sqlite_master WHERE rootpage > 0 AND tbl_name <> 'matrix_threepid_sessions'"
            )
            ((pages, page_size),) = execute("SELECT page_count, page_size FROM pragma_page_count, pragma_page_size")
        return int((pages - others) * page_size)

    def remove(self) -> None:
        self.close()
        for name in ("", "-wal", "-shm"):
            Path(f"{self._path}{name}").unlink(missing_ok=True)

    def close(self) -> None:
        self.db.close()


class PostgresPlace:
    """The schema ``name`` at ``uri``, made if it is not there; every commit waits for the disk."""

    def __init__(self, uri: str, name: str) -> None:
        import psycopg

        self._name, self._idle = name, list[Any]()
        options = f"-c search_path={name} -c synchronous_commit=on"
        self._new = partial(psycopg.connect, uri, options=options, autocommit=True)
        self.db = Psycopg(self._connection)
        self._run(f"CREATE SCHEMA IF NOT EXISTS {name}")

    @contextmanager
    def by_hand(self) -> Iterator[Execute]:
        with self._connection() as connection:
            yield partial(_executed, connection)

    def bulk(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        with self._connection() as connection, connection.transaction():
            connection.execute("SET LOCAL synchronous_commit = off")
            with connection.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)

    def settle(self) -> None:
        self._run("VACUUM ANALYZE")
        self._run("CHECKPOINT")

    def size(self) -> int:
        ((size,),) = self._run("SELECT pg_total_relation_size('matrix_threepid_sessions')")
        return int(size)

    def remove(self) -> None:
        self._run(f"DROP SCHEMA {self._name} CASCADE")
        self.close()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _run(self, sql: str) -> list[Row]:
        with self._connection() as connection:
            return _executed(connection, sql)

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._new()
        try:
            yield connection
        finally:
            self._idle.append(connection)


def _executed(connection: psycopg.Connection[Any], sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
    cursor = connection.execute(with_percent(sql), parameters)
    return cursor.fetchall() if cursor.description else []
