"""What threads, or tasks of asyncio, write to one SQLite file at once is committed together, and fails alone."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from time import sleep
from typing import Any

import pytest

from matrix_threepid import Threads, run_sync
from matrix_threepid.protocol.errors import Unavailable
from matrix_threepid.stores import Sqlite
from matrix_threepid.stores._shared_commits import SharedCommits
from matrix_threepid.stores.sql import Operation
from matrix_threepid.testing.rogue import PATIENCE

from .counting import TracedSqlite

OTHERS = 5
Write = Callable[[], Operation[None]]
Begin = Callable[[Sqlite, Write], "Future[None]"]


class Strict(TracedSqlite):
    """A file whose commits check that each child has its parent."""

    @property
    def shared(self) -> SharedCommits:
        """What runs the parts of all who write."""
        return self._shared

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        connection.execute("PRAGMA foreign_keys = ON")
        return connection


class Small(Strict):
    """A file on a disk that has room for little more."""

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        connection.execute("PRAGMA max_page_count = 4")
        return connection


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Strict]:
    with closing(Strict(str(tmp_path / "shared.db"))) as db:
        run_sync(db.run(_schema))
        db.begun.clear()
        yield db


def _schema() -> Operation[None]:
    yield "CREATE TABLE t (name TEXT PRIMARY KEY, parent TEXT REFERENCES t DEFERRABLE INITIALLY DEFERRED)", ()


def writing(name: str, parent: str | None = None) -> Write:
    """Return an operation that inserts one row."""

    def write() -> Operation[None]:
        yield "INSERT INTO t (name, parent) VALUES (?, ?)", (name, parent)

    return write


def failing() -> Operation[None]:
    """Insert a row and fail."""
    yield from writing("undone")()
    raise LookupError


def stored(db: Sqlite) -> list[str]:
    """Return what is in the table."""

    def read() -> Operation[list[str]]:
        return [name for (name,) in (yield "SELECT name FROM t ORDER BY rowid", ())]

    return run_sync(db.run(read))


@pytest.fixture(params=["threads", "asyncio"])
def begin(request: pytest.FixtureRequest) -> Iterator[Begin]:
    """Begins operations, each in a thread of its own or all as tasks of one event loop."""
    if request.param == "threads":
        with ThreadPoolExecutor(OTHERS + 1) as pool:
            yield lambda db, operation: pool.submit(run, db, operation)
        return
    loop = asyncio.new_event_loop()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(loop.run_forever)
        try:
            yield lambda db, operation: asyncio.run_coroutine_threadsafe(db.run(operation), loop)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            running.result()
            loop.close()


@contextmanager
def together(begin: Begin, db: Sqlite, *others: Write) -> Iterator[list[Future[None]]]:
    """Have ``others`` wait while a first operation writes; give what comes of them, the first included."""
    go = Event()

    def first() -> Operation[None]:
        yield from writing("first")()
        assert go.wait(PATIENCE)

    try:
        futures = [begin(db, first)]
        until(lambda: db.begun["INSERT"] == 1)  # type: ignore[attr-defined]
        for number, other in enumerate(others, 1):
            futures.append(begin(db, other))
            until(lambda number=number: db.waiting == number)  # type: ignore[misc]
        go.set()
        yield futures
    finally:
        go.set()


def run(db: Sqlite, operation: Callable[[], Operation[Any]]) -> Any:
    """Run an operation in this thread."""
    return run_sync(db.run(operation))


def until(happened: Callable[[], bool]) -> None:
    """Let other threads work until something has happened."""
    while not happened():
        sleep(0)


def test_operations_that_wait_share_a_commit(begin: Begin, file: Strict) -> None:
    """What came while another thread was writing costs no commit of its own."""
    with together(begin, file, *(writing(f"{number}") for number in range(OTHERS))) as done:
        assert [each.result() for each in done] == [None] * (OTHERS + 1)
    assert (file.begun["BEGIN"], file.begun["COMMIT"]) == (1, 1)
    assert stored(file) == ["first", *(f"{number}" for number in range(OTHERS))]


def test_an_operation_that_fails_is_undone_alone(begin: Begin, file: Strict) -> None:
    """Others in the same transaction do not notice."""
    with together(begin, file, failing, writing("other")) as (first, failed, other):
        assert (first.result(), other.result(), type(failed.exception())) == (None, None, LookupError)
    assert stored(file) == ["first", "other"]


def test_a_commit_that_fails_is_unavailable_to_all(begin: Begin, file: Strict) -> None:
    """Nobody is told that something is stored which is not."""
    with together(begin, file, writing("child", "nobody"), writing("other")) as done:
        assert [type(each.exception()) for each in done] == [Unavailable] * 3
    assert stored(file) == []
    run(file, writing("afterwards"))
    assert stored(file) == ["afterwards"]


def test_a_full_disk_is_unavailable(begin: Begin, file: Strict) -> None:
    """Who meets a full disk while writing is told to come back; what still has room is stored."""
    with closing(Small(file.path)) as small:
        assert type(begin(small, writing("large" * 10_000)).exception()) is Unavailable
        begin(small, writing("little")).result()
    assert stored(file) == ["little"]


def test_a_part_is_begun_once(file: Strict) -> None:
    """A part that is to lead the next transaction as soon as it has come is begun by one thread, and not by two."""
    commits, started, ended = file.shared, list[Callable[[], None]](), list[object]()

    def begun(*, later: bool) -> None:
        commits.begin(
            lambda execute: execute("SELECT 1", ()), lambda *end: ended.append(end), started.append, later=later
        )

    begun(later=False)
    with leaving(commits, started[0]):
        begun(later=True)
    assert len(started) == 2
    started[1]()
    assert ended == [([(1,)], None)] * 2


@contextmanager
def leaving(commits: SharedCommits, then: Callable[[], None]) -> Iterator[None]:
    """Have another thread's work done as soon as the lock is free for the first time: no public way leads between."""
    lock, left = commits._lock, list[Callable[[], None]]([then])

    class Lock:
        def __enter__(self) -> None:
            lock.acquire()

        def __exit__(self, *_: object) -> None:
            lock.release()
            if left:
                left.pop()()

    commits._lock = Lock()  # type: ignore[assignment]
    try:
        yield
    finally:
        commits._lock = lock


