"""An attack on the bill: a thousand premium numbers and a thousand ordinary ones, from a hundred clients."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from matrix_threepid import Policy
from matrix_threepid.policy import SmsRules
from matrix_threepid.testing import World

from .acting import DENIED, HOUR, ask, outcome, texting

DOCS = Path(__file__).parents[2] / "docs" / "phone-numbers.md"
DEFAULT = SmsRules(countries=["GB"])
PREMIUM = [f"+4490987{n:05}" for n in range(1000)]
NEIGHBOURS = [f"+4477009{n:05}" for n in range(1000)]
SPREAD = [f"+4474{n % 100:02}9{n // 100:05}" for n in range(1000)]


def attacked(world: World, numbers: list[str], lasting: int) -> int:
    """Ask for an SMS to each number, evenly over so many ms; return how many went out."""
    for count, number in enumerate(numbers):
        world.clock.advance(lasting // len(numbers))
        ask(world, number, client=f"198.51.100.{count % 100}", secret=f"s{count}")
    return len(world.sms.messages)


@pytest.mark.rule("SEC-33")
@pytest.mark.parametrize(
    ("case", "numbers", "lasting", "rules"),
    [
        ("1,000 premium numbers", PREMIUM, 0, DEFAULT),
        ("1,000 neighbouring numbers at once", NEIGHBOURS, 0, DEFAULT),
        ("1,000 neighbouring numbers within an hour", NEIGHBOURS, HOUR, DEFAULT),
        ("1,000 numbers all over the country at once", SPREAD, 0, DEFAULT),
        ("the same with `conversion=None`", SPREAD, 0, evolve(DEFAULT, conversion=None)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_attack_costs_what_the_docs_say(
    make_world: Callable[..., World], case: str, numbers: list[str], lasting: int, rules: SmsRules
) -> None:
    """With nothing but the allowed country set, so many SMS go out as the table in the docs says."""
    world = texting(make_world, rules, policy={"limits": Policy().limits})
    promised = re.search(rf"^\| {re.escape(case)} \| (\d+) \|", DOCS.read_text("utf-8"), re.MULTILINE)
    assert promised is not None
    assert attacked(world, numbers, lasting) == int(promised[1])


@pytest.mark.rule("SEC-33")
def test_both_at_once_keep_the_bill_small(make_world: Callable[..., World]) -> None:
    """Two thousand numbers from a hundred clients: nothing to the premium ones, seven to the others' one prefix."""
    world = texting(make_world, DEFAULT, policy={"limits": Policy().limits})
    mixed = [number for pair in zip(PREMIUM, NEIGHBOURS, strict=True) for number in pair]
    answers: list[Any] = [
        outcome(ask(world, number, client=f"198.51.100.{count % 100}", secret=f"s{count}"))
        for count, number in enumerate(mixed)
    ]
    assert answers[::2] == [DENIED] * 1000
    assert answers[1::2].count(200) == len(world.sms.messages) == 7
