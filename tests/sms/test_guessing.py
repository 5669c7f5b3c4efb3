"""Codes against somebody who tries them all, and against accidents."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from flows.together import Turns, waiting

from matrix_threepid import run_sync
from matrix_threepid.events import ManyWrongCodes, ThreepidValidated, WrongToken
from matrix_threepid.stores.sql import migrate
from matrix_threepid.stores.sqlite import Sqlite
from matrix_threepid.testing import World

from .acting import DAY, HOUR, INCORRECT, LIMITED, MINUTE, SUBMIT, asked, guess_wrong, outcome, submit, texting, wrong
from .guessing import PATIENCE, Attack, attack, world_on

EXPIRED = (400, "M_SESSION_EXPIRED")
GUESSES = 10_000 if "MATRIX_THREEPID_PROOF" in os.environ else 1_500
PROCESSES, CLIENTS = 3, 50


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Sqlite]:
    """A database in a file, with our tables."""
    file = Sqlite(tmp_path / "codes.db", busy_timeout=PATIENCE)
    run_sync(migrate(file))
    yield file
    file.close()


@pytest.mark.rule("SEC-24", "SEC-25", "SEC-116")
@pytest.mark.timeout(240)
def test_thousands_of_guesses_are_15_comparisons(database: Sqlite, tmp_path: Path) -> None:
    """However many clients, processes and sessions: 15 codes a day are compared, and ten more are for the owner."""
    world = world_on(database)
    opened = {secret: asked(world, secret) for secret in (f"s{number}" for number in range(8))}
    rights = {code for _, code in opened.values()}
    codes = [code for number in range(GUESSES + len(rights)) if (code := f"{number:06}") not in rights][:GUESSES]
    sessions = tuple((sid, secret) for secret, (sid, _) in opened.items())
    shared = (tmp_path / "codes.db", sessions, tuple(f"198.51.100.{n}" for n in range(CLIENTS)))
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        attacks = [Attack(*shared, tuple(codes[part::PROCESSES])) for part in range(PROCESSES)]
        answers = sum(pool.map(attack, attacks), Counter[Any]())
    # A code that is dead after five guesses compares nothing more, and costs nothing: of eight sessions none is.
    assert answers[INCORRECT] == 15
    assert answers[LIMITED] == GUESSES - 15
    sid, code = asked(world, "owner")
    assert outcome(submit(world, sid, code, "owner")) == LIMITED
    world.clock.advance(DAY)
    sid, code = asked(world, "owner", attempt=2)
    assert submit(world, sid, code, "owner").json() == {"success": True}


@pytest.mark.rule("SEC-24")
def test_five_guesses_are_compared_for_one_code(database: Sqlite, tmp_path: Path) -> None:
    """One code dies after five wrong ones, counted over all processes."""
    world = world_on(database)
    sid, code = asked(world)
    plan = Attack(tmp_path / "codes.db", ((sid, "secret"),), ("203.0.113.1",), (wrong(code),) * 8)
    answers = sum((attack(plan) for _ in range(2)), Counter[Any]())
    assert answers == {INCORRECT: 5, EXPIRED: 11}
    assert outcome(submit(world, sid, code)) == EXPIRED


@pytest.mark.rule("SEC-24", "SEC-116")
def test_guesses_are_counted_after_a_restart(database: Sqlite) -> None:
    """A new process on the same database neither forgets guesses nor codes."""
    sid, code = asked(world_on(database))
    before = world_on(database)
    assert [outcome(submit(before, sid, wrong(code))) for _ in range(4)] == [INCORRECT] * 4
    after = world_on(database)
    assert submit(after, sid, code).json() == {"success": True}
    assert outcome(submit(after, sid, wrong(code))) == INCORRECT


@pytest.mark.parametrize(("age", "expected"), [(10 * MINUTE - 1, 200), (10 * MINUTE, EXPIRED)])
def test_a_code_lives_ten_minutes(make_world: Callable[..., World], age: int, expected: Any) -> None:
    """A code is refused from the ms it is ten minutes old."""
    world = texting(make_world)
    sid, code = asked(world)
    world.clock.advance(age)
    assert outcome(submit(world, sid, code)) == expected


def test_a_new_code_replaces_the_old(make_world: Callable[..., World]) -> None:
    """Only the code of the last SMS fits, and another number's never does."""
    world = texting(make_world)
    sid, first = asked(world)
    _, others = asked(world, "other", number="+447700900002")
    again, second = asked(world, attempt=2)
    assert again == sid
    assert len({first, second, others}) == 3
    assert [outcome(submit(world, sid, code)) for code in (first, others, second)] == [INCORRECT, INCORRECT, 200]


@pytest.mark.parametrize("digits", [6, 8])
def test_codes_have_as_many_digits_as_the_policy_says(make_world: Callable[..., World], digits: int) -> None:
    """Six digits, or more where the host wants them."""
    world = texting(make_world, policy={"code_digits": digits})
    sid, code = asked(world)
    assert len(code) == digits
    assert code.isdecimal()
    assert submit(world, sid, code).json() == {"success": True}