def test_who_waits_too_long_is_taken_back(begin: Begin, file: Strict, tmp_path: Path) -> None:
    """An operation that has not begun in time is never run; one that has begun is waited for."""
    go, begun_writing = Event(), Event()

    def slow() -> Operation[None]:
        yield from writing("slow")()
        begun_writing.set()
        assert go.wait(PATIENCE)

    with closing(Sqlite(tmp_path / "shared.db", busy_timeout=1)) as impatient:
        begun = begin(impatient, slow)
        assert begun_writing.wait(PATIENCE)
        with pytest.raises(Unavailable):
            begin(impatient, writing("late")).result()
        go.set()
        begun.result()
        assert (stored(impatient), impatient.waiting) == (["slow"], 0)


def test_purging_goes_last(begin: Begin, file: Strict) -> None:
    """A purge waits for those who came after it."""
    from matrix_threepid.stores.sql.operation import Later

    def purge() -> Operation[None]:
        yield Later("INSERT INTO t (name) VALUES (?)", "purge")

    with together(begin, file, purge, writing("a"), writing("b")) as done:
        for each in done:
            each.result()
    assert stored(file) == ["first", "a", "b", "purge"]


def test_a_task_that_is_cancelled_takes_back_what_waits(file: Strict) -> None:
    """Nothing is written for a task of asyncio that was cancelled before its operation began to write."""
    go, begun_writing = Event(), Event()

    def slow() -> Operation[None]:
        yield from writing("slow")()
        begun_writing.set()
        assert go.wait(PATIENCE)

    async def story() -> None:
        first = asyncio.create_task(file.run(slow))
        assert await Threads(1)(lambda: begun_writing.wait(PATIENCE))
        second = asyncio.create_task(file.run(writing("cancelled")))
        await Threads(1)(lambda: until(lambda: file.waiting == 1))
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        go.set()
        await first

    asyncio.run(story())
    assert (stored(file), file.waiting) == (["slow"], 0)


def test_a_second_loop_may_use_the_same_database(file: Strict) -> None:
    """A program may end an event loop and begin another one with the same database."""
    for name in ("one", "two"):
        asyncio.run(file.run(writing(name)))
    assert stored(file) == ["one", "two"]


def test_an_operation_that_ends_its_thread_ends_no_other(file: Strict) -> None:
    """However often an operation raises what ends a program, the threads behind tasks of asyncio go on."""

    def leaves() -> Operation[None]:
        yield from writing("undone")()
        raise SystemExit

    async def story() -> None:
        for _ in range(3):  # more than there are threads
            with pytest.raises(Unavailable):
                await asyncio.wait_for(file.run(leaves), PATIENCE)
        await asyncio.wait_for(file.run(writing("afterwards")), PATIENCE)

    asyncio.run(story())
    assert stored(file) == ["afterwards"]
