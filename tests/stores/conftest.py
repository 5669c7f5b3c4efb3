"""Databases for the tests of stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from matrix_threepid import run_sync
from matrix_threepid.stores.sql import Database, migrate
from matrix_threepid.stores.sqlite import Sqlite

from .accounts import SqlAccounts


async def prepared(db: Database) -> None:
    """Make the library's tables and those of ``SqlAccounts``."""
    await migrate(db)
    await SqlAccounts(db).create()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Sqlite]:
    """A file with all tables."""
    db = Sqlite(tmp_path / "threepid.db")
    run_sync(prepared(db))
    yield db
    db.close()
