"""Databases that answer but take no changes: standbys, demoted primaries, read-only files. And files that are none."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
from attrs import evolve

from matrix_threepid import ConfigurationError, run_sync
from matrix_threepid.__main__ import main
from matrix_threepid.memory.limits import MemoryLimits
from matrix_threepid.memory.sessions import MemorySessions
from matrix_threepid.protocol.errors import Unavailable
from matrix_threepid.stores.sql import Database, Operation, ReadOnly, SqlLimits, SqlSessions, check_schema
from matrix_threepid.stores.sqlite import Sqlite
from matrix_threepid.testing import World

from .conftest import prepared
from .postgres import Driver, Place, driver, place, server

DRIVERS = ("psycopg", "psycopg async", "asyncpg")
READ_ONLY = {"default_transaction_read_only": "on"}
BODY = {"email": "alice@example.org", "client_secret": "secret", "send_attempt": 1}
OUTAGES = ("25006", "25P02", "25P03", "53100", "53300", "55P03", "57P01", "57P03", "58000", "58030", "58P01", "XX001")
BUGS = ("23505", "22012", "42P01", "54001", "0A000")


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with server() as uri:
        yield uri


@pytest.fixture(scope="module")
def migrated(postgres: str) -> Iterator[Place]:
    with place(postgres) as where:
        with driver(where, "psycopg") as given:
            given.run(prepared(given.db))
        yield where


@pytest.fixture
def world(make_world: Callable[..., World]) -> Iterator[World]:
    """A world whose stores are back in memory when the invariants are looked at: its database takes nobody by then."""
    made = make_world()
    yield made
    made.rewire(sessions=MemorySessions(), limiter=MemoryLimits())
    made.outbox.messages.clear()


@pytest.fixture(params=DRIVERS)
def standby(request: pytest.FixtureRequest, migrated: Place) -> Iterator[Driver]:
    """A driver on a migrated database that takes no changes."""
    with driver(evolve(migrated, settings={**migrated.settings, **READ_ONLY}), request.param) as given:
        yield given


@pytest.fixture(params=DRIVERS)
def primary(request: pytest.FixtureRequest, migrated: Place) -> Iterator[Driver]:
    with driver(migrated, request.param) as given:
        yield given


def rewired(world: World, db: Database) -> None:
    world.rewire(sessions=SqlSessions(db), limiter=SqlLimits(db))


def asked(world: World, given: Driver) -> tuple[int, str]:
    """Ask for a mail as a client does; return status and errcode."""
    request = world.request("POST", "/account/3pid/email/requestToken", BODY)
    answer = given.run(world.service.handle(request))
    return answer.status, answer.json().get("errcode", "")


@pytest.mark.answers_5xx(503)
def test_a_standby_makes_the_client_come_back(world: World, standby: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """A PostgreSQL that takes no changes is 503, no mail goes out, and the log names the error without a traceback."""
    rewired(world, standby.db)
    assert asked(world, standby) == (503, "M_UNKNOWN")
    assert world.outbox.messages == []
    assert "unavailable: ReadOnly" in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.answers_5xx(503)
def test_nothing_is_lost_while_a_standby_answers(world: World, standby: Driver, migrated: Place) -> None:
    """The very same attempt goes through as soon as the primary answers, and its mail goes out once."""
    rewired(world, standby.db)
    assert asked(world, standby)[0] == 503
    with driver(migrated, "psycopg") as again:
        again.run(_awaited(again.db.run(_emptied)))
        rewired(world, again.db)
        assert asked(world, again) == (200, "")
        assert asked(world, again) == (200, "")
    assert len(world.outbox.messages) == 1


@pytest.mark.parametrize("sqlstate", OUTAGES)
def test_what_the_server_suffers_from_is_unavailable(primary: Driver, sqlstate: str) -> None:
    """Whatever the class of the driver's error is, its code says that the server cannot serve right now."""
    with pytest.raises(Unavailable) as caught:
        primary.run(_awaited(primary.db.run(lambda: _raising(sqlstate))))
    assert isinstance(caught.value, ReadOnly) is (sqlstate == "25006")


