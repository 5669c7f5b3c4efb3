"""Limits: who may ask how often, and what refusals give away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import Limit, Limits
from matrix_threepid.events import LimitReached
from matrix_threepid.testing import ALICE, BOB, World

from .acting import MINUTE, PURPOSES, give, limited, recorded, refusal


@pytest.mark.rule("REQ-SEND-6", "SEC-117")
@pytest.mark.parametrize(
    ("limit", "alike", "other"),
    [
        ("per_address", {"address": "ALICE@example.org", "client": "198.51.100.1"}, {"address": "b@example.org"}),
        ("per_client", {"address": "b@example.org"}, {"address": "c@example.org", "client": "198.51.100.1"}),
        ("per_user", {"address": "b@example.org", "client": "198.51.100.1"}, {"address": "c@example.org", "user": BOB}),
    ],
)
def test_limits_count_what_they_name(
    make_world: Callable[..., World], limit: str, alike: dict[str, Any], other: dict[str, Any]
) -> None:
    """Address, client and user are counted apart; the refusal says when to come back, and then it is granted."""
    world = make_world(limited(**{limit: Limit(2, 1 / 60)}))
    for secret in "ab":
        assert world.ask(secret=secret, user=ALICE).status == 200
    refused = world.ask(**{"user": ALICE, "secret": "c", **alike})
    assert refusal(refused) == (429, "M_LIMIT_EXCEEDED")
    assert (refused.json()["retry_after_ms"], refused.header("Retry-After")) == (MINUTE, "60")
    assert world.ask(**{"user": ALICE, "secret": "d", **other}).status == 200
    world.clock.advance(MINUTE - 1)
    assert world.ask(**{"user": ALICE, "secret": "e", **alike}).status == 429
    world.clock.advance(1)
    assert world.ask(**{"user": ALICE, "secret": "f", **alike}).status == 200
    assert [event.action for event in world.events.of(LimitReached)] == ["send", "send"]


@pytest.mark.rule("SEC-26")
@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        (None, None, True),
        (None, "no address", True),
    ],
)
def test_a_client_is_its_network(
    make_world: Callable[..., World], first: str | None, second: str | None, same: bool
) -> None:
    """IPv6 clients count by /64, IPv4 written as IPv6 is IPv4, and all unknown clients are one."""
    world = make_world(limited(per_client=Limit(1, 1 / 60)))
    assert world.ask("a@example.org", client=first).status == 200
    assert world.ask("b@example.org", client=second).status == (429 if same else 200)


@pytest.mark.rule("SEC-26")
@pytest.mark.parametrize(("network", "times"), [("2001:db8:1:{:x}::1", 4), ("2001:db8:{:x}::1", 16)])
def test_who_has_many_ipv6_networks_is_one(make_world: Callable[..., World], network: str, times: int) -> None:
    """A /48 has four times what a /64 has, and a /32 sixteen times, however many networks are in it."""
    world = make_world(limited(per_client=Limit(1, 1 / 60)))
    asked = [world.ask(f"{n}@example.org", client=network.format(n)).status for n in range(1, 20)]
    assert asked == [200] * times + [429] * (19 - times)
    assert world.ask("new@example.org", client="2001:db9::1").status == 200


@pytest.mark.rule("SEC-26")
@pytest.mark.parametrize("header", ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip"])
def test_headers_do_not_change_who_asks(make_world: Callable[..., World], header: str) -> None:
    """The library takes the client's address from the host, never from a header."""
    world = make_world(limited(per_client=Limit(1, 1 / 60)))
    for count, status in ((1, 200), (2, 429)):
        answer = world.ask(f"{count}@example.org", headers={header: f"198.51.100.{count}"})
        assert answer.status == status


@pytest.mark.rule("REQ-REQTOK-8", "SEC-26")
@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_limit_says_nothing_about_an_address(make_world: Callable[..., World], purpose: str) -> None:
    """Once the limit is reached known and unknown addresses answer the same, and nobody looks them up."""
    world = make_world(limited(per_client=Limit(1, 1 / 60)))
    give(world)
    world.ask("new@example.org")
    trace = recorded(world)
    known, unknown = (world.ask(f"{name}@example.org", purpose=purpose) for name in ("bob", "nobody"))
    assert refusal(known) == (429, "M_LIMIT_EXCEEDED")
    assert (known.body, known.headers) == (unknown.body, unknown.headers)
    assert not [call for call in trace if call.startswith(("accounts", "sessions"))]


def test_refused_addresses_are_counted_too(make_world: Callable[..., World]) -> None:
    """Asking whether addresses are known costs as much as asking for mails."""
    world = make_world(limited(per_client=Limit(3, 1 / 60)))
    give(world)
    assert [world.ask("bob@example.org").status for _ in range(4)] == [400, 400, 400, 429]


def test_denied_addresses_cost_nothing(make_world: Callable[..., World]) -> None:
    """What the rules refuse, and what is no address, is not counted."""
    world = make_world(limited(per_client=Limit(1, 1 / 60)))
    world.rules.denied.add("denied@example.org")
    for address in ("denied@example.org", "nobody", "denied@example.org"):
        assert world.ask(address).status in (400, 403)
    assert world.ask().status == 200


@pytest.mark.rule("REQ-ADD-7")
def test_additions_are_limited_per_user(make_world: Callable[..., World]) -> None:
    """Adding is limited for each user; a refused addition can be repeated later with the same proof."""
    world = make_world(limited(changes=Limit(1, 1 / 60)))
    sids = [world.prove(f"{count}@example.org", f"s{count}") for count in range(2)]
    assert world.add(sids[0], "s0").status == 200
    assert refusal(world.add(sids[1], "s1")) == (429, "M_LIMIT_EXCEEDED")
    world.clock.advance(MINUTE)
    assert world.add(sids[1], "s1").status == 200


@pytest.mark.rule("SEC-117")
def test_a_default_host_is_limited(make_world: Callable[..., World]) -> None:
    """Without any choice a client has 20 mails an hour, and an address a mail every 30 s, 15 a day from strangers."""
    world = make_world({"limits": Limits()})
    statuses = []
    for count in range(20):
        asked = {"secret": f"s{count}", "client": f"192.0.2.{count}"}
        statuses.append(world.ask(**asked).status)
        again = world.ask(**{**asked, "secret": "too-soon"})
        assert (again.status, again.json()["retry_after_ms"] >= 30_000) == (429, True)
        world.clock.advance(30_000)
    assert statuses == [200] * 15 + [429] * 5
    statuses = [world.ask(f"{count}@example.org").status for count in range(21)]
    assert statuses == [200] * 20 + [429]
