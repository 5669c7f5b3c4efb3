"""An identity server: the example's, with a database the tests look into."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from attrs import frozen

from ..site import Site
from .targets import example


@frozen
class Directory:
    """A running identity server. ``name``: host and port, as clients call it."""

    name: str
    _file: Path

    @classmethod
    @contextmanager
    def running(cls, site: Site) -> Iterator[Directory]:
        """Run it inside the block."""
        file = site.folder / "homeserver.db"
        with example(site, identity_server=True, database=f"sqlite:///{file}"):
            yield cls(site.name, file.with_name(f"{file.name}.identity_server"))

    def owner(self, address: str) -> str | None:
        """Return whose address it is."""
        with closing(sqlite3.connect(self._file)) as db:
            rows = db.execute("SELECT mxid FROM matrix_threepid_associations WHERE address = ?", (address,)).fetchall()
        return rows[0][0] if rows else None
