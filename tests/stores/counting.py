"""What a request costs a database: operations, durable changes, transactions of SQLite, round trips to PostgreSQL."""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from matrix_threepid.stores.sql import Database, Operation, Row, Statement
from matrix_threepid.stores.sqlite import Sqlite
from tests.bench.plans import watched

T = TypeVar("T")
READY = ord("Z")
"""The first byte of the message by which PostgreSQL ends its answer to what a client has sent together.

See https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-READYFORQUERY.
"""


class Counting:
    """A ``Database`` in front of another; ``changes`` counts the operations that changed a row."""

    def __init__(self, db: Database) -> None:
        self._db, self.dialect = db, db.dialect
        self.changes = 0

    async def run(self, operation: Callable[[], Operation[T]], /) -> T:
        """Run one operation as one transaction."""
        changed: list[str] = []

        def seen(statement: Statement, rows: list[Row]) -> None:
            # Every change of the stores returns the rows it changed, except those that return nothing at all.
            if not statement[0].startswith("SELECT") and (rows or "RETURNING" not in statement[0]):
                changed.append(statement[0])

        result = await self._db.run(lambda: watched(operation(), seen))
        self.changes += bool(changed)
        return result


class TracedSqlite(Sqlite):
    """An ``Sqlite`` that counts by their first words the statements it was given."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.begun: Counter[str] = Counter()

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        connection.set_trace_callback(lambda sql: self.begun.update([sql.split()[0]]))
        return connection


class RoundTrips:
    """Counts how often a server told a client that it is ready for more."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def in_front_of(self, uri: str) -> Iterator[str]:
        """Give the URI of a proxy before the server of ``uri``."""
        parts = urlsplit(uri)
        host = parts.hostname or parse_qs(parts.query)["host"][0]
        port = parts.port or int(parse_qs(parts.query).get("port", ["5432"])[0])
        with closing(socket.create_server(("127.0.0.1", 0))) as listener:
            threading.Thread(target=self._accept, args=(listener, host, port), daemon=True).start()
            login = f"{parts.username or 'postgres'}:{parts.password or ''}"
            here = "{}:{}".format(*listener.getsockname())
            yield f"postgresql://{login}@{here}{parts.path}?sslmode=disable"

    def _accept(self, listener: socket.socket, host: str, port: int) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return  # the test is over
            server = _connected(host, port)
            threading.Thread(target=_carry, args=(client, server), daemon=True).start()
            threading.Thread(target=_carry, args=(server, client, self._read()), daemon=True).start()

    def _read(self) -> Callable[[bytes], None]:
        buffer = bytearray()

        def more(data: bytes) -> None:
            buffer.extend(data)
            # A type of one byte, then the length of the rest in four, which counts itself.
            while len(buffer) >= 5 and len(buffer) > (length := int.from_bytes(buffer[1:5], "big")):
                self.count += buffer[0] == READY
                del buffer[: length + 1]

        return more


def _connected(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    server = socket.socket(socket.AF_UNIX)
    server.connect(f"{host}/.s.PGSQL.{port}")
    return server


def _carry(source: socket.socket, target: socket.socket, look: Callable[[bytes], None] = lambda _: None) -> None:
    with source, target:
        try:
            while data := source.recv(65536):
                look(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the other side is closed


async def awaited(awaitable: Awaitable[T]) -> T:
    """Await anything, for those who want a coroutine."""
    return await awaitable
