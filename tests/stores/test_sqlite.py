"""The SQLite driver: whole transactions, patience with others, and nothing lost on the way."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Barrier, Event, get_ident

import pytest
from hurried import DURABLE

from matrix_threepid import ConfigurationError, Threads, run_sync
from matrix_threepid.protocol.errors import Unavailable
from matrix_threepid.stores.sql import Operation, SqlSessions
from matrix_threepid.stores.sqlite import Sqlite
from matrix_threepid.testing.contracts.values import session
from matrix_threepid.testing.rogue import PATIENCE

PROCESSES = 4


@pytest.fixture
def impatient(sqlite: Sqlite, tmp_path: Path) -> Iterator[Sqlite]:
    """The same file for somebody who gives up soon."""
    db = Sqlite(tmp_path / "threepid.db", busy_timeout=1)
    yield db
    db.close()


@contextmanager
def another(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of another program."""
    with closing(sqlite3.connect(tmp_path / "threepid.db", isolation_level=None)) as connection:
        yield connection


def test_a_failed_operation_leaves_nothing_behind(sqlite: Sqlite) -> None:
    """What an operation did before it raised is undone, and the next one works."""

    def fails() -> Operation[None]:
        yield "INSERT INTO matrix_threepid_limits (name, full_at) VALUES (?, ?)", ("k", 1)
        raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            run_sync(sqlite.run(fails))
    assert run_sync(sqlite.run(_count)) == 0


def test_a_bug_stays_visible(sqlite: Sqlite) -> None:
    """A statement that cannot work is no matter of trying again."""

    def wrong() -> Operation[None]:
        yield "SELECT * FROM nowhere", ()

    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        run_sync(sqlite.run(wrong))


def test_a_locked_file_is_unavailable(impatient: Sqlite, tmp_path: Path) -> None:
    """Who cannot write in time is told to come back; reading goes on, and so does writing afterwards."""
    store = SqlSessions(impatient)
    with another(tmp_path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            run_sync(store.open(session("a")))
        assert run_sync(store.get("a")) is None
    assert run_sync(store.open(session("a"))).sid == "a"


def test_what_was_read_is_still_true_when_it_is_written(sqlite: Sqlite, tmp_path: Path) -> None:
    """An operation that reads, and writes on what somebody changed since, is begun again."""
    seen: list[int] = []

    def reads_then_writes() -> Operation[None]:
        seen.append((yield from _count()))
        if len(seen) == 1:
            _insert_elsewhere(tmp_path)
        yield "INSERT INTO matrix_threepid_limits (name, full_at) VALUES (?, ?)", ("mine", seen[-1])

    run_sync(sqlite.run(reads_then_writes))
    assert seen == [0, 1]
    assert run_sync(sqlite.run(_count)) == 2


def test_processes_share_the_file(sqlite: Sqlite, tmp_path: Path) -> None:
    """Stores that know nothing of each other, on one file, agree on who holds a slot."""
    start = Barrier(PROCESSES)

    def open_in(number: int) -> str:
        with closing(Sqlite(tmp_path / "threepid.db")) as db:
            start.wait(30)
            return run_sync(SqlSessions(db).open(session(f"{number}", slot="slot"))).sid

    with ThreadPoolExecutor(PROCESSES) as pool:
        assert len(set(pool.map(open_in, range(PROCESSES)))) == 1


@pytest.mark.rule("SEC-241")
def test_commits_reach_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers and the writer do not wait for each other, and what was committed survives a power cut."""
    monkeypatch.setattr("matrix_threepid.stores.sqlite._SYNCHRONOUS", DURABLE)

    def settings() -> Operation[object]:
        (mode,), (synchronous,) = [*(yield "PRAGMA journal_mode", ()), *(yield "PRAGMA synchronous", ())]
        return mode, synchronous

    with closing(Sqlite(tmp_path / "threepid.db")) as db:
        assert run_sync(db.run(settings)) == ("wal", 2)


def test_transactions_run_where_the_host_says(sqlite: Sqlite, tmp_path: Path) -> None:
    """``offload`` takes the place of the threads of the database's own; neither is that of the loop."""
    threads: list[int] = []

    def where() -> Operation[None]:
        threads.append(get_ident())
        yield "SELECT 1", ()

    async def ask() -> None:
        for given in (None, asyncio.to_thread):
            with closing(Sqlite(tmp_path / "threepid.db", given)) as db:
                await db.run(where)

    asyncio.run(ask())
    assert (len(threads), get_ident() in threads) == (2, False)


def test_a_locked_file_stops_no_loop(sqlite: Sqlite, tmp_path: Path) -> None:
    """While another program keeps the file locked the loop goes on, and so does the write when the file is free."""
    begun = Event()

    def write() -> Operation[None]:
        begun.set()
        yield "INSERT INTO matrix_threepid_limits (name, full_at) VALUES (?, ?)", ("ours", 1)

    async def meet() -> bool:
        patient = Sqlite(tmp_path / "threepid.db", busy_timeout=60_000)
        with closing(patient), another(tmp_path) as other:
            other.execute("BEGIN IMMEDIATE")
            writing = asyncio.create_task(patient.run(write))
            await Threads(1)(lambda: begun.wait(PATIENCE))
            waits = not writing.done()
            other.execute("ROLLBACK")
            await writing
            return waits

    assert asyncio.run(meet())
    assert run_sync(sqlite.run(_count)) == 1


def test_a_closed_database_opens_again(sqlite: Sqlite) -> None:
    """``close`` lets go of the file; the next operation takes it up."""
    sqlite.close()
    assert run_sync(sqlite.run(_count)) == 0


@pytest.mark.parametrize("path", ["", ":memory:", "file::memory:?cache=shared"])
def test_a_database_in_memory_is_refused(path: str) -> None:
    """Each connection would see another database; the memory stores are for that."""
    with pytest.raises(ConfigurationError, match="give a file"):
        Sqlite(path)


def test_the_library_does_not_load_sqlite_before_it_is_used() -> None:
    """Importing the driver is free for hosts that use another one."""
    program = (
        "import sys, matrix_threepid.stores.sqlite, matrix_threepid.stores.sql; sys.exit('sqlite3' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0  # noqa: S603  our own words


def _count() -> Operation[int]:
    return (yield "SELECT count(*) FROM matrix_threepid_limits", ())[0][0]


def _insert_elsewhere(tmp_path: Path) -> None:
    with another(tmp_path) as other:
        other.execute("INSERT INTO matrix_threepid_limits (name, full_at) VALUES ('theirs', 1)")
