"""Limits when something is wrong: clocks, restarts, an outage, strangers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from matrix_threepid import Limit, Limits, Peppers, run_sync
from matrix_threepid.memory.limits import MemoryLimits
from matrix_threepid.ports import Charge
from matrix_threepid.protocol.errors import Unavailable
from matrix_threepid.testing import ALICE, GENEROUS, World

from .acting import HOUR, MINUTE, give, limited, refusal


@pytest.mark.rule("SEC-108")
def test_a_clock_set_back_neither_refills_nor_locks(make_world: Callable[..., World]) -> None:
    """After a jump back a spent limit stays spent, but for no longer than its own span."""
    world = make_world(limited(per_client=Limit(1, 1 / 60)))
    assert world.ask("a@example.org").status == 200
    world.clock.advance(-HOUR)
    refused = world.ask("b@example.org")
    assert refused.status == 429
    assert refused.json()["retry_after_ms"] <= MINUTE
    world.clock.advance(MINUTE)
    assert world.ask("b@example.org").status == 200


def test_limits_survive_a_restart(make_world: Callable[..., World]) -> None:
    """What is counted lies in the store, not in the service."""
    world = make_world(limited(per_client=Limit(1, 1 / 60)))
    world.ask("a@example.org")
    world.rewire()
    assert world.ask("b@example.org").status == 429


class Down:
    """A rate limiter that cannot serve."""

    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        raise Unavailable

    async def give_back(self, charges: Sequence[Charge], now: int) -> None:
        return None

    async def used(self, charges: Sequence[Charge], now: int) -> Sequence[int]:
        return [0 for _ in charges]

    async def forget(self, keys: Sequence[str]) -> None:
        return None

    async def purge(self, now: int, limit: int) -> int:
        return 0


@pytest.mark.rule("SEC-119", "SEC-136")
@pytest.mark.answers_5xx(503)
def test_without_limits_nothing_is_sent(world: World) -> None:
    """If limits cannot be counted no mail goes out, but lists and deletions work."""
    give(world, "alice@example.org", ALICE)
    world.rewire(limiter=Down())
    answer = world.ask("new@example.org")
    assert refusal(answer) == (503, "M_UNKNOWN")
    assert answer.header("Retry-After")
    assert not world.outbox.messages
    assert world.threepids() == ["alice@example.org"]
    assert world.post("/account/3pid/delete", {"medium": "email", "address": "alice@example.org"}, ALICE).status == 200


class Keys:
    """A rate limiter that notes its keys and grants everything."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def charge(self, charges: Sequence[Charge], now: int) -> int:
        self.keys += [take.key for take in charges]
        return 0

    async def give_back(self, charges: Sequence[Charge], now: int) -> None:
        return None

    async def used(self, charges: Sequence[Charge], now: int) -> Sequence[int]:
        return [0 for _ in charges]

    async def forget(self, keys: Sequence[str]) -> None:
        return None

    async def purge(self, now: int, limit: int) -> int:
        return 0


@pytest.mark.rule("SEC-117")
def test_keys_of_limits_give_nothing_away(world: World) -> None:
    """No address, user or client can be read off what a limit is counted under."""
    keys = Keys()
    world.rewire(limiter=keys)
    world.add(world.prove(user=ALICE))
    assert len(keys.keys) == 5
    for personal in ("alice", "example", "203.0.113"):
        assert not [key for key in keys.keys if personal in key]


@pytest.mark.rule("SEC-45")
def test_strangers_cannot_lock_an_address(make_world: Callable[..., World]) -> None:
    """However often strangers ask for an address in vain, its owner gets a mail within 15 minutes."""
    world = make_world({"limits": Limits()})
    asked = [world.ask(secret=f"s{count}", client=f"10.0.0.{count}").status for count in range(100)]
    assert (asked.count(200), asked.count(429)) == (5, 95)
    world.clock.advance(15 * MINUTE)
    assert world.ask(secret="owner", client="198.51.100.7").status == 200


def test_a_new_pepper_keeps_the_generous_generous(make_world: Callable[..., World]) -> None:
    """Rotating the pepper makes new keys; nobody is locked out by it."""
    world = make_world({"limits": GENEROUS})
    world.ask()
    world.rewire(peppers=Peppers.of(b"another pepper of 32 bytes or more.", b"a pepper for tests, of 32 bytes or more"))
    assert world.ask().status == 200


@pytest.mark.rule("SEC-26", "SEC-257")
def test_a_flood_of_keys_frees_nobody_and_fills_no_memory() -> None:
    """In memory the limiter keeps so many keys and no more; a limit that is used up is not among those forgotten."""
    limiter, hourly = MemoryLimits(max_keys=100), Limit(5, 5 / 3600)
    used_up = [Charge("used up", hourly)] * 5
    assert run_sync(limiter.charge(used_up, 0)) == 0
    for number in range(2_000):
        assert run_sync(limiter.charge([Charge(f"{number}", hourly)], 0)) == 0
    assert run_sync(limiter.charge(used_up[:1], 0)) == HOUR // 5
    assert run_sync(limiter.purge(HOUR, 2_000)) <= 100
