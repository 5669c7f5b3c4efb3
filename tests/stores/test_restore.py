"""A database restored from a backup: what it may undo, and what it must not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from matrix_threepid import Peppers, run_sync
from matrix_threepid.stores.sql import SqlLimits, SqlSessions
from matrix_threepid.stores.sqlite import Sqlite
from matrix_threepid.testing import ALICE, World

from .accounts import SqlAccounts
from .conftest import prepared

ADDRESS = "alice@example.org"
FRESH = Peppers.of(b"another pepper, of 32 bytes or more")


@contextmanager
def host(path: Path, **more: object) -> Iterator[World]:
    """Give a host whose tables are in this file."""
    with closing(Sqlite(path)) as db:
        run_sync(prepared(db))
        yield World(sessions=SqlSessions(db), limiter=SqlLimits(db), accounts=SqlAccounts(db), **more)


def spent_since(tmp_path: Path) -> tuple[Path, str]:
    """Return a backup of a proof that was used afterwards, and its session."""
    with host(tmp_path / "live.db") as world:
        sid = world.prove(ADDRESS)
    backup = Path(shutil.copy(tmp_path / "live.db", tmp_path / "backup.db"))
    with host(tmp_path / "live.db") as world:
        assert world.add(sid).status == 200
        assert world.threepids(ALICE) == [ADDRESS]
    return backup, sid


def test_a_proof_in_a_backup_serves_again_under_its_pepper(tmp_path: Path) -> None:
    """The store alone cannot know what happened since; hence the fresh pepper the docs ask for."""
    backup, sid = spent_since(tmp_path)
    with host(backup) as world:
        assert world.add(sid).status == 200


@pytest.mark.rule("SEC-20")
def test_a_fresh_pepper_ends_every_proof_in_a_backup(tmp_path: Path) -> None:
    """A restored host without the old peppers takes no session of the backup, and opens new ones as ever."""
    backup, sid = spent_since(tmp_path)
    with host(backup, peppers=FRESH) as world:
        assert world.add(sid).status == 403
        assert world.threepids(ALICE) == []
        assert world.add(world.prove(ADDRESS)).status == 200
