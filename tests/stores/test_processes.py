"""Several processes of one host, with many workers each, on one database.

``THREEPID_SECONDS`` says how long they meet at each isolation level, in the place of a number of calls; the nightly
size is 60. With ``-s`` the figures are shown.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from attrs import evolve
from crash.outside import Ledger

from matrix_threepid import Medium, Threepid, run_sync
from matrix_threepid.model.binding import Binding
from matrix_threepid.stores.sqlite import Sqlite
from matrix_threepid.testing import World
from matrix_threepid.testing.contracts.values import NOW, binding

from .conftest import prepared
from .postgres import LEVELS, driver, place
from .working import PROCESSES, USERS, Done, Job, be_everybody, remember, work_off

WORK = 20
SECONDS = int(os.environ.get("THREEPID_SECONDS", "0"))
DEADLOCK = "40P01"
FINE = {200, 303, 400, 401, 403, 404}
"""What a client may hear: success, or a refusal that says what it did wrong."""


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    context = get_context("spawn")
    started = (context.Barrier(PROCESSES),)
    with ProcessPoolExecutor(PROCESSES, context, initializer=remember, initargs=started) as pool:
        yield pool


@pytest.fixture(params=["sqlite", *LEVELS])
def job(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Job]:
    """Give a shared database without rows."""
    if request.param == "sqlite":
        with closing(Sqlite(tmp_path / "threepid.db")) as db:
            run_sync(prepared(db))
        yield Job(home=tmp_path)
    else:
        with place(request.getfixturevalue("postgres")) as where:
            with driver(where, "psycopg") as given:
                given.run(prepared(given.db))
            yield Job(home=tmp_path, place=where, level=request.param)


def together(pool: ProcessPoolExecutor, work: Any, job: Job) -> list[Done]:
    """Let every process do its part; they start as one."""
    return list(pool.map(work, [evolve(job, number=number) for number in range(PROCESSES)]))


def test_processes_that_share_a_database_agree(processes: ProcessPoolExecutor, job: Job) -> None:
    """Nobody hears of a conflict; every message goes once, every address has one owner, every binding its row."""
    done = together(processes, be_everybody, evolve(job, seconds=SECONDS))
    statuses, met = sum((each.statuses for each in done), Counter()), sum((each.met for each in done), Counter())
    sys.stdout.write(f"{job.place and job.level}: {statuses.total()} answers {statuses}, transactions undone: {met}\n")
    assert (set(statuses) - FINE, met[DEADLOCK]) == (set(), 0)
    with job.world() as world:
        every = world.homeserver.sessions.dump()  # type: ignore[attr-defined]
        sessions = [session for session in every if session.notice is None]
        assert links_of(job) == Counter({session.sid: session.serial for session in sessions})
        assert {session.claimed_by for session in sessions} > {None}
        assert [each for each in sessions if each.claimed_by not in (None, f"user:{each.owner}")] == []
        assert owned(world) <= frozenset().union(*(each.added for each in done))
        assert published(job) <= bound(world)


def test_processes_share_the_work(processes: ProcessPoolExecutor, job: Job) -> None:
    """What is due is sent once and taken back once, whichever process gets hold of it."""
    job = evolve(job, deferred=True)
    with job.world() as world:
        asked = [world.ask(f"somebody{number}@example.org").json()["sid"] for number in range(WORK)]
        rows = [left_to_unbind(number) for number in range(WORK)]
        assert all(run_sync(world.homeserver.bindings.insert(row)) for row in rows)  # type: ignore[arg-type]
    done = together(processes, work_off, job)
    assert links_of(job) == Counter(asked)
    assert unbound(job) == Counter(row.threepid.address for row in rows if row.threepid)
    assert sum(each.tried for each in done) == 2 * WORK
    with job.world() as world:
        assert world.homeserver.bindings.dump() == []  # type: ignore[attr-defined]


def links_of(job: Job) -> Counter[str]:
    """Return how many links were sent for each session."""
    lines = Ledger(job.home / "ledger").read("sent")
    return Counter(parse_qs(urlsplit(line["link"]).query)["sid"][0] for line in lines if line["link"])


def unbound(job: Job) -> Counter[str]:
    """Return how often identity servers were asked to take an address back."""
    return Counter(line["address"] for line in Ledger(job.home / "ledger").read("unbind"))


def left_to_unbind(number: int) -> Binding:
    """Return a binding that waits to be taken back."""
    threepid = Threepid(Medium.EMAIL, f"{number}@x")
    return binding(f"{number}", threepid=threepid, spelling=None, due_at=NOW, unwanted_since=NOW)


def owned(world: World) -> set[tuple[str, str]]:
    """Return who has which address."""
    return {(user, address) for user in USERS for address in world.threepids(user)}


def published(job: Job) -> set[tuple[str, str]]:
    """Return whose address is public."""
    return {(user, address) for (_, _, address), user in Ledger(job.home / "ledger").published().items()}


def bound(world: World) -> set[tuple[str, str]]:
    """Return whose address is remembered as bound."""
    rows: list[Binding] = world.homeserver.bindings.dump()  # type: ignore[attr-defined]
    return {(row.user_id, row.threepid.address) for row in rows if row.threepid}
