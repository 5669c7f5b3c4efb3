"""Limits when something is wrong: clocks, restarts, an outage, strangers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from matrix_threepid import Limit, Limits, Peppers, run_sync
from matrix_threepid.memory.limits import MemoryLimits
from matrix_threepid.memory.sessions import MemorySessions
from matrix_threepid.model.message import RefusedForever
from matrix_threepid.ports import Charge
from matrix_threepid.protocol.errors import Unavailable
from matrix_threepid.testing import ALICE, BOB, GENEROUS, World

from .acting import DAY, HOUR, MINUTE, give, limited, refusal


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
    assert len(keys.keys) == 8
    for personal in ("alice", "example", "203.0.113"):
        assert not [key for key in keys.keys if personal in key]


@pytest.mark.rule("SEC-45")
def test_strangers_cannot_lock_an_address(make_world: Callable[..., World]) -> None:
    """However often strangers ask, five mails a day are left to the owner: by her account or by her network."""
    world = make_world({"limits": Limits()})
    give(world, "alice@example.org", ALICE)
    world.ask("own@example.org", secret="own")
    world.confirm()
    for count in range(70):
        world.clock.advance(MINUTE // 2)
        for address, purpose in (("alice@example.org", "password"), ("own@example.org", "register")):
            world.ask(address, secret=f"s{count}", purpose=purpose, client=f"10.0.{count % 64}.1")
    world.clock.advance(MINUTE // 2)
    assert world.ask("own@example.org", secret="stranger", client="198.51.100.8").status == 429
    for count in range(5):
        mine = world.ask(secret=f"o{count}", purpose="password", client="192.0.2.9", user=ALICE)
        assert (mine.status, world.ask("own@example.org", secret=f"o{count}").status) == (200, 200)
        world.clock.advance(5 * MINUTE)
    assert world.ask("own@example.org", secret="o6").status == 429


@pytest.mark.rule("SEC-45")
def test_who_asks_without_pause_leaves_half_to_others(make_world: Callable[..., World]) -> None:
    """One network gets seven of the fifteen mails a day to an address that is not its own; others have the rest."""
    world = make_world({"limits": Limits()})
    world.clock.advance(DAY - world.clock() % DAY)
    asked = []
    for count in range(60):
        world.clock.advance(6 * MINUTE)
        asked.append(world.ask(secret=f"s{count}", client="192.0.2.1").status)
    assert asked.count(200) == 7
    assert [world.ask(secret="new", client="198.51.100.7").status] == [200]


@pytest.mark.rule("SEC-45")
def test_the_first_message_of_an_asker_needs_no_rate(make_world: Callable[..., World]) -> None:
    """While others have used up the rate of an address, who has had none today gets one, and no second one."""
    world = make_world(limited(per_address=Limit(2, 1 / 3600)))
    asked = [world.ask(secret=f"s{count}", client="192.0.2.1").status for count in range(4)]
    assert asked == [200, 200, 429, 429]
    asked = [world.ask(secret=f"o{count}", client="198.51.100.7").status for count in range(2)]
    assert asked == [200, 429]


@pytest.mark.rule("SEC-45")
@pytest.mark.parametrize(("days", "status"), [(89, 200), (91, 429)])
def test_a_network_is_known_for_ninety_days(make_world: Callable[..., World], days: int, status: int) -> None:
    """Longer ago than that an address was validated from a network, nothing of it is kept for that network."""
    world = make_world(limited(mails_a_day=3, mails_kept=2))
    world.ask(secret="own")
    world.confirm()
    world.clock.advance(days * DAY)
    assert world.ask(secret="stranger", client="198.51.100.8").status == 200
    assert world.ask(secret="stranger2", client="198.51.100.9").status == 429
    assert world.ask(secret="again").status == status


@pytest.mark.rule("SEC-45", "REQ-REQTOK-4")
@pytest.mark.parametrize(("purpose", "user"), [("register", None), ("password", None), ("add", BOB)])
def test_a_neighbour_is_told_nothing_of_hidden_addresses(
    make_world: Callable[..., World], purpose: str, user: str | None
) -> None:
    """What was validated from a network is granted, and then refused, like the rest, whatever others use."""
    world = make_world({"hide_known_addresses": True, **limited(mails_a_day=3, mails_kept=2)})
    sid = world.ask(user=ALICE).json()["sid"]
    run_sync(world.service.deliver_due())
    world.confirm()
    world.add(sid)
    world.clock.advance(DAY)
    answers = []
    for address in ("alice@example.org", "nobody@example.org"):
        assert world.ask(address, secret="first", purpose=purpose, client="198.51.100.8").status == 200
        assert world.ask(address, secret="own", user=ALICE, client="198.51.100.9").status == 200
        answers.append([world.ask(address, f"neighbour{n}", purpose=purpose, user=user) for n in range(3)])
    assert [[each.status for each in seen] for seen in answers] == [[200, 200, 429]] * 2
    assert answers[0][2].body == answers[1][2].body
    assert refusal(answers[0][2]) == (429, "M_LIMIT_EXCEEDED")


@pytest.mark.rule("SEC-45")
def test_a_repeated_request_is_answered_as_the_first(make_world: Callable[..., World]) -> None:
    """The same attempt of the same session sends nothing, so an address that gets no more does not refuse it."""
    world = make_world({"limits": Limits()})
    first = world.ask()
    assert (world.ask().body, len(world.outbox.messages)) == (first.body, 1)
    assert world.ask(attempt=2).status == 429


@pytest.mark.rule("SEC-26")
@pytest.mark.parametrize("deferred", [False, True])
@pytest.mark.parametrize("user", [None, ALICE])
def test_a_repeated_request_costs_its_network_alone(
    make_world: Callable[..., World], deferred: bool, user: str | None
) -> None:
    """What sends nothing is charged to no address and no user, also after the pause between two messages."""
    limits = Limits(mails_a_day=2, mails_kept=0, per_user=Limit(2, 0.0001), per_client=Limit(9, 0.0001))
    world = make_world({"limits": limits, "deferred_sending": deferred})
    for _ in range(7):
        assert world.ask(user=user).status == 200
        world.clock.advance(MINUTE)
        run_sync(world.service.deliver_due())
    assert len(world.outbox.messages) == 1
    assert world.ask(secret="more", user=user, client="198.51.100.9").status == 200
    assert world.ask("b@example.org", secret="b").status == 200
    assert [world.ask(user=user).status for _ in range(2)] == [200, 429]


@pytest.mark.rule("REQ-REQTOK-4", "SEC-27")
def test_repeating_tells_nothing_of_an_address(make_world: Callable[..., World]) -> None:
    """With hidden addresses a message that was refused for ever is not sent again by a repeated request either."""
    answers = []
    for address in ("bob@example.org", "nobody@example.org"):
        world = make_world({"limits": Limits(mails_a_day=1, mails_kept=0), "hide_known_addresses": True})
        give(world)
        world.outbox.outcomes.append(RefusedForever("no such user"))
        world.ask(address, purpose="password")
        run_sync(world.service.deliver_due())
        world.clock.advance(MINUTE)
        answers.append([world.ask(address, purpose="password", attempt=attempt).status for attempt in (1, 2)])
    assert answers[0] == answers[1] == [200, 429]


@pytest.mark.rule("SEC-107")
def test_a_repeated_request_is_known_after_a_rotation(make_world: Callable[..., World]) -> None:
    """A request that came before the pepper was rotated is answered as then, whatever the address may still get."""
    world = make_world({"limits": Limits(mails_a_day=1, mails_kept=0)})
    first = world.ask()
    world.rewire(peppers=Peppers.of(b"another pepper of 32 bytes or more.", b"a pepper for tests, of 32 bytes or more"))
    assert world.ask().body == first.body


def test_a_new_pepper_keeps_the_generous_generous(make_world: Callable[..., World]) -> None:
    """Rotating the pepper makes new keys; nobody is locked out by it."""
    world = make_world({"limits": GENEROUS})
    world.ask()
    world.rewire(peppers=Peppers.of(b"another pepper of 32 bytes or more.", b"a pepper for tests, of 32 bytes or more"))
    assert world.ask().status == 200


@pytest.mark.rule("SEC-26")
@pytest.mark.answers_5xx(503)
def test_a_flood_of_sessions_fills_no_memory(
    make_world: Callable[..., World], caplog: pytest.LogCaptureFixture
) -> None:
    """In memory so many sessions are held and no more: those that have expired make room, and others are kept."""
    store = MemorySessions(max_sessions=20)
    world = make_world({"limits": GENEROUS}, sessions=store)
    sid = world.ask("own@example.org").json()["sid"]
    for number in range(30):
        world.clock.advance(MINUTE)
        status = world.ask(f"{number}@example.org", secret=f"s{number}").status
        assert status == (200 if number < 19 else 503)
    assert "its max_sessions" in caplog.text
    assert run_sync(store.get(sid)) is not None
    world.clock.advance(DAY - 30 * MINUTE)
    assert world.ask("new@example.org", secret="new").status == 200
    assert run_sync(store.get(sid)) is None
    assert len(store.dump()) <= 20
    world.outbox.messages.clear()  # the sessions of the first ones are dropped


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
