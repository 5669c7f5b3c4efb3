"""``python -m matrix_threepid migrate`` as operators run it, on both databases."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from matrix_threepid import run_sync
from matrix_threepid.__main__ import main
from matrix_threepid.stores.psycopg import Psycopg
from matrix_threepid.stores.sql import Database, Operation
from matrix_threepid.stores.sql._migrations import MIGRATIONS
from matrix_threepid.stores.sqlite import Sqlite

from .postgres import place

Command = Callable[..., tuple[int, str, str]]
NEWEST, SECRET = len(MIGRATIONS), "a-secret-password"


class Target:
    """A new database: its URL, and a driver on it."""

    def __init__(self, url: str, db: Database) -> None:
        self.url, self.db = url, db

    def has(self, version: int) -> None:
        """Make it look as if a release with this schema had migrated it."""
        run_sync(_awaited(self.db, version))


async def _awaited(db: Database, version: int) -> None:
    await db.run(lambda: _claimed(version))


def _claimed(version: int) -> Operation[None]:
    yield "CREATE TABLE IF NOT EXISTS matrix_threepid_schema (version BIGINT NOT NULL PRIMARY KEY)", ()
    yield "INSERT INTO matrix_threepid_schema (version) VALUES (?)", (version,)


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    if request.param == "sqlite":
        db = Sqlite(tmp_path / "host.db")
        yield Target(f"sqlite:///{tmp_path / 'host.db'}", db)
        db.close()
        return
    import psycopg

    with place(request.getfixturevalue("postgres")) as where:
        joint = "&" if "?" in where.uri else "?"
        url = f"{where.uri}{joint}options={quote('-c search_path=' + where.settings['search_path'])}"
        yield Target(url, Psycopg(lambda: psycopg.connect(url)))


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs the command here, and returns its exit status, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["migrate", *arguments])
        return (status, *capsys.readouterr())

    return run


def ran(*arguments: str) -> tuple[int, str, str]:
    """Run the command as a process; return its exit status, standard output and standard error."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "matrix_threepid", "migrate", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_database_is_migrated_and_checked(command: Command, target: Target) -> None:
    """An empty database is refused by ``--check``, with what to do; migrated once or twice, it is good."""
    target.has(0)
    status, _, told = command("--database", target.url, "--check")
    assert (status, "version 0" in told, "python -m matrix_threepid migrate" in told) == (1, True, True)
    for arguments in ((), (), ("--check",)):
        status, said, told = command("--database", target.url, *arguments)
        assert (status, f"version {NEWEST}" in said, told) == (0, True, "")


@pytest.mark.parametrize("setting", ["on", "off"])
def test_a_url_says_whether_statements_are_prepared(command: Command, postgres: str, setting: str) -> None:
    """``prepared`` is a setting of ours beside those of libpq."""
    # A schema of its own, since other tests migrate the usual one.
    empty = quote("-c search_path=nothing_here")
    status, _, told = command("--database", f"{postgres}&options={empty}&prepared={setting}", "--check")
    assert (status, "matrix_threepid migrate" in told, "prepared" in told) == (1, True, False)


@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_the_schema_of_a_later_release_is_refused(command: Command, target: Target, arguments: tuple[str, ...]) -> None:
    """A schema that is too new is left alone, and the operator is told to upgrade."""
    target.has(NEWEST + 1)
    status, said, told = command("--database", target.url, *arguments)
    assert (status, said, "upgrade matrix_threepid" in told) == (1, "", True)


def test_processes_may_migrate_at_once(target: Target) -> None:
    """Four processes that start together all succeed."""
    with ThreadPoolExecutor(4) as pool:
        assert [status for status, *_ in pool.map(lambda _: ran("--database", target.url), range(4))] == [0] * 4


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (f"mysql://root:{SECRET}@127.0.0.1/x", "must be sqlite:///FILE or postgresql://"),
        ("sqlite:///", "must be sqlite:///FILE or postgresql://"),
        ("sqlite:////nowhere/at/all.db", "folder"),
        (f"postgresql://root:{SECRET}@127.0.0.1:1/x", "does not answer"),
        (f"postgresql://root:{SECRET}%zz@127.0.0.1:1/x", "cannot be read"),
        (f"postgresql://root:{SECRET}@127.0.0.1:1/x?{SECRET}=1", "cannot be read"),
        (f"postgresql://root:{SECRET}@127.0.0.1:1/x?prepared={SECRET}", "prepared must be on or off"),
        (f"sqlite:///{__file__}", "not a database"),
    ],
)
def test_a_database_that_cannot_be_opened_is_explained(command: Command, url: str, why: str) -> None:
    """The reason is on standard error, in the last line; a password is nowhere."""
    status, said, told = command("--database", url)
    assert (status, said, why in told.splitlines()[-1], SECRET in told) == (1, "", True, False)


def test_checking_makes_no_file(command: Command, tmp_path: Path) -> None:
    """``--check`` of a file that is not there says so and leaves it at that."""
    status, _, told = command("--database", f"sqlite:///{tmp_path / 'none.db'}", "--check")
    assert (status, "no such file" in told, list(tmp_path.iterdir())) == (1, True, [])
