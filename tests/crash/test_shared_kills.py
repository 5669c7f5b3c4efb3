"""kill -9 within a transaction of threads or tasks: who was answered is stored, and no part is stored by half."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from time import sleep
from typing import Any, cast

import pytest
from attrs import frozen
from stores.counting import TracedSqlite

from matrix_threepid import Threads, run_sync
from matrix_threepid.stores import Sqlite
from matrix_threepid.stores.sql import Operation

from .forge import Forge, forge
from .life import Life

PARTS, ROWS = 4, 2
KILLED = -signal.SIGKILL


class Deadly(TracedSqlite):
    """A file whose process dies before it runs the statement of this number that begins with a word."""

    def __init__(self, path: str, word: str, number: int) -> None:
        super().__init__(path)
        self._word, self._number = word, number

    def _connect(self) -> Any:
        connection = super()._connect()
        connection.set_trace_callback(self._seen)
        return connection

    def _seen(self, sql: str) -> None:
        self.begun.update([sql.split(maxsplit=1)[0]])
        if self.begun[self._word] == self._number:
            os.kill(os.getpid(), signal.SIGKILL)


@frozen
class Crowd:
    """A process that writes several things at once and notes each answer; it dies at a statement, or after an answer.

    ``tasks``: whether tasks of asyncio write, in place of threads.
    """

    home: Path
    word: str
    number: int
    tasks: bool

    def lead(self) -> None:
        """Write one row alone, the others together."""
        with closing(Deadly(str(self.home / "shared.db"), self.word, self.number)) as db:
            if self.tasks:
                asyncio.run(self._lead_tasks(db))
                return
            go = Event()
            with ThreadPoolExecutor(PARTS) as pool:
                pool.submit(run_sync, self._write(db, 0, go))
                until(lambda: bool(db.begun["INSERT"]))
                for number in range(1, PARTS):
                    pool.submit(run_sync, self._write(db, number))
                until(lambda: db.waiting == PARTS - 1)
                go.set()

    async def _lead_tasks(self, db: Deadly) -> None:
        go = Event()
        tasks = [asyncio.create_task(self._write(db, 0, go))]
        await Threads(1)(lambda: until(lambda: bool(db.begun["INSERT"])))
        tasks += [asyncio.create_task(self._write(db, number)) for number in range(1, PARTS)]
        await Threads(1)(lambda: until(lambda: db.waiting == PARTS - 1))
        go.set()
        await asyncio.gather(*tasks)

    async def _write(self, db: Sqlite, number: int, go: Event | None = None) -> None:
        def rows() -> Operation[None]:
            for half in range(ROWS):
                yield "INSERT INTO t (number, half) VALUES (?, ?)", (number, half)
                if go is not None:
                    go.wait()

        await db.run(rows)
        with (self.home / "answered").open("a") as answered:
            answered.write(f"{number}\n")
        if self.word == "answer":
            os.kill(os.getpid(), signal.SIGKILL)


def until(happened: Callable[[], bool]) -> None:
    """Let other threads work until something has happened."""
    while not happened():
        sleep(0)


@pytest.fixture(scope="module")
def lives() -> Iterator[Forge]:
    with forge() as given:
        yield given


def _deaths() -> Iterator[tuple[str, int]]:
    for word, most in (("SAVEPOINT", PARTS), ("INSERT", PARTS * ROWS), ("RELEASE", PARTS), ("COMMIT", 1)):
        yield from ((word, number) for number in range(2 if word == "INSERT" else 1, most + 1, 2))
    yield "answer", 1


@pytest.mark.rule("SEC-240")
@pytest.mark.parametrize("tasks", [False, True], ids=["threads", "tasks"])
@pytest.mark.parametrize(("word", "number"), [*_deaths()])
def test_a_shared_commit_is_all_or_nothing(lives: Forge, word: str, number: int, tasks: bool, tmp_path: Path) -> None:
    """Whoever was answered is stored; the whole transaction is, or none of it."""
    with closing(Sqlite(tmp_path / "shared.db")) as db:
        run_sync(db.run(_schema))
    assert lives.live(cast("Life", Crowd(tmp_path, word, number, tasks))) == KILLED
    with closing(Sqlite(tmp_path / "shared.db")) as db:
        stored = run_sync(db.run(_stored))
    file = tmp_path / "answered"
    answered = {int(line) for line in file.read_text().split()} if file.exists() else set()
    whole = set(range(PARTS)) if word == "answer" else set()
    assert stored == [(part, half) for part in sorted(whole) for half in range(ROWS)]
    assert bool(answered) is (word == "answer")


def _schema() -> Operation[None]:
    yield "CREATE TABLE t (number BIGINT NOT NULL, half BIGINT NOT NULL)", ()


def _stored() -> Operation[list[Any]]:
    return [tuple(row) for row in (yield "SELECT number, half FROM t ORDER BY number, half", ())]