def test_a_wrong_code_is_reported(make_world: Callable[..., World]) -> None:
    """The listener can watch wrong codes; the event does not tell the code."""
    world = texting(make_world)
    sid, code = asked(world)
    submit(world, sid, wrong(code))
    (event,) = world.events.of(WrongToken)
    assert event.guesses == 1
    assert code not in repr(event)
    assert wrong(code) not in repr(event)


@pytest.mark.rule("SEC-24")
def test_wrong_codes_all_over_the_server_raise_an_alarm(make_world: Callable[..., World]) -> None:
    """Who guesses once at each of many numbers meets no limit of theirs: the listener hears of it, once an hour."""
    world = texting(make_world, policy={"wrong_codes_alarm": 3})
    heard = []
    for number in range(6):
        guess_wrong(world, range(number, number + 1))
        heard.append(len(world.events.of(ManyWrongCodes)))
    assert heard == [0, 0, 0, 1, 1, 1]
    assert world.events.of(ManyWrongCodes) == [ManyWrongCodes(3)]
    world.clock.advance(HOUR)
    guess_wrong(world, range(10, 14))
    assert len(world.events.of(ManyWrongCodes)) == 2


def test_an_alarm_is_shared_by_all_processes(database: Sqlite) -> None:
    """The wrong codes are counted in the store, and one process tells of them."""
    worlds = [world_on(database) for _ in range(2)]
    for world in worlds:
        world.rewire(policy=evolve(world.homeserver.policy, wrong_codes_alarm=3))
    for number in range(8):
        guess_wrong(worlds[number % 2], range(number, number + 1))
    assert [event for world in worlds for event in world.events.of(ManyWrongCodes)] == [ManyWrongCodes(3)]


def test_only_guesses_raise_an_alarm(make_world: Callable[..., World]) -> None:
    """Right codes, and what is typed into a session that is validated or whose code is dead, count for nothing."""
    world = texting(make_world, policy={"wrong_codes_alarm": 1, "guesses_per_code": 1})
    sid, code = asked(world)
    assert [outcome(submit(world, sid, code)) for _ in range(3)] == [200] * 3
    assert [outcome(submit(world, sid, wrong(code))) for _ in range(3)] == [INCORRECT] * 3
    sid, code = asked(world, "other")
    assert [outcome(submit(world, sid, wrong(code), "other")) for _ in range(3)] == [INCORRECT, EXPIRED, EXPIRED]
    assert world.events.of(ManyWrongCodes) == []


@pytest.mark.rule("SEC-25")
@pytest.mark.parametrize("seed", range(20))
def test_codes_typed_at_once_are_five_guesses(make_world: Callable[..., World], seed: int) -> None:
    """Of 64 codes typed at once, one of them right, five are compared, in whatever order they take their turns."""
    world, turns = texting(make_world), Turns()
    sid, code = asked(world)
    waiting(world, turns.pause)
    typed = [code] + [f"{(int(code) + n) % 10**6:06}" for n in range(1, 64)]
    bodies = [{"sid": sid, "client_secret": "secret", "token": token} for token in typed]
    answers = list(map(outcome, turns.run(seed, *(world.acall("POST", SUBMIT, body) for body in bodies))))
    # What is typed once the session is validated is no guess.
    heard = [type(event) for event in world.events.seen]
    assert heard[: heard.index(ThreepidValidated) + 1 if ThreepidValidated in heard else None].count(WrongToken) <= 5
    assert set(answers[1:]) <= {INCORRECT, EXPIRED, LIMITED}
    assert len(world.events.of(ThreepidValidated)) == answers.count(200) == (answers[0] == 200)


@pytest.mark.rule("SEC-24", "SEC-45")
def test_ten_guesses_are_kept_for_the_owner(make_world: Callable[..., World]) -> None:
    """After strangers have had 15 guesses, the network that validated the number has ten, and nobody more than 25."""
    world = texting(make_world)
    sid, code = asked(world, "owner", client="192.0.2.1")
    assert outcome(submit(world, sid, code, "owner", client="192.0.2.1")) == 200
    for number in range(5):
        sid, code = asked(world, f"s{number}", client="198.51.100.1")
        for _ in range(8):
            submit(world, sid, wrong(code), f"s{number}", client="198.51.100.1")
    sid, code = asked(world, "stranger")
    assert outcome(submit(world, sid, code, "stranger", client="198.51.100.2")) == LIMITED
    compared = 0
    for number in range(4):
        sid, code = asked(world, f"o{number}", client="192.0.2.1")
        compared += sum(
            outcome(submit(world, sid, wrong(code), f"o{number}", client="192.0.2.1")) == INCORRECT for _ in range(8)
        )
    assert compared == 10


@pytest.mark.rule("SEC-24")
def test_a_guess_that_compares_nothing_costs_nothing(make_world: Callable[..., World]) -> None:
    """Twenty-five guesses at a code that is dead after five leave the owner's own session its guesses."""
    world = texting(make_world)
    sid, code = asked(world, "attacker", client="198.51.100.1")
    for _ in range(25):
        submit(world, sid, wrong(code), "attacker", client="198.51.100.1")
    sid, code = asked(world, "owner")
    assert outcome(submit(world, sid, code, "owner")) == 200
