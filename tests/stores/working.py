"""What one of several processes on one database does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count, takewhile
from multiprocessing.synchronize import Barrier
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

from attrs import Factory, frozen
from crash.fate import Fate
from crash.outside import KNOWING, IdentityServers, Ledger, Mailbox, session_of
from hurried import hurry

from matrix_threepid import Medium, run_sync
from matrix_threepid.events import ThreepidAdded
from matrix_threepid.flows.unbind_retry import retry_unbinds
from matrix_threepid.stores.sql import Database, SqlBindings, SqlLimits, SqlSessions
from matrix_threepid.stores.sqlite import Sqlite
from matrix_threepid.testing import World

from .accounts import SqlAccounts
from .postgres import LEVELS, Driver, Place, driver

PROCESSES, THREADS, CALLS = 4, 8, 6
USERS = tuple(f"@user{number}:hs.example.org" for number in range(4))
ADDRESSES = ("one@example.org", "two@example.org", "three@example.org")
_PATIENCE = 60
_start: Barrier


@frozen(kw_only=True)
class Job:
    """Where to work and what with; the ledger in ``home`` is the world outside.

    ``seconds``: how long each thread acts, in the place of ``CALLS``.
    """

    home: Path
    number: int = 0
    place: Place | None = None
    level: str = LEVELS[0]
    deferred: bool = False
    seconds: int = 0

    @contextmanager
    def world(self, later: int = 0) -> Iterator[World]:
        """Give a host on the shared database, so many ms later than the others."""
        with self.driver() as given:
            world = self.host(given.db)
            world.clock.advance(later)
            yield world

    def host(self, db: Database) -> World:
        """Return a host on a database."""
        ledger, fate = Ledger(self.home / "ledger"), Fate()
        return World(
            {"deferred_sending": self.deferred},
            accounts=SqlAccounts(db),
            sessions=SqlSessions(db),
            limiter=SqlLimits(db),
            bindings=SqlBindings(db),
            identity=IdentityServers(ledger, fate),
            senders={Medium.EMAIL: Mailbox(ledger, fate)},
        )

    @contextmanager
    def driver(self) -> Iterator[Driver]:
        """Give a driver of one's own."""
        if self.place is None:
            with closing(Sqlite(self.home / "threepid.db")) as db:
                yield Driver(db)
        else:
            with driver(self.place, f"psycopg {self.level}") as given:
                yield given


@frozen
class Done:
    """What came of a job: how often which status was answered, who was told that they have which address.

    ``met``: how often a transaction ended with which error code; ``tried``: how much of the queue was worked off.
    """

    statuses: Counter[int] = Factory(Counter)
    added: frozenset[tuple[str, str]] = frozenset()
    met: Counter[str] = Factory(Counter)
    tried: int = 0


def remember(start: Barrier) -> None:
    """Keep what the processes start together by, and let them wait for no disk."""
    global _start  # noqa: PLW0603  a process is given it once
    _start = start
    hurry()


def be_everybody(job: Job) -> Done:
    """Act for all users in several threads, at random, over few addresses."""
    with job.driver() as given:
        world = job.host(given.db)
        _start.wait(_PATIENCE)
        _in_threads(lambda thread: _act(world, job, Random(f"{job.number}-{thread}")))  # noqa: S311  no secret
        added = frozenset((event.user_id, event.threepid.address) for event in world.events.of(ThreepidAdded))
        return Done(Counter(response.status for _, response in world.exchanges), added, given.met)


def work_off(job: Job) -> Done:
    """Send and take back whatever is due, in several threads, until nothing is left."""
    with job.world(later=60_000) as world:
        _start.wait(_PATIENCE)
        return Done(tried=sum(_in_threads(lambda _: _until_done(world))))


def _in_threads(work: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, range(THREADS)))


def _until_done(world: World) -> int:
    tried = 0
    while some := run_sync(world.service.deliver_due(3)) + run_sync(retry_unbinds(world.homeserver, 3)):
        tried += some
    return tried


def _act(world: World, job: Job, random_bytes: Random) -> None:
    """Ask, confirm what any process has sent, add, bind and take back."""
    ledger = Ledger(job.home / "ledger")
    for _ in _rounds(job.seconds):
        user, address = random_bytes.choice(USERS), random_bytes.choice(ADDRESSES)
        asked = world.ask(address, f"secret-{user[1:6]}", random_bytes.randint(1, 4), user=user)
        if asked.status != 200:
            random_bytes.choice((_delete, _unbind, _bind))(world, user, address)
            continue
        sid = asked.json()["sid"]
        links = [line["link"] for line in ledger.read("sent") if line["link"] and f"sid={sid}&" in line["link"]]
        if links and random_bytes.random() < 0.8:
            path, _, query = links[-1].removeprefix("https://hs.example.org").partition("?")
            world.call("POST", path, query.encode(), headers={"content-type": "application/x-www-form-urlencoded"})
            world.add(sid, f"secret-{user[1:6]}", user)


def _rounds(seconds: int) -> Iterator[int]:
    end = monotonic() + seconds
    return takewhile(lambda number: monotonic() < end if seconds else number < CALLS, count())


def _bind(world: World, user: str, address: str) -> None:
    sid = session_of(Medium.EMAIL, address)
    body = {"id_server": KNOWING, "id_access_token": "token", "sid": sid, "client_secret": "secret"}
    world.post("/account/3pid/bind", body, user)


def _unbind(world: World, user: str, address: str) -> None:
    world.post("/account/3pid/unbind", {"medium": "email", "address": address, "id_server": KNOWING}, user)


def _delete(world: World, user: str, address: str) -> None:
    world.post("/account/3pid/delete", {"medium": "email", "address": address}, user)
