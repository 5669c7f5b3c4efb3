"""Budgets of SMS, and countries where SMS come to nothing: counted by the clock, told to the listener, then stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from attrs import evolve
from flows.together import Turns, waiting

from matrix_threepid import Limit, Limits, run_sync
from matrix_threepid.events import SmsBudgetUsed, SmsCountryPaused
from matrix_threepid.limits.sms import sms_left
from matrix_threepid.memory.limits import MemoryLimits
from matrix_threepid.policy import Conversion, SmsRules
from matrix_threepid.ports import Charge
from matrix_threepid.testing import GENEROUS_SMS, World

from .acting import ASK, DAY, HOUR, LIMITED, MINUTE, ask, asking, asks, outcome, submit, texting

Make = Callable[..., World]
DEFAULT = SmsRules(countries=["GB", "US", "DE"], kept_for_users=0, kept_for_new=0, network_share=1)


def rules_of(**budgets: Any) -> SmsRules:
    """Return generous rules with some budgets that are not."""
    return evolve(GENEROUS_SMS, **budgets)


@pytest.mark.rule("SEC-33", "SEC-118")
@pytest.mark.parametrize(
    ("budget", "name", "length"),
    [("budget_per_hour", "hour", HOUR), ("budget_per_day", "day", DAY), ("budget_per_country", "GB", DAY)],
)
def test_a_budget_warns_and_then_stops(make_world: Make, budget: str, name: str, length: int) -> None:
    """At 80 % and at 100 % the listener hears of it, once; then nothing is sent until the clock comes round."""
    world = texting(make_world, rules_of(**{budget: 10}))
    numbers = [f"4477009{n:05}" for n in range(13)]
    told = []
    for number in numbers:
        asks(world, [number])
        told.append(len(world.events.of(SmsBudgetUsed)))
    assert told == [0] * 7 + [1] * 2 + [2] * 4
    assert world.events.of(SmsBudgetUsed) == [SmsBudgetUsed(name, 8, 10), SmsBudgetUsed(name, 10, 10)]
    assert len(world.sms.messages) == 10
    refused = ask(world, "+447800123456")
    assert refused.json()["retry_after_ms"] == length - world.clock() % length
    world.clock.advance(refused.json()["retry_after_ms"])
    assert outcome(ask(world, "+447800123456")) == 200


def test_a_budget_that_is_used_up_costs_the_number_nothing(make_world: Make) -> None:
    """Who asks while the budget is used up has all tries left once it is raised."""
    world = texting(make_world, evolve(DEFAULT, budget_per_hour=1))
    asks(world, ["447800123456"])
    assert [outcome(ask(world, attempt=n)) for n in range(1, 6)] == [LIMITED] * 5
    world.rewire(policy=evolve(world.homeserver.policy, sms=DEFAULT))
    assert [outcome(ask(world, attempt=n)) for n in range(6, 10)] == [200] * 3 + [LIMITED]


def test_a_limited_number_costs_no_budget(make_world: Make) -> None:
    """What the limit of a number or of its prefix refuses is counted nowhere else: not even for the number itself."""
    world = texting(make_world, evolve(DEFAULT, per_number=[Limit(1, 1 / 3600)], per_prefix=[Limit(3, 1 / 60)]))
    assert [outcome(ask(world, attempt=n)) for n in range(1, 8)] == [200] + [LIMITED] * 6
    assert run_sync(sms_left(world.homeserver))["hour"] == DEFAULT.budget_per_hour - 1
    assert asks(world, ["447700900002", "447700900003", "447700900004"]) == [200, 200, LIMITED]
    assert run_sync(sms_left(world.homeserver))["hour"] == DEFAULT.budget_per_hour - 3
    world.clock.advance(MINUTE)
    assert asks(world, ["447700900004", "447700900005"]) == [200, LIMITED]


@pytest.mark.rule("SEC-118")
@pytest.mark.parametrize("seed", range(20))
def test_requests_at_once_overdraw_no_budget(make_world: Make, seed: int) -> None:
    """In whatever order twenty requests take their turns, ten SMS go out of a budget of ten, and both events come."""
    world, turns = texting(make_world, rules_of(budget_per_hour=10)), Turns()
    waiting(world, turns.pause)
    bodies = [asking(f"+4477009{n:05}", secret=f"s{n}") for n in range(20)]
    answers = turns.run(seed, *(world.acall("POST", ASK, body) for body in bodies))
    assert Counter(map(outcome, answers)) == {200: 10, LIMITED: 10}
    assert outcome(ask(world, "+447800123456")) == LIMITED
    assert len(world.sms.messages) == 10
    told = world.events.of(SmsBudgetUsed)
    assert len(told) == 2
    assert told[-1].used == 10


class Counting(MemoryLimits):
    """A ``RateLimiter`` that counts how often it is asked."""

    calls = 0

    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        self.calls += 1
        return await super().charge(charges, now)


def test_an_sms_charges_twice(make_world: Make) -> None:
    """Once for all that is counted of the request, and once for an alarm over codes."""
    limiter = Counting()
    world = texting(make_world, DEFAULT, limiter=limiter)
    assert outcome(ask(world)) == 200
    assert limiter.calls == 2


def test_a_country_out_of_budget_holds_nobody_else_up(make_world: Make) -> None:
    """Each country has its own count."""
    world = texting(make_world, rules_of(budget_per_country=2))
    assert asks(world, ["447700900001", "447700900002", "447700900003", "12015550123"]) == [200, 200, LIMITED, 200]


def test_a_host_reads_what_is_left(make_world: Make) -> None:
    """What is left of each budget can be read as often as one likes, and reading counts nothing."""
    world = texting(make_world, rules_of(budget_per_country=5, budget_per_hour=7, budget_per_day=9))
    asks(world, ["447700900001", "447700900002", "12015550123"])
    for _ in range(3):
        left = run_sync(sms_left(world.homeserver))
        assert left == {"GB": 3, "US": 4, "DE": 5, "hour": 4, "day": 6}


@pytest.mark.rule("SEC-33")
def test_a_country_where_nobody_types_codes_is_paused(make_world: Make) -> None:
    """Below 20 % of at least 50 SMS validated, a country gets probes; as soon as enough is, it gets all again."""
    world = texting(make_world, rules_of(conversion=Conversion(over_prefix=1000)))
    numbers = [f"4477009{n:05}" for n in range(60)]
    sids = [
        ask(world, f"+{n}", secret=f"s{n}", client=f"198.51.100.{net}").json().get("sid")
        for net, n in enumerate(numbers)
    ]
    assert len(world.sms.messages) == 55
    assert world.events.of(SmsCountryPaused) == [SmsCountryPaused("GB", 50, 0)]
    assert ask(world, "+447800123456").json()["retry_after_ms"] == 3 * MINUTE
    assert asks(world, ["12015550123"]) == [200]
    for number, sid, message in zip(numbers[:11], sids, world.sms.messages, strict=False):
        assert outcome(ask(world, "+447800123456")) == LIMITED
        assert submit(world, sid, message.code or "", f"s{number}").json() == {"success": True}
    assert outcome(ask(world, "+447800123456")) == 200


@pytest.mark.rule("SEC-118")
def test_a_paused_country_gets_another_chance_the_next_day(make_world: Make) -> None:
    """The count of a day ends with it."""
    world = texting(make_world, rules_of(conversion=Conversion(over=2, probes=1)))
    assert asks(world, ["447700900001", "447700900002", "447700900003"]) == [200] * 3
    assert asks(world, ["447700900004"]) == [LIMITED]
    world.clock.advance(DAY)
    assert asks(world, ["447700900003"]) == [200]


@pytest.mark.rule("SEC-118")
def test_a_repeated_request_uses_no_budget(make_world: Callable[..., World]) -> None:
    """The same attempt sends no second SMS, so it is held against no budget, number, prefix or country."""
    world = texting(make_world, policy={"limits": Limits(apart=0)})
    ask(world)
    before = run_sync(sms_left(world.homeserver))
    assert [outcome(ask(world)) for _ in range(5)] == [200] * 5
    assert run_sync(sms_left(world.homeserver)) == before
