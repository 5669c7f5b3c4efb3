"""Databases of earlier releases, upgraded with what is in them; and housekeeping over all stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from matrix_threepid import Limit, run_sync
from matrix_threepid.model.session import Session
from matrix_threepid.ports import Charge
from matrix_threepid.stores.sql import Operation, SqlBindings, SqlLimits, SqlSessions, migrate
from matrix_threepid.stores.sql._migrations import MIGRATIONS
from matrix_threepid.stores.sql.sessions import TABLE
from matrix_threepid.stores.sqlite import Sqlite
from matrix_threepid.testing import World
from matrix_threepid.testing.contracts.values import NOW, binding, session

DAY = 86_400_000


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
    run_sync(SqlLimits(old).charge(charges, NOW))
    assert run_sync(migrate(old)) == len(MIGRATIONS)
    assert SqlSessions(old).dump() == [opened]
    assert run_sync(SqlLimits(old).charge(charges, NOW)) == 1_000_000
    assert run_sync(SqlBindings(old).insert(binding("a"))) is True


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


def _made_by(version: int) -> Operation[None]:
    yield "CREATE TABLE threepid_schema (version BIGINT NOT NULL PRIMARY KEY)", ()
    for number, statements in enumerate(MIGRATIONS[:version], start=1):
        yield "INSERT INTO threepid_schema (version) VALUES (?)", (number,)
        for statement in statements:
            yield statement, ()


def _opened_earlier(opened: Session) -> Operation[None]:
    """Insert a session with the columns of this version, under the names they have there."""
    there = yield "SELECT name FROM pragma_table_info('threepid_sessions')", ()
    columns = {name: name.replace("spent_at", "consumed_at") for (name,) in there}
    row = dict(zip(TABLE.columns, TABLE.row(opened), strict=True))
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO threepid_sessions ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608  names of columns only
    yield statement, [row[name] for name in columns.values()]