@pytest.mark.parametrize("sqlstate", BUGS)
def test_what_a_statement_does_wrong_stays_visible(primary: Driver, sqlstate: str) -> None:
    """An error of the statement is left as the driver raised it."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  each driver has its own
        primary.run(_awaited(primary.db.run(lambda: _raising(sqlstate))))
    assert getattr(caught.value, "sqlstate", None) == sqlstate


@pytest.mark.parametrize("name", DRIVERS)
@pytest.mark.parametrize("wrong", [{"netloc": "nobody_here@"}, {"path": "/nothing_here"}])
def test_a_server_that_does_not_let_us_in_is_unavailable(postgres: str, name: str, wrong: dict[str, str]) -> None:
    """A role or a database that is not there is an outage, at every driver."""
    parts = urlsplit(postgres)
    wrong = {part: value + parts.netloc.rpartition("@")[2] * (part == "netloc") for part, value in wrong.items()}
    nowhere = Place(urlunsplit(parts._replace(**wrong)), {})
    with driver(nowhere, name) as given, pytest.raises(Unavailable):
        given.run(_awaited(SqlSessions(given.db).get("a")))


def test_the_check_of_a_standby_names_the_remedy(standby: Driver) -> None:
    """``check`` refuses a database that takes no changes, although it has all tables."""
    with pytest.raises(ConfigurationError, match=r"read-only: .*standby.*default_transaction_read_only.*primary"):
        standby.run(check_schema(standby.db))


def test_the_check_of_a_primary_changes_nothing(primary: Driver) -> None:
    """``check`` passes there, and leaves every count."""
    assert primary.run(check_schema(primary.db)) > 0


# -- SQLite ------------------------------------------------------------------------------------------


class ReadOnlyFile(Sqlite):
    """A file as somebody sees it who may not write it; a test that runs as root could."""

    changes = False

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        connection.execute(f"PRAGMA query_only = {'OFF' if self.changes else 'ON'}")
        return connection


@pytest.fixture
def read_only(sqlite: Sqlite) -> Iterator[ReadOnlyFile]:
    db = ReadOnlyFile(sqlite.path)
    yield db
    db.close()


@pytest.mark.answers_5xx(503)
def test_a_read_only_file_makes_the_client_come_back(world: World, read_only: ReadOnlyFile) -> None:
    """A file nobody may write is 503 and sends nothing; once it may be written the same attempt goes through."""
    given = Driver(read_only)
    rewired(world, read_only)
    assert asked(world, given) == (503, "M_UNKNOWN")
    assert world.outbox.messages == []
    read_only.changes = True
    assert asked(world, given) == (200, "")
    assert len(world.outbox.messages) == 1


@pytest.mark.answers_5xx(503)
@pytest.mark.parametrize("spoil", ["folder", "no database"])
def test_a_file_that_cannot_be_used_makes_the_client_come_back(world: World, tmp_path: Path, spoil: str) -> None:
    """A folder that is gone, and a file that holds something else, are 503 and send nothing."""
    path = tmp_path / "gone" / "host.db"
    path.parent.mkdir()
    with closing(Sqlite(path)) as db:
        if spoil == "folder":
            path.parent.rmdir()
        else:
            path.write_bytes(b"a text of somebody else's, and no database" * 100)
        rewired(world, db)
        assert asked(world, Driver(db)) == (503, "M_UNKNOWN")
    assert world.outbox.messages == []


def test_a_wrong_statement_is_no_outage_of_a_file(sqlite: Sqlite) -> None:
    """A table that is not there is an error of whoever asks for it, and stays visible."""

    def wrong() -> Operation[None]:
        yield "SELECT * FROM nowhere", ()

    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        run_sync(sqlite.run(wrong))


def test_the_check_of_a_read_only_file_names_the_remedy(read_only: ReadOnlyFile) -> None:
    """``check`` refuses a file that cannot be written."""
    with pytest.raises(ConfigurationError, match=r"read-only: .*read-only file.*writable"):
        run_sync(check_schema(read_only))


# -- the commands ------------------------------------------------------------------------------------


def _named(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    module: Any = ModuleType("the_host")
    module.it = world.homeserver
    monkeypatch.setitem(sys.modules, "the_host", module)
    return "the_host:it"


@pytest.mark.parametrize("database", ["psycopg", "sqlite"])
def test_the_command_says_which_database_takes_no_changes(
    world: World,
    migrated: Place,
    read_only: ReadOnlyFile,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """``check`` names the ports whose database is read-only and the remedy, and its exit code is 1."""
    where = evolve(migrated, settings={**migrated.settings, **READ_ONLY})
    with driver(where, "psycopg") as given:
        rewired(world, given.db if database == "psycopg" else read_only)
        code = main(["check", _named(world, monkeypatch)])
    shown = capsys.readouterr().out
    assert code == 1
    assert "wrong:\n  database of sessions, limiter: the database is read-only: it is a standby" in shown
    assert "connect to the primary" in shown.lower()


def test_the_command_says_that_a_database_takes_changes(
    world: World, sqlite: Sqlite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``check`` says so of a good one, and its exit code is 0."""
    rewired(world, sqlite)
    assert main(["check", _named(world, monkeypatch)]) == 0
    assert "database of sessions, limiter: takes changes, schema version" in capsys.readouterr().out


@pytest.mark.parametrize("check_only", [[], ["--check"]])
def test_migrate_names_the_remedy(migrated: Place, check_only: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """``migrate`` says that a database is read-only, in one line, with and without ``--check``."""
    where = evolve(migrated, settings={**migrated.settings, **READ_ONLY})
    joint = "&" if "?" in where.uri else "?"
    url = f"{where.uri}{joint}options={quote(where.options())}"
    assert main(["migrate", "--database", url, *check_only]) == 1
    said = capsys.readouterr().err
    assert (said.count("\n"), "the database is read-only" in said) == (1, True)


def _raising(sqlstate: str) -> Operation[None]:
    yield f"DO $$ BEGIN RAISE SQLSTATE '{sqlstate}'; END $$", ()


def _emptied() -> Operation[None]:
    for table in ("matrix_threepid_sessions", "matrix_threepid_limits"):
        yield f"DELETE FROM {table}", ()  # noqa: S608  our own words


async def _awaited(awaitable: Any) -> Any:
    return await awaitable
