"""Toll fraud: no network uses up what others need, and codes that do not come back count against whoever asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from matrix_threepid import ConfigurationError, run_sync
from matrix_threepid.events import SmsCountryPaused
from matrix_threepid.policy import Conversion, SmsRules
from matrix_threepid.testing import ALICE, BOB, World

from .acting import DAY, HOUR, LIMITED, ask, outcome, submit, texting

Make = Callable[..., World]
TEN = SmsRules(countries=["GB", "DE"], budget_per_hour=10, conversion=None)
"""A budget of ten an hour, with the shares of the defaults: three for users, four more for new networks."""
JUDGED = SmsRules(countries=["GB", "DE"], per_prefix=(), network_share=1, kept_for_users=0, kept_for_new=0)


class Crowd:
    """People who ask for SMS, each time for another number; ``prefix``: what the numbers begin with."""

    def __init__(self, world: World) -> None:
        self._world, self._count = world, 0

    def ask(self, client: str, times: int = 1, prefix: str = "+4477009", types: bool = False, **more: Any) -> list[Any]:
        """Ask so many times; return the outcomes. ``types``: whether the codes are typed."""
        answers = []
        for _ in range(times):
            self._count += 1
            secret = f"s{self._count}"
            answer = ask(self._world, f"{prefix}{self._count:05}", secret=secret, client=client, **more)
            answers.append(outcome(answer))
            if types and answer.status == 200:
                code = self._world.sms.last.code or ""
                assert outcome(submit(self._world, answer.json()["sid"], code, secret, client=client)) == 200
        return answers

    def nets(self, first: int, last: int, **more: Any) -> list[Any]:
        """Ask once from each of so many networks; return the outcomes."""
        return [answer for net in range(first, last) for answer in self.ask(f"198.51.100.{net}", **more)]


@pytest.mark.rule("SEC-33")
@pytest.mark.parametrize(
    ("client", "sms"),
    [("192.0.2.1", 3), ("2001:db8:1:{:x}::1", 3), ("10.0.0.1", 7), (None, 7)],
    ids=["IPv4", "IPv6 /48", "private", "unset"],
)
def test_a_network_uses_a_tenth_of_an_hour(make_world: Make, client: str | None, sms: int) -> None:
    """Three SMS an hour are the least that a network has; without a public address what users have not is for all."""
    world = texting(make_world, TEN)
    crowd = Crowd(world)
    asked = [crowd.ask(client.format(n) if client else None, 1)[0] for n in range(10)]  # type: ignore[arg-type]
    assert asked == [200] * sms + [LIMITED] * (10 - sms)
    assert crowd.ask("198.51.100.1") == ([200] if sms == 3 else [LIMITED])
    assert crowd.ask("198.51.100.2", user=ALICE) == [200]


@pytest.mark.rule("SEC-33")
def test_an_ipv6_provider_uses_half_an_hour_at_most(make_world: Make) -> None:
    """The networks of a /32 share half of the budget, and users of the same networks are not held up."""
    crowd = Crowd(texting(make_world, TEN))
    asked = [crowd.ask(f"2001:db8:{n:x}::1")[0] for n in range(10)]
    assert asked == [200] * 5 + [LIMITED] * 5
    assert crowd.ask("2001:db8:ff::1", user=ALICE) == [200]


@pytest.mark.rule("SEC-33")
@pytest.mark.parametrize("budget", ["budget_per_hour", "budget_per_day", "budget_per_country"])
def test_a_share_of_every_budget_is_kept_for_users(make_world: Make, budget: str) -> None:
    """Strangers from however many networks leave three of ten SMS to callers with an access token."""
    crowd = Crowd(texting(make_world, SmsRules(countries=["GB"], conversion=None, per_prefix=(), **{budget: 10})))
    assert crowd.nets(1, 11) == [200] * 7 + [LIMITED] * 3
    assert crowd.ask("198.51.100.1", 4, user=ALICE) == [200] * 3 + [LIMITED]


@pytest.mark.rule("SEC-33")
def test_a_share_of_a_prefix_is_kept_for_users(make_world: Make) -> None:
    """The limit of a prefix is shared like a budget."""
    crowd = Crowd(texting(make_world, SmsRules(countries=["GB"], conversion=None)))
    assert crowd.nets(1, 11) == [200] * 7 + [LIMITED] * 3
    assert crowd.ask("198.51.100.1", 4, user=ALICE) == [200] * 3 + [LIMITED]


@pytest.mark.rule("SEC-33")
def test_a_share_is_kept_for_networks_without_sms_lately(make_world: Make) -> None:
    """A network has one SMS a day out of that share, so who asks without pause leaves it to others."""
    world = texting(make_world, evolve(TEN, network_share=1))
    crowd = Crowd(world)
    assert crowd.ask("192.0.2.1", 6) == [200] * 4 + [LIMITED] * 2
    assert crowd.nets(1, 5) == [200] * 3 + [LIMITED]
    world.clock.advance(HOUR)
    assert crowd.ask("192.0.2.1", 6) == [200] * 3 + [LIMITED] * 3
    world.clock.advance(DAY)
    assert crowd.ask("192.0.2.1", 6) == [200] * 4 + [LIMITED] * 2


@pytest.mark.rule("SEC-33")
@pytest.mark.parametrize("asker", [{}, {"user": BOB}])
def test_who_lets_codes_lapse_is_paused_alone(make_world: Make, asker: dict[str, Any]) -> None:
    """After five SMS without a code a network, or a user, has one an hour, which pauses nobody else."""
    world = texting(make_world, evolve(JUDGED, conversion=Conversion(over_prefix=6, over=6)))
    crowd = Crowd(world)
    assert crowd.ask("192.0.2.1", 8, **asker) == [200] * 6 + [LIMITED] * 2
    world.clock.advance(HOUR)
    assert crowd.ask("192.0.2.1", 2, **asker) == [200, LIMITED]
    assert crowd.ask("198.51.100.1", user=ALICE if asker else None) == [200]
    assert world.events.of(SmsCountryPaused) == []


@pytest.mark.rule("SEC-33")
def test_who_types_codes_is_not_paused(make_world: Make) -> None:
    """A network of many people whose codes come back goes on."""
    crowd = Crowd(texting(make_world, JUDGED))
    assert crowd.ask("192.0.2.1", 30, types=True) == [200] * 30


@pytest.mark.rule("SEC-33")
def test_a_prefix_is_paused_before_its_country(make_world: Make) -> None:
    """Where twenty SMS to a prefix come to nothing, it gets probes only; the country goes on, and users everywhere."""
    world = texting(make_world, JUDGED)
    crowd = Crowd(world)
    assert crowd.nets(1, 31) == [200] * 25 + [LIMITED] * 5
    assert crowd.nets(40, 42, prefix="+4478001") == [200] * 2
    assert crowd.ask("192.0.2.1", 3, user=ALICE) == [200] * 3
    assert world.events.of(SmsCountryPaused) == []


@pytest.mark.rule("SEC-33")
def test_probes_are_shared_between_networks(make_world: Make) -> None:
    """Of the probes of an hour one network has one, and known networks a quarter, so that new ones find some."""
    rules = evolve(JUDGED, kept_for_users=0.1, kept_for_new=0.1, conversion=Conversion(over=10, over_prefix=100))
    world = texting(make_world, rules)
    crowd = Crowd(world)
    assert crowd.nets(1, 11) == [200] * 10
    asked = {"once": crowd.nets(1, 11), "again": crowd.nets(1, 11), "new": crowd.nets(20, 25)}
    assert [answers.count(200) for answers in asked.values()] == [2, 0, 3]
    world.clock.advance(HOUR)
    assert crowd.ask("198.51.100.1", 2) == [200, LIMITED]


@pytest.mark.rule("SEC-33")
def test_strangers_pause_no_country_for_users(make_world: Make) -> None:
    """The SMS of those who ask without a user, and of those with one, are judged apart."""
    world = texting(make_world, evolve(JUDGED, conversion=Conversion(over=10, over_prefix=10)))
    crowd = Crowd(world)
    assert crowd.nets(1, 20).count(200) == 15
    assert world.events.of(SmsCountryPaused) == [SmsCountryPaused("GB", 10, 0)]
    assert crowd.ask("192.0.2.1", 4, user=ALICE) == [200] * 4


@pytest.mark.rule("SEC-33", "REQ-REQTOK-4")
@pytest.mark.parametrize("path", ["/register/msisdn/requestToken", "/account/password/msisdn/requestToken"])
def test_hidden_numbers_cost_a_network_the_same(make_world: Make, path: str) -> None:
    """With hidden addresses the shares, the pauses and the waits of known and of unknown numbers are the same."""

    def answers(known: bool) -> list[Any]:
        more = {"hide_known_addresses": True, "password_reset_by_phone": True}
        world = texting(make_world, evolve(TEN, conversion=Conversion(over_asker=2)), policy=more)
        if known:
            answer = ask(world, user=ALICE)
            run_sync(world.service.deliver_due())
            submit(world, answer.json()["sid"], world.sms.last.code or "")
            world.add(answer.json()["sid"])
            world.clock.advance(2 * DAY)
        else:
            world.clock.advance(2 * DAY)
        asked = []
        for attempt in range(1, 8):
            world.clock.advance(HOUR // 6)
            answer = ask(world, path=path, secret=f"n{attempt}", client="192.0.2.1")
            asked.append((answer.status, answer.json().get("retry_after_ms")))
            run_sync(world.service.deliver_due())
        return asked

    assert answers(known=True) == answers(known=False)


def test_shares_leave_something_to_everybody() -> None:
    """Rules that keep more than nine tenths are refused."""
    with pytest.raises(ConfigurationError, match="kept_for_users and kept_for_new"):
        SmsRules(kept_for_users=0.6, kept_for_new=0.4)
