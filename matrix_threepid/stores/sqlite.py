"""``Sqlite``: the standard library's database, for hosts of one machine."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, TypeVar

from ..offload import Offload
from ..protocol.errors import ConfigurationError, Unavailable
from ..threads import Threads
from .sql.operation import TRIES, Again, Operation, ReadOnly, Row, retried, run_operation

if TYPE_CHECKING:
    from sqlite3 import Connection

T = TypeVar("T")

_OLDEST = (3, 35)  # RETURNING
_RAISED: Mapping[str, type[Exception]] = {
    "locked": Again,
    "locking protocol": Again,
    "disk is full": Again,
    "disk I/O error": Again,
    "readonly database": ReadOnly,
    "unable to open database file": Unavailable,
    "access permission denied": Unavailable,
    "disk image is malformed": Unavailable,
    "file is not a database": Unavailable,
}
"""What the texts of SQLite's errors mean that tell of the file and not of the statement; Python 3.10 gives no codes."""


def raised_for(error: Exception) -> type[Exception] | None:
    """Return what to raise for a ``DatabaseError``; ``None`` for a bug, which is left visible."""
    return next((reason for text, reason in _RAISED.items() if text in str(error)), None)


class Sqlite:
    """A ``Database`` in the file ``path``; threads and processes may share it.

    * ``offload``: where transactions run; by default 8 threads of its own, for so many transactions at once.
    * ``busy_timeout``: ms each of five tries waits for others to let go of the file.

    Raises ``ConfigurationError`` for a database in memory or an SQLite that is too old.
    """

    dialect = "sqlite"

    def __init__(self, path: str | PathLike[str], offload: Offload | None = None, *, busy_timeout: int = 1000) -> None:
        import sqlite3

        if not (file := fspath(path)) or ":memory:" in file:
            raise ConfigurationError("Sqlite: give a file; each connection to a database in memory is its own")
        if sqlite3.sqlite_version_info < _OLDEST:
            raise ConfigurationError(f"Sqlite: SQLite 3.35 or later is needed, this is {sqlite3.sqlite_version}")
        # Behind a locked file nobody waits longer for a turn than for the file.
        self._offload = offload or Threads(8, patience=TRIES * busy_timeout)
        self._path, self._sqlite3 = file, sqlite3
        self._patience = busy_timeout / 1000
        self._idle: list[Connection] = []
        self._writing = threading.Lock()

    def run(self, operation: Callable[[], Operation[T]], /) -> Awaitable[T]:
        """Run one operation as one transaction.

        Raises ``Unavailable`` if others do not let go of the file, or it cannot be opened, read or written.
        """
        return self._offload(lambda: self._run(operation))

    @property
    def path(self) -> str:
        """The file."""
        return self._path

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._idle:
            self._idle.pop().close()

    def _run(self, operation: Callable[[], Operation[T]]) -> T:
        return retried(lambda tries: self._transaction(operation(), lazy=tries == 0))

    def _transaction(self, operation: Operation[T], *, lazy: bool) -> T:
        with ExitStack() as stack:
            stack.enter_context(self._explained())
            connection = stack.enter_context(self._borrowed())

            def execute(sql: str, parameters: Sequence[Any]) -> list[Row]:
                if not connection.in_transaction:
                    stack.enter_context(self._begun(connection, reading=lazy and sql.startswith("SELECT")))
                return connection.execute(sql, parameters).fetchall()

            result = run_operation(operation, execute)
            connection.commit()
            return result

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self._sqlite3.DatabaseError as error:
            if (reason := raised_for(error)) is None:
                raise
            raise reason from error

    @contextmanager
    def _begun(self, connection: Connection, *, reading: bool) -> Iterator[None]:
        """Begin. What reads first needs no turn; should it write later on others' changes, it is begun again."""
        if reading:
            connection.execute("BEGIN")
            yield
            return
        # There is one writer a file: waiting here is fair and needs no polling.
        if not self._writing.acquire(timeout=TRIES * self._patience):
            raise Unavailable
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
        finally:
            self._writing.release()

    @contextmanager
    def _borrowed(self) -> Iterator[Connection]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        usable = True
        try:
            yield connection
        except self._sqlite3.DatabaseError as error:
            # What was opened as a read-only file stays one for this connection, whatever becomes of the file.
            usable = raised_for(error) in (None, Again)
            raise
        finally:
            connection.rollback()
            if usable:
                self._idle.append(connection)
            else:
                connection.close()

    def _connect(self) -> Connection:
        connection = self._sqlite3.connect(
            self._path, timeout=self._patience, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
        return connection
