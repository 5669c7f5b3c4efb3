"""Migrations: by anybody, at any time, once; and refusals that say what to do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from matrix_threepid import ConfigurationError, run_sync
from matrix_threepid.stores.sql import Operation, check_schema, migrate
from matrix_threepid.stores.sql._migrations import MIGRATIONS
from matrix_threepid.stores.sqlite import Sqlite

STARTERS = 8


def test_migrating_again_changes_nothing(sqlite: Sqlite) -> None:
    """A host may migrate at every start."""
    before = run_sync(sqlite.run(_schema))
    assert run_sync(migrate(sqlite)) == len(MIGRATIONS)
    assert run_sync(sqlite.run(_schema)) == before
    run_sync(check_schema(sqlite))


def test_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    """Every one of them finds the schema done, whoever did it."""
    start = Barrier(STARTERS)

    def begin(_: int) -> int:
        db = Sqlite(tmp_path / "new.db")
        start.wait(30)
        try:
            return run_sync(migrate(db))
        finally:
            db.close()

    with ThreadPoolExecutor(STARTERS) as pool:
        assert set(pool.map(begin, range(STARTERS))) == {len(MIGRATIONS)}


def test_a_database_without_schema_is_refused(tmp_path: Path) -> None:
    """``check_schema`` says that the schema is too old, and how to help it."""
    db = Sqlite(tmp_path / "empty.db")
    with pytest.raises(ConfigurationError, match=r"version 0.*call migrate\(\)"):
        run_sync(check_schema(db))
    db.close()


@pytest.mark.parametrize("start", [check_schema, migrate])
def test_the_schema_of_a_later_release_is_refused(sqlite: Sqlite, start: object) -> None:
    """Neither ``check_schema`` nor ``migrate`` touches what it does not know."""

    def upgrade() -> Operation[None]:
        yield "INSERT INTO matrix_threepid_schema (version) VALUES (?)", (len(MIGRATIONS) + 1,)

    run_sync(sqlite.run(upgrade))
    with pytest.raises(ConfigurationError, match="upgrade matrix_threepid"):
        run_sync(start(sqlite))


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """The schema is changed as a whole or not at all."""
    db = Sqlite(tmp_path / "broken.db")

    def in_the_way() -> Operation[None]:
        yield "CREATE TABLE matrix_threepid_limits (x TEXT)", ()

    run_sync(db.run(in_the_way))
    with pytest.raises(Exception, match="there is already another table"):
        run_sync(migrate(db))
    assert [name for name, _ in run_sync(db.run(_schema))] == ["matrix_threepid_limits"]
    db.close()


def _schema() -> Operation[list[tuple[str, str]]]:
    return (yield "SELECT name, sql FROM sqlite_master ORDER BY name", ())
