"""Databases of earlier releases, upgraded with what is in them; and housekeeping over all stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest

from matrix_threepid import ConfigurationError, Limit, run_sync
from matrix_threepid.model.session import Session
from matrix_threepid.ports import Charge
from matrix_threepid.stores.psycopg import Psycopg
from matrix_threepid.stores.sql import Database, Operation, SqlBindings, SqlLimits, SqlSessions, check_schema, migrate
from matrix_threepid.stores.sql._migrations import MIGRATIONS, statements
from matrix_threepid.stores.sql.sessions import TABLE
from matrix_threepid.stores.sqlite import Sqlite
from matrix_threepid.testing import World
from matrix_threepid.testing.contracts.values import NOW, binding, session

from .postgres import database

DAY = 86_400_000
_RENAMED = 6
"""The version whose tables have the prefix ``matrix_threepid_``."""
_SESSIONS = "m.type = 'table' AND m.name IN ('threepid_sessions', 'matrix_threepid_sessions')"
_NAMES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_autoindex%'",
    "postgresql": "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace",
}


@pytest.fixture(params=range(1, len(MIGRATIONS)))
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sqlite]:
    """A database as an earlier version of the schema left it."""
    with closing(Sqlite(tmp_path / "old.db")) as db:
        run_sync(db.run(lambda: _made_by(request.param)))
        yield db


def test_what_an_earlier_schema_holds_is_kept(old: Sqlite) -> None:
    """An upgrade changes no row, and what is new works at once."""
    opened, charges = session("a").guessed(), [Charge("k", Limit(1, 0.001))]
    run_sync(old.run(lambda: _opened_earlier(opened)))
    assert run_sync(migrate(old)) == len(MIGRATIONS)
    assert SqlSessions(old).dump() == [opened]
    assert run_sync(SqlLimits(old).charge(charges, NOW)) == 0
    assert run_sync(SqlLimits(old).charge(charges, NOW)) == 1_000_000
    assert run_sync(SqlBindings(old).insert(binding("a"))) is True


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_an_upgrade_renames_what_looks_like_a_table_of_synapse(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """All tables and indexes have the library's prefix afterwards, with their rows, however often it is repeated."""
    with ExitStack() as stack:
        db = _opened(dialect, tmp_path, request, stack)
        run_sync(db.run(lambda: _made_by(_RENAMED - 1, dialect)))
        run_sync(db.run(lambda: _counted_earlier("k", NOW + 1_000_000)))
        with pytest.raises(ConfigurationError, match=f"version {_RENAMED - 1}"):
            run_sync(check_schema(db))
        for _ in range(2):
            assert run_sync(migrate(db)) == run_sync(check_schema(db)) == len(MIGRATIONS)
            names = run_sync(db.run(lambda: _names(dialect)))
            assert len(names) > 12
            assert {name for name in names if not name.startswith("matrix_threepid_")} == set()
            assert run_sync(SqlLimits(db).charge([Charge("k", Limit(1, 0.001))], NOW)) == 1_000_000


def _opened(dialect: str, folder: Path, request: pytest.FixtureRequest, stack: ExitStack) -> Database:
    if dialect == "sqlite":
        return stack.enter_context(closing(Sqlite(folder / "old.db")))
    import psycopg

    uri = stack.enter_context(database(request.getfixturevalue("postgres")))
    return Psycopg(partial(psycopg.connect, uri))


def test_housekeeping_forgets_what_came_to_nothing(sqlite: Sqlite) -> None:
    """A day later expired sessions, idle limits and binds without an address are gone; known bindings stay."""
    stores = {"sessions": SqlSessions(sqlite), "limiter": SqlLimits(sqlite), "bindings": SqlBindings(sqlite)}
    world = World(**stores)
    assert world.ask().status == 200
    for row in (binding("known"), binding("nameless", threepid=None)):
        run_sync(stores["bindings"].insert(row))
    assert run_sync(world.service.purge()) == 0
    world.clock.advance(2 * DAY + 1)
    assert run_sync(world.service.purge()) > 2
    assert stores["sessions"].dump() == []
    assert [row.id for row in stores["bindings"].dump()] == ["known"]


def _made_by(version: int, dialect: str = "sqlite") -> Operation[None]:
    """Make the schema of a version, with its own table as the releases of the time called it."""
    schema = "threepid_schema" if version < _RENAMED else "matrix_threepid_schema"
    yield f"CREATE TABLE {schema} (version BIGINT NOT NULL PRIMARY KEY)", ()
    for number in range(1, version + 1):
        yield f"INSERT INTO {schema} (version) VALUES (?)", (number,)  # noqa: S608  one of two constants
        for statement in statements(number, dialect):
            yield statement, ()


def _opened_earlier(opened: Session) -> Operation[None]:
    """Insert a session with the columns of this version, under the names they have there."""
    there = yield f"SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE {_SESSIONS}", ()  # noqa: S608  a constant
    ((table, _), *_) = there
    columns = {name: name.replace("spent_at", "consumed_at") for _, name in there}
    row = dict(zip(TABLE.columns, TABLE.row(opened), strict=True))
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608  names of columns only
    yield statement, [row[name] for name in columns.values()]


def _counted_earlier(name: str, full_at: int) -> Operation[None]:
    yield "INSERT INTO threepid_limits (name, full_at) VALUES (?, ?)", (name, full_at)


def _names(dialect: str) -> Operation[set[str]]:
    """Return the names of all tables and indexes that have one of their own."""
    return {name for (name,) in (yield _NAMES[dialect], ())}
