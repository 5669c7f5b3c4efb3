"""Where SMS go and how many: rules that are on by default, counted in the store, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from matrix_threepid import ConfigurationError, Limit, Medium, Policy, run_sync
from matrix_threepid.events import LimitReached
from matrix_threepid.limits.sms import sms_left
from matrix_threepid.model.msisdn import NUMBER_KINDS
from matrix_threepid.policy import SmsRules
from matrix_threepid.testing import ALICE, GENEROUS, Outbox, World

from .acting import ASK, DAY, DENIED, LIMITED, MINUTE, ask, asks, outcome, submit, texting

Make = Callable[..., World]
DEFAULT = SmsRules(countries=["GB", "US", "DE"], kept_for_users=0, kept_for_new=0, network_share=1)
PATHS = (ASK, "/register/msisdn/requestToken", "/account/password/msisdn/requestToken")


@pytest.mark.rule("SEC-33", "SEC-136")
def test_no_countries_mean_no_sms(make_world: Make) -> None:
    """Out of the box the medium is off and says why; a sender alone sends nothing."""
    world = texting(make_world, SmsRules())
    assert world.homeserver.medium_off(Medium.MSISDN) == "policy.sms.countries names none"
    assert outcome(ask(world)) == (400, "M_THREEPID_MEDIUM_NOT_SUPPORTED")
    assert Policy().sms.countries == frozenset()
    assert world.sms.messages == []


@pytest.mark.rule("SEC-33")
@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+2347012345678", "GB"),
        ("+447781123456", "GB"),
        ("+18765551234", "US"),
        ("+80012345678", "GB"),
        ("+882161234567", "GB"),
        ("+979123456789", "GB"),
    ],
    ids=["Nigeria", "Guernsey", "Jamaica", "universal toll-free", "satellite", "universal premium"],
)
def test_the_number_tells_its_country_and_not_the_client(make_world: Make, number: str, country: str) -> None:
    """A number whose own region is not listed is refused, whatever country the client names."""
    world = texting(make_world, DEFAULT)
    assert outcome(ask(world, number, country)) == DENIED
    assert world.sms.messages == []


@pytest.mark.rule("SEC-33", "SEC-118")
@pytest.mark.parametrize(
    ("number", "country", "kind"),
    [
        ("0909 879 0000", "GB", "premium_rate"),
        ("900-555-0123", "US", "premium_rate"),
        ("0180 1 234567", "DE", "shared_cost"),
        ("0345 123 4567", "GB", "uan"),
        ("07640 123456", "GB", "pager"),
        ("0177 99 1234567", "DE", "voicemail"),
    ],
)
def test_kinds_of_numbers_that_cost_are_refused(make_world: Make, number: str, country: str, kind: str) -> None:
    """Numbers that are paid by whoever writes to them, or where nobody reads, get no SMS unless the host says so."""
    assert kind in NUMBER_KINDS
    world = texting(make_world, DEFAULT)
    assert outcome(ask(world, number, country)) == DENIED
    allowing = texting(make_world, evolve(DEFAULT, refused_kinds=set(NUMBER_KINDS) - {kind}))
    assert outcome(ask(allowing, number, country)) == 200


def test_a_refused_number_is_counted_nowhere(make_world: Make) -> None:
    """What is refused by rule costs nobody a turn."""
    world = texting(make_world, DEFAULT)
    before = run_sync(sms_left(world.homeserver))
    assert asks(world, ["2347012345678"] * 30) == [DENIED] * 30
    assert run_sync(sms_left(world.homeserver)) == before
    assert world.events.of(LimitReached) == []


@pytest.mark.rule("SEC-117")
def test_a_number_gets_three_sms_in_a_quarter_of_an_hour_and_six_a_day(make_world: Make) -> None:
    """A fourth is refused until five minutes later; of six a day (UTC) two are for the owner of the number."""
    world = texting(make_world, DEFAULT)
    assert [outcome(ask(world, attempt=n)) for n in range(1, 5)] == [200] * 3 + [LIMITED]
    assert ask(world, attempt=5).json()["retry_after_ms"] == 5 * MINUTE
    world.rewire(policy=evolve(world.homeserver.policy, limits=evolve(GENEROUS, sms_a_day=6)))
    world.clock.advance(DAY)
    day, sent = world.clock() // DAY, []
    for attempt in range(6, 60):
        world.clock.advance(15 * MINUTE)
        asked = ask(world, attempt=attempt, client=f"198.51.100.{attempt}")
        sent += [attempt] if outcome(asked) == 200 and world.clock() // DAY == day else []
    assert len(sent) == 4


@pytest.mark.rule("SEC-33", "SEC-118")
def test_neighbouring_numbers_share_a_limit(make_world: Make) -> None:
    """Ten SMS in ten minutes go to numbers with the same four digits behind the country code, whoever asks."""
    world = texting(make_world, DEFAULT)
    neighbours = [f"4477009{n:05}" for n in range(12)]
    assert asks(world, neighbours) == [200] * 10 + [LIMITED] * 2
    assert asks(world, ["447800123456"]) == [200]
    world.clock.advance(MINUTE)
    assert asks(world, [neighbours[10]]) == [200]


@pytest.mark.rule("SEC-118")
@pytest.mark.parametrize("path", PATHS)
def test_the_rules_hold_for_every_purpose(make_world: Make, path: str) -> None:
    """Add, registration and password share the rules and the counts."""
    world = texting(make_world, evolve(DEFAULT, budget_per_day=1), policy={"password_reset_by_phone": True})
    assert outcome(ask(world, "+2347012345678", path=path)) == DENIED
    assert outcome(ask(world, path=PATHS[1])) == 200
    assert outcome(ask(world, path=path, secret="another")) == LIMITED


@pytest.mark.rule("SEC-26")
def test_limits_come_before_knowledge(make_world: Make) -> None:
    """An address that is in use is counted like any other, so that nobody reads it off a limit."""
    world = texting(make_world, DEFAULT)
    sid = ask(world).json()["sid"]
    submit(world, sid, world.sms.last.code or "")
    world.add(sid)
    assert world.threepids() == ["447700900001"]
    answers = [outcome(ask(world, secret="other", attempt=n)) for n in range(1, 4)]
    assert answers == [(400, "M_THREEPID_IN_USE")] * 2 + [LIMITED]


@pytest.mark.rule("SEC-117")
def test_a_user_and_a_client_are_limited_as_well(make_world: Make) -> None:
    """Ten an hour a user, twenty an hour a client, as for mail."""
    world = texting(make_world, policy={"limits": Policy().limits})
    numbers = [f"+4477009{n:05}" for n in range(25)]
    assert [outcome(ask(world, n, user=ALICE, secret=n[1:])) for n in numbers[:11]] == [200] * 10 + [LIMITED]
    assert [outcome(ask(world, n, secret=n[1:])) for n in numbers[11:22]] == [200] * 10 + [LIMITED]


@pytest.mark.parametrize(
    "rules",
    [
        {"countries": ["gb"]},
        {"countries": ["GBR"]},
        {"countries": ["ÄÖ"]},
        {"refused_kinds": ["mobile"]},
    ],
)
def test_rules_that_mean_nothing_are_refused(rules: dict[str, Any]) -> None:
    """A country or kind that no number could ever match is a slip of the pen."""
    with pytest.raises(ConfigurationError):
        SmsRules(**rules)


@pytest.mark.parametrize(
    "rules", [{"budget_per_day": 0}, {"budget_per_hour": 0}, {"budget_per_country": 0}, {"warn_at": 0}, {"warn_at": 2}]
)
def test_numbers_that_mean_nothing_are_refused(rules: dict[str, Any]) -> None:
    """No SMS at all is said by naming no country."""
    with pytest.raises(ConfigurationError, match=next(iter(rules))):
        SmsRules(**rules)


def test_other_limits_may_be_chosen(make_world: Make) -> None:
    """Every list of limits is the host's to set; an empty one limits nothing."""
    world = texting(make_world, evolve(DEFAULT, per_number=(), per_prefix=[Limit(2, 1)]))
    assert [outcome(ask(world, attempt=n)) for n in range(1, 4)] == [200, 200, LIMITED]
    assert Outbox().messages == []
