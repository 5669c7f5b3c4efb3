"""Where a server under test lives, and what stands around it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from attrs import frozen

from matrix_threepid.testing.parts import Mailbox, Phone


@frozen(kw_only=True)
class Site:
    """Where a server lives, and what it is told.

    ``folder``: for its data; ``port``: where it serves other servers by TLS; ``files``: its certificate (``chain``,
    ``key``) and the ``authority`` to trust; ``mailbox``: its mail server, at ``mailbox.port``; ``phone``: its Twilio,
    at ``phone.url``; ``peers``: the ports of all servers here.
    """

    folder: Path
    port: int
    files: Mapping[str, Path]
    mailbox: Mailbox
    phone: Phone
    peers: Sequence[int]

    @property
    def name(self) -> str:
        """Its server name."""
        return f"localhost:{self.port}"

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Do something to its SQLite database behind its back; return the rows."""
        with closing(sqlite3.connect(self.folder / "homeserver.db", timeout=20)) as database, database:
            return database.execute(statement, values).fetchall()
