"""kill -9 at every boundary of a whole journey: after restart nothing is lost, doubled or forgotten.

The README's tests kill at every third boundary; ``python -m tests.proof`` kills at all of them. ``THREEPID_KILLS`` says
how many processes are killed beyond that, each while it recovers from a death before; half as many are killed on
PostgreSQL.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from attrs import evolve
from stores.conftest import prepared
from stores.postgres import Place, driver, place

from matrix_threepid import run_sync
from matrix_threepid.stores.sqlite import Sqlite

from .forge import Forge, forge
from .journey import STEPS
from .life import Life
from .promises import check_always, check_finished, check_recovered

Station = tuple[Life, int]
KILLED = -signal.SIGKILL
BATCH = 10
EVERY = 1 if "MATRIX_THREEPID_PROOF" in os.environ else 3
MORE = int(os.environ.get("THREEPID_KILLS", "40"))
BATCHES = MORE // (4 * BATCH)
"""Each of a batch is two kills, in two modes."""
WAYS = ("psycopg", "psycopg serializable", "asyncpg", "asyncpg serializable")
ON_POSTGRES = MORE // (4 * len(WAYS))
"""How many are killed in each mode, by each way to PostgreSQL."""
LEAST = 60 if EVERY == 3 else max(MORE, 200)
"""How many processes must be killed in all."""
_modes = pytest.mark.parametrize("deferred", [False, True], ids=["at once", "deferred"], scope="module")
NAMES = [step.__name__ for step in STEPS]
DEFERRED = ("alice_asks", "mails_go_out", "alice_asks_for_code", "codes_go_out", "alice_types_code")
"""The steps that go another way where messages are sent later."""
CASES = [*((False, name) for name in NAMES), *((True, name) for name in DEFERRED)]


@pytest.fixture(scope="module")
def lives() -> Iterator[Forge]:
    with forge() as given:
        yield given


@pytest.fixture(scope="module")
def stations(deferred: bool, tmp_path_factory: pytest.TempPathFactory) -> list[Station]:
    """Return the lives that begin before each step, and how many boundaries each comes to in that step."""
    root = tmp_path_factory.mktemp("journey")
    (root / "0").mkdir()
    with closing(Sqlite(root / "0" / "threepid.db")) as db:
        run_sync(prepared(db))
    return [_station(root, number, deferred) for number in range(len(STEPS))]


def _station(root: Path, number: int, deferred: bool) -> Station:
    here, ahead = root / f"{number}", root / f"{number + 1}"
    shutil.copytree(here, ahead)
    with Life(home=ahead, deferred=deferred).begun() as travel:
        travel.go(1)
    return Life(home=here, deferred=deferred, steps=1), travel.fate.passed


@pytest.fixture(scope="module")
def schema(postgres: str) -> Iterator[Place]:
    """A schema of a PostgreSQL server, with all tables."""
    with place(postgres) as where, driver(where, "psycopg") as given:
        given.run(prepared(given.db))
        yield where


def moved(life: Life, home: Path) -> Life:
    """Return the same life on a copy of its files."""
    return evolve(life, home=shutil.copytree(life.home, home))


def survive(life: Life) -> None:
    """Look at what killed processes left behind, recover, and let everybody finish."""
    with life.after().begun() as travel:
        check_always(travel)
        travel.recover()
        check_recovered(travel)
        travel.go()
        check_finished(travel)


@pytest.mark.rule("REQ-BIND-5", "SEC-201", "SEC-240", "SEC-258")
@pytest.mark.parametrize(("deferred", "step"), CASES, scope="module")
def test_nothing_is_lost_wherever_a_process_is_killed(
    stations: list[Station], lives: Forge, step: str, tmp_path: Path
) -> None:
    """Whoever dies within or after a write, before or after a call, can be followed by somebody who finishes."""
    life, boundaries = stations[NAMES.index(step)]
    # Steps begin at different boundaries, so that each kind of boundary is among those of the README's tests.
    for at in range(1 + NAMES.index(step) % EVERY, boundaries + 1, EVERY):
        dying = evolve(moved(life, tmp_path / f"{at}"), dies_at=at)
        assert lives.live(dying) == KILLED
        survive(dying)


@pytest.mark.rule("SEC-240")
@pytest.mark.parametrize("batch", range(BATCHES))
@_modes
def test_nothing_is_lost_when_the_next_process_is_killed_too(
    stations: list[Station], lives: Forge, batch: int, tmp_path: Path
) -> None:
    """Recovering is as safe as what came before it."""
    random_bytes = Random(batch)  # noqa: S311  no secret
    for number in range(BATCH):
        life, boundaries = random_bytes.choice([station for station in stations if station[1]])
        life = moved(life, tmp_path / f"{number}")
        assert lives.live(evolve(life, dies_at=random_bytes.randint(1, boundaries))) == KILLED
        lives.live(evolve(life, dies_at=random_bytes.randint(1, 20), steps=None))
        survive(life)


@pytest.mark.rule("SEC-240")
@pytest.mark.parametrize("way", WAYS)
@_modes
def test_nothing_is_lost_on_postgresql(lives: Forge, schema: Place, way: str, deferred: bool, tmp_path: Path) -> None:
    """Wherever in the whole journey a process is killed, the server's rows are enough to go on."""
    first = (WAYS.index(way) * 2 + deferred) * (ON_POSTGRES + 1)
    life = Life(home=tmp_path, deferred=deferred, place=schema, driver=way, number=first)
    whole = _travelled(life)
    for number in range(1, ON_POSTGRES + 1):
        home = tmp_path / f"{number}"
        home.mkdir()
        dying = evolve(life, home=home, number=first + number, dies_at=whole * number // (ON_POSTGRES + 1))
        assert lives.live(dying) == KILLED
        survive(dying)


@pytest.mark.parametrize("deferred", [False], ids=["at once"], scope="module")
def test_enough_processes_are_killed(stations: list[Station]) -> None:
    """The tests of this module kill as many as the size asked for promises, on both databases."""
    at_boundaries = sum(boundaries for _, boundaries in stations) // EVERY
    on_postgresql = 2 * len(WAYS) * ON_POSTGRES
    assert at_boundaries + 4 * BATCH * BATCHES + on_postgresql >= LEAST, at_boundaries
    assert on_postgresql >= MORE // 4


@pytest.mark.rule("SEC-240")
@pytest.mark.parametrize("deferred", [True], ids=["deferred"], scope="module")
@pytest.mark.parametrize(
    ("volatile", "step", "what"),
    [
        ("sessions", "alice_adds_mail", "a validated address was lost"),
        ("sessions", "mails_go_out", "a mail was promised"),
        ("accounts", "alice_asks_for_code", "a validated address was lost"),
        ("bindings", "alice_unbinds_mail", "a binding was forgotten"),
    ],
)
def test_a_host_that_forgets_is_caught(
    stations: list[Station], volatile: str, step: str, what: str, tmp_path: Path
) -> None:
    """The checks above notice a port that only remembers as long as its process lives."""
    life = moved(stations[NAMES.index(step)][0], tmp_path / "life")
    with evolve(life, volatile=volatile).begun() as travel, pytest.raises(AssertionError, match=what):
        check_recovered(travel)


def _travelled(life: Life) -> int:
    with life.begun() as travel:
        travel.go()
        passed = travel.fate.passed
        check_finished(travel)
        return passed
