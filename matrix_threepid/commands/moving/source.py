"""Sydent's database, read and never written: SQLite, or PostgreSQL with the same tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import frozen

from ...protocol.errors import ConfigurationError
from ...stores.url import sqlite_file

PAGE = 1000
"""The rows that are read at once."""
_PUBLISHED = "medium, address, mxid, ts, notAfter"
# Most of its own associations are among those that look-ups find. There an index serves medium and address.
_ALONE = """AND mxid IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM global_threepid_associations AS other
    WHERE other.medium = held.medium AND other.address = held.address AND other.mxid = held.mxid AND other.ts >= held.ts
)"""
_NEEDED = ("local_threepid_associations", "global_threepid_associations")


@frozen
class Published:
    """A row of what Sydent publishes.

    * ``medium``, ``address``, ``mxid``: as it has them.
    * ``ts``, ``not_after``: in ms.
    """

    medium: str
    address: str
    mxid: str
    ts: int
    not_after: int


@frozen
class SydentDatabase:
    """An open database of Sydent.

    * ``connection``: of ``sqlite3`` or ``psycopg``.
    * ``mark``: how its statements mark a parameter.
    """

    connection: Any
    mark: str

    def published(self) -> Iterator[Published]:
        """Yield the associations that look-ups find, and then those of its own that are not among them."""
        for table, which in (("global_threepid_associations", ""), ("local_threepid_associations", _ALONE)):
            for medium, address, mxid, ts, not_after in self._pages(table, _PUBLISHED, which):
                yield Published(medium, address, mxid, ts or 0, not_after or 0)

    def ended(self) -> Iterator[tuple[str, str]]:
        """Yield medium and address of the bindings that were ended."""
        return self._all("local_threepid_associations WHERE mxid IS NULL", "medium, address")

    def pepper(self) -> str | None:
        """Return the pepper of its look-ups."""
        rows = self._all("hashing_metadata", "lookup_pepper")
        return next((_text(row[0]) for row in rows if row[0]), None)

    def tokens(self) -> Iterator[tuple[str, str]]:
        """Yield access tokens and their users."""
        return self._all("tokens", "token, user_id")

    def accepted(self) -> Iterator[tuple[str, str]]:
        """Yield users and the URLs of documents that they have accepted."""
        return self._all("accepted_terms_urls", "user_id, url")

    def invitations(self) -> Iterator[Sequence[Any]]:
        """Yield medium, address, room, sender, token, and the times in ms at which each was received and sent on."""
        return self._pages("invite_tokens", "medium, address, room_id, sender, token, received_ts, sent_ts")

    def keys(self) -> list[str]:
        """Return the verify keys that were made for invitations, the oldest first."""
        return [str(key) for (key,) in self._pages("ephemeral_public_keys", "public_key")]

    # ruff: noqa: S608  statements are made of constants of this module
    def _pages(self, table: str, columns: str, which: str = "") -> Iterator[Sequence[Any]]:
        last = -1
        while True:
            rows = self._rows(
                f"SELECT id, {columns} FROM {table} AS held WHERE id > {self.mark} {which} ORDER BY id LIMIT {PAGE}",
                (last,),
            )
            for row in rows:
                yield row[1:]
            if len(rows) < PAGE:
                return
            last = rows[-1][0]

    def _all(self, table: str, columns: str) -> Iterator[Any]:
        """Yield the rows of a table without numbers; none if there is no such table, as in older releases."""
        with closing(self.connection.cursor()) as cursor:
            try:
                cursor.execute(f"SELECT {columns} FROM {table}")
            except Exception as error:
                if "no such table" in str(error) or "does not exist" in str(error):
                    with suppress(Exception):
                        self.connection.rollback()
                    return
                raise
            while rows := cursor.fetchmany(PAGE):
                yield from rows

    def _rows(self, sql: str, values: Sequence[Any]) -> list[Sequence[Any]]:
        with closing(self.connection.cursor()) as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


@contextmanager
def sydent_at(url: str) -> Iterator[SydentDatabase]:
    """Open Sydent's database by its URL, for reading only. Raises ``ConfigurationError``."""
    with closing(_connected(url)) as connection:
        found = SydentDatabase(connection, "?" if isinstance(connection, sqlite3.Connection) else "%s")
        try:
            for table in _NEEDED:
                found._rows(f"SELECT id FROM {table} LIMIT 1", ())
        except Exception as error:
            raise ConfigurationError(f"--from: is no database of Sydent ({type(error).__name__})") from None
        yield found


def _connected(url: str) -> Any:
    try:
        file = sqlite_file(url)
    except ConfigurationError as error:
        raise ConfigurationError(f"--from: {str(error).removeprefix('database: ')}") from None
    if file is not None:
        if not file.is_file():
            raise ConfigurationError("--from: there is no such file")
        return sqlite3.connect(f"{Path(file).resolve().as_uri()}?mode=ro", uri=True)
    try:
        from psycopg import Error, connect
    except ImportError:
        raise ConfigurationError("--from: needs the extra: pip install 'matrix-threepid[postgres]'") from None
    try:
        connection = connect(url)
    except Error as error:
        raise ConfigurationError(f"--from: cannot be opened ({type(error).__name__})") from None
    connection.read_only = True
    return connection
