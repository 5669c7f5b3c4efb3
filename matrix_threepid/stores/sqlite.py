"""``Sqlite``: SQLite through the standard library (https://docs.python.org/3/library/sqlite3.html), for one machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ..offload import Offload
from ..protocol.errors import ConfigurationError, Unavailable
from ..protocol.wiring import demand, whole
from ..running_loop import running_loop
from ..threads import Threads
from ._shared_commits import Execute, SharedCommits
from ._sqlite_on_asyncio import OnAsyncio
from .sql.operation import TRIES, Again, Alone, Later, Operation, ReadOnly, Row, Statement, retried

if TYPE_CHECKING:
    from sqlite3 import Connection

T = TypeVar("T")

# A commit is on the disk before it is answered; WAL's usual NORMAL may lose the last ones when the power fails.
_SYNCHRONOUS = "FULL"
# The first release with RETURNING (https://www.sqlite.org/lang_returning.html).
_OLDEST = (3, 35)
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
"""What to raise for errors about the file rather than about a statement, by a part of SQLite's text.

By text, because Python 3.10 does not have ``sqlite_errorcode``. The texts are those of ``sqlite3ErrStr``
(https://www.sqlite.org/rescode.html). A full disk and a failed read or write may be over at the next try; a file that
cannot be opened or read will not be mended within seconds.
"""


def raised_for(error: Exception) -> type[Exception] | None:
    """Return the exception to raise for a ``sqlite3.DatabaseError``; ``None`` if it is a bug, to be raised as it is.

    >>> raised_for(Exception("database is locked")).__name__, raised_for(Exception("no such column: sid"))
    ('Again', None)
    """
    return next((reason for text, reason in _RAISED.items() if text in str(error)), None)


def _reads(statement: Statement) -> bool:
    return statement[0].startswith("SELECT")


def _rest(operation: Operation[T], statement: Statement, execute: Execute) -> T:
    """Run an operation from the statement that it yielded last, and return its result."""
    try:
        while True:
            statement = operation.send(execute(*statement))
    except StopIteration as stop:
        return cast("T", stop.value)


class Sqlite:
    """A ``Database`` in one file; threads and processes of one machine may share it.

    Operations of a process that write at once share a transaction and its commit; each is undone alone if it fails.

    * ``path``: the file; it is created when the first transaction runs, its folder has to be there.
    * ``offload``: runs the transactions away from the event loop. With ``None``, the default, those of asyncio's tasks
      run in two threads, one of which may write, and those of other loops in ``Threads(8)``; one that has waited five
      times ``busy_timeout`` to begin or to write is ``Unavailable``.
    * ``busy_timeout``: the ms that each of five tries waits for a lock of another connection on the file, 1000 by
      default (https://www.sqlite.org/pragma.html#pragma_busy_timeout).

    Raises ``ConfigurationError`` for a database in memory, since each connection would see its own, and for SQLite
    before 3.35.

    >>> from tempfile import TemporaryDirectory
    >>> from matrix_threepid import run_sync
    >>> from matrix_threepid.stores import check_schema, migrate
    >>> with TemporaryDirectory() as folder:
    ...     db = Sqlite(f"{folder}/threepid.db")
    ...     run_sync(migrate(db)) == run_sync(check_schema(db))
    ...     db.close()
    True
    """

    dialect = "sqlite"

    def __init__(self, path: str | PathLike[str], offload: Offload | None = None, *, busy_timeout: int = 1000) -> None:
        import sqlite3

        demand("Sqlite: path", path, lambda given: isinstance(fspath(given), str), "must be the path of a file")
        demand("Sqlite: busy_timeout", busy_timeout, whole(1), "must be a whole number of ms from 1")
        demand("Sqlite: offload", offload, lambda given: given is None or callable(given), "must be Threads(…) or None")
        if not (file := fspath(path)) or ":memory:" in file:
            raise ConfigurationError("Sqlite: give a file; each connection to a database in memory is its own")
        if sqlite3.sqlite_version_info < _OLDEST:
            raise ConfigurationError(f"Sqlite: SQLite 3.35 or later is needed, this is {sqlite3.sqlite_version}")
        if "://" in file:
            raise ConfigurationError("Sqlite: path must be the path of a file, not a URL: use open_database for those")
        if os.path.isdir(file) or not os.path.isdir(os.path.dirname(file) or "."):
            raise ConfigurationError("Sqlite: path must be a file in a folder that exists")
        # While the file is locked, a transaction waits no longer for a thread than the one before it waits for the
        # file.
        self._offload = offload or Threads(8, patience=TRIES * busy_timeout)
        self._path, self._sqlite3 = file, sqlite3
        self._busy_timeout = busy_timeout / 1000
        self._idle: list[Connection] = []
        patience = TRIES * self._busy_timeout
        self._shared = SharedCommits(self._begun, self._reason, patience)
        self._on_asyncio = None if offload else OnAsyncio(self._read_ahead, _rest, self._shared, patience)

    async def run(self, operation: Callable[[], Operation[T]], /) -> T:
        """Run one operation as one transaction.

        Raises ``Unavailable`` if the file stays locked, is read-only, or cannot be opened, read or written.
        """
        if self._on_asyncio is not None and running_loop() == "asyncio":
            return await self._on_asyncio.run(operation)
        return await self._offload(lambda: self._run(operation))

    @property
    def path(self) -> str:
        """The file, as it was given."""
        return self._path

    @property
    def waiting(self) -> int:
        """The number of operations that wait for a transaction that writes."""
        return self._shared.waiting

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._idle:
            self._idle.pop().close()

    def _run(self, operation: Callable[[], Operation[T]]) -> T:
        # Only the first try may begin as a reader, see `_read_in_turn`.
        return retried(lambda number: self._once(operation(), as_reader=number == 0))

    def _once(self, operation: Operation[T], *, as_reader: bool) -> T:
        over, value = self._read_ahead(operation, as_reader=as_reader)
        if over:
            return cast("T", value)
        return self._shared.run(lambda execute: _rest(operation, value, execute), later=isinstance(value, Later))

    def _read_ahead(self, operation: Operation[Any], /, *, as_reader: bool) -> tuple[bool, Any]:
        """Run what an operation reads before it writes.

        Returns whether that was all, and the result of the operation or else the statement with which it goes on.
        """
        with self._translating_errors():
            try:
                statement = next(operation)
                while isinstance(statement, Alone) and _reads(statement):
                    statement = operation.send(self._read(statement))
            except StopIteration as stop:
                return True, stop.value
            if as_reader and _reads(statement):
                return True, self._read_in_turn(operation, statement)
            return False, statement

    def _read(self, statement: Statement) -> list[Row]:
        with self._borrowed() as connection:
            return connection.execute(*statement).fetchall()

    def _read_in_turn(self, operation: Operation[T], statement: Statement) -> T:
        """Run the rest of an operation in a transaction that only reads. Raises ``Again`` if it has to write.

        A reader that writes after another transaction has written fails with "database is locked", at once and however
        often it tries (https://www.sqlite.org/isolation.html). So it begins again as a writer.
        """
        with self._borrowed() as connection:

            def execute(sql: str, parameters: Sequence[Any]) -> list[Row]:
                if not _reads((sql, parameters)):
                    raise Again
                return connection.execute(sql, parameters).fetchall()

            connection.execute("BEGIN")
            return _rest(operation, statement, execute)

    def _reason(self, error: BaseException) -> type[Exception] | None:
        return raised_for(error) if isinstance(error, self._sqlite3.DatabaseError) else None

    @contextmanager
    def _translating_errors(self) -> Iterator[None]:
        try:
            yield
        except self._sqlite3.DatabaseError as error:
            if (reason := raised_for(error)) is None:
                raise
            raise reason from error

    @contextmanager
    def _begun(self) -> Iterator[Connection]:
        """Give a connection with a transaction that holds the lock of the file, which one writer can have.

        BEGIN IMMEDIATE takes it at once (https://www.sqlite.org/lang_transaction.html). SQLite waits for it by polling
        with growing pauses, which favours late comers, so only the threads of other processes are waited for here.
        """
        with self._borrowed() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection

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
            # A connection that was opened on a read-only or broken file keeps failing after the file is mended, so it
            # is closed. A bug (None) and a lock (Again) say nothing about the connection.
            usable = raised_for(error) in (None, Again)
            raise
        finally:
            # Does nothing after a commit; after an error it releases the file's lock before another thread takes it.
            connection.rollback()
            if usable:
                self._idle.append(connection)
            else:
                connection.close()

    def _connect(self) -> Connection:
        connection = self._sqlite3.connect(
            self._path,
            timeout=self._busy_timeout,
            isolation_level=None,  # the module would begin transactions by itself, and only before some statements
            check_same_thread=False,  # a connection serves one thread after another, never two at once
            cached_statements=256,
        )
        try:
            # WAL: readers and the writer do not wait for each other (https://www.sqlite.org/wal.html).
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS}")
        except BaseException:
            connection.close()
            raise
        return connection
