"""kill -9 while an outage keeps a deferred message from being handed over: what it cost is given back once, or not."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import pytest
from attrs import evolve, frozen
from stores.conftest import prepared

from matrix_threepid import Limit, Limits, Medium, run_sync
from matrix_threepid.model.message import Accepted, Outcome, RefusedForNow, TokenMessage
from matrix_threepid.stores import Sqlite, SqlLimits, SqlSessions
from matrix_threepid.testing import World

from .fate import Fate, MortalDatabase
from .forge import Forge, forge
from .life import Life

MINUTE, ALLOWED, BEFORE = 60_000, 4, 2
EVERY = 1 if "MATRIX_THREEPID_PROOF" in os.environ else 3
KILLED = -signal.SIGKILL
LIMITS = Limits(per_client=Limit(ALLOWED, 0.00001), per_address=Limit(ALLOWED, 0.00001), apart=0)


class Provider:
    """A mail server that is away or not; it notes each mail that it takes. The process may die before and after."""

    def __init__(self, home: Path, fate: Fate, *, away: bool) -> None:
        self._taken, self._fate, self._away = home / "taken", fate, away

    async def send(self, message: TokenMessage) -> Outcome:
        self._fate.boundary()
        if self._away:
            return RefusedForNow("no connection")
        with self._taken.open("a") as taken:
            taken.write(f"{message.recipient}\n")
        self._fate.boundary()
        return Accepted()


@frozen(kw_only=True)
class Outage:
    """A process that is asked for one mail, or for none, and delivers, while the mail server is away or back again."""

    home: Path
    asks: bool = True
    away: bool = True
    minutes: int = 0
    dies_at: int | None = None

    def lead(self) -> None:
        with self.begun() as (world, _):
            self.act(world)

    def act(self, world: World) -> None:
        if self.asks:
            assert world.ask().status == 200
        while run_sync(world.service.deliver_due()):
            pass

    @contextmanager
    def begun(self) -> Iterator[tuple[World, Fate]]:
        with closing(Sqlite(self.home / "threepid.db")) as file:
            fate = Fate(self.dies_at)
            db, senders = MortalDatabase(file, fate), {Medium.EMAIL: Provider(self.home, fate, away=self.away)}
            policy = {"deferred_sending": True, "limits": LIMITS}
            world = World(policy, sessions=SqlSessions(db), limiter=SqlLimits(db), senders=senders)
            world.clock.advance(self.minutes * MINUTE)
            yield world, fate


@pytest.fixture(scope="module")
def lives() -> Iterator[Forge]:
    with forge() as given:
        yield given


def mailed(home: Path) -> set[str]:
    """Return who has got mail since the beginning."""
    file = home / "taken"
    return set(file.read_text().split()) if file.exists() else set()


def charged(home: Path) -> int:
    """Return how many messages are charged to the client: on a copy it asks until it gets no more."""
    with TemporaryDirectory() as other:
        copy = Path(shutil.copytree(home, Path(other) / "copy"))
        with Outage(home=copy).begun() as (world, _):
            statuses = [world.ask(f"{number}@example.org", f"{number}").status for number in range(ALLOWED + 1)]
    assert set(statuses) <= {200, 429}
    return ALLOWED - statuses.count(200)


def begin(home: Path) -> Path:
    """Have two mails sent, which are charged to the same client whatever happens later."""
    home.mkdir()
    with closing(Sqlite(home / "threepid.db")) as db:
        run_sync(prepared(db))
    with Outage(home=home, away=False).begun() as (world, _):
        for number in range(BEFORE):
            world.ask(f"before{number}@example.org", f"before{number}")
        while run_sync(world.service.deliver_due()):
            pass
    assert len(mailed(home)) == BEFORE
    return home


def boundaries(life: Outage) -> int:
    """Return how many boundaries a life comes to."""
    with life.begun() as (world, fate):
        life.act(world)
        return fate.passed


FIRST = Outage(home=Path())
AGAIN = Outage(home=Path(), asks=False, minutes=2)
BACK = Outage(home=Path(), asks=False, away=False, minutes=2)


@pytest.mark.rule("SEC-240")
@pytest.mark.parametrize("lived", [(FIRST,), (FIRST, AGAIN), (FIRST, BACK)], ids=["first", "again", "back"])
def test_a_charge_is_given_back_once(lives: Forge, lived: tuple[Outage, ...], tmp_path: Path) -> None:
    """Wherever a process is killed: what others were charged stays, and a mail that is handed over was charged."""
    before = begin(tmp_path / "before")
    for life in lived[:-1]:
        with evolve(life, home=before).begun() as (world, _):
            life.act(world)
    whole = shutil.copytree(before, tmp_path / "whole")
    deaths = boundaries(evolve(lived[-1], home=whole))
    assert charged(whole) == len(mailed(whole))
    for at in range(deaths % EVERY + 1, deaths + 1, EVERY):
        home = shutil.copytree(before, tmp_path / f"{at}")
        assert lives.live(cast("Life", evolve(lived[-1], home=home, dies_at=at))) == KILLED
        if at % 2:
            lives.live(cast("Life", Outage(home=home, asks=False, minutes=10)))
        # The mail may be charged although it was not handed over, where nobody knows what the dead process did with it.
        assert len(mailed(home)) <= charged(home) <= BEFORE + 1, at
        lives.live(cast("Life", Outage(home=home, asks=False, away=False, minutes=20)))
        alice = len(mailed(home)) > BEFORE
        assert charged(home) in ((BEFORE + 1,) if alice else (BEFORE, BEFORE + 1)), at
