"""Codes are longer while somebody tries many of them (SEC-24)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flows.acting import give

from matrix_threepid import Lifetimes
from matrix_threepid.events import ManyWrongCodes
from matrix_threepid.testing import ALICE, World

from .acting import HOUR, INCORRECT, SUBMIT, asked, guess_wrong, outcome, submit, texting, wrong


def digits(world: World, number: int, **more: Any) -> int:
    """Ask for an SMS to a number of its own; return how long its code is."""
    typed = f"+44770090{500 + number:04}"
    return len(asked(world, f"to{number}", number=typed, client=f"10.1.0.{number}", **more)[1])


@pytest.mark.rule("SEC-24")
@pytest.mark.parametrize(("usual", "alarmed"), [(6, 8), (7, 8), (8, 8), (9, 9)])
def test_codes_are_longer_while_there_is_an_alarm(make_world: Callable[..., World], usual: int, alarmed: int) -> None:
    """From the alarm to the end of its hour new codes have eight digits, unless they have more anyway."""
    world = texting(make_world, policy={"wrong_codes_alarm": 3, "code_digits": usual})
    guess_wrong(world, range(3))
    assert (world.events.of(ManyWrongCodes), digits(world, 1)) == ([], usual)
    guess_wrong(world, range(3, 4))
    assert (len(world.events.of(ManyWrongCodes)), digits(world, 2)) == (1, alarmed)
    world.clock.advance(HOUR)
    assert digits(world, 3) == usual


@pytest.mark.rule("SEC-24")
def test_a_session_keeps_the_length_of_its_codes(make_world: Callable[..., World]) -> None:
    """Codes sent before an alarm and during it validate, whenever they come back; a second is as long as the first."""
    world = texting(make_world, policy={"wrong_codes_alarm": 1, "lifetimes": Lifetimes(code=2 * HOUR)})
    short = asked(world, "short", number="+447700900001")
    guess_wrong(world, range(10, 12))
    long = asked(world, "long", number="+447700900002")
    assert digits(world, 1) == 8
    assert submit(world, *short, "short").json() == {"success": True}
    world.clock.advance(HOUR)
    assert digits(world, 1, attempt=2) == 8
    assert submit(world, *long, "long").json() == {"success": True}


@pytest.mark.rule("SEC-24")
def test_codes_in_mails_are_longer_as_well(make_world: Callable[..., World]) -> None:
    """The alarm concerns all codes, whatever brings them; links stay what they are."""
    world = make_world({"wrong_codes_alarm": 1, "password_reset_by": "code"})
    give(world, "alice@example.org", ALICE)
    for number, expected in enumerate((6, 6, 8)):
        sid = world.ask(purpose="password", secret=f"s{number}").json()["sid"]
        code = world.outbox.last.code or ""
        assert len(code) == expected
        typed = {"sid": sid, "client_secret": f"s{number}", "token": wrong(code)}
        assert outcome(world.post(SUBMIT.replace("msisdn", "email"), typed)) == INCORRECT
    world.ask("new@example.org")
    assert world.outbox.last.code is None
