"""The queue of unbinds is bounded for each user, and no user's dead servers delay the unbinds of another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from virtual_time import Time

from matrix_threepid import Limits, Medium, Policy, Threepid, run_sync
from matrix_threepid.flows.binding_access import binding_id
from matrix_threepid.hosts import keep_house
from matrix_threepid.memory.bindings import MemoryBindings
from matrix_threepid.model.binding import Binding
from matrix_threepid.model.identity import Done, UnbindAnswer, Unreachable
from matrix_threepid.testing import ALICE, BOB, World
from matrix_threepid.testing.identity import FakeIdentityServers

DEAD = Unreachable("no connection")
DEADLINE = 10.0
ALIVE = "id.example"

pytestmark = pytest.mark.answers_5xx(502, 504)


class MostlyDead(FakeIdentityServers):
    """Identity servers that do not answer before the deadline, but for ``ALIVE``."""

    async def unbind(self, id_server: str, user_id: str, medium: Medium, address: str, deadline: int) -> UnbindAnswer:
        self.calls.append(("unbind", id_server))
        if id_server == ALIVE:
            return Done()
        if self.before is not None:
            await self.before()
        return DEAD


def queued(world: World, user: str, server: str, due_at: int, address: str = "a@example.org") -> Binding:
    """Return the row of an unbind that waits."""
    threepid, now = Threepid(Medium.EMAIL, address), world.clock()
    return Binding(
        id=binding_id(user, threepid, server),
        user_id=user,
        id_server=server,
        threepid=threepid,
        spelling=address,
        created_at=now,
        unwanted_since=now,
        due_at=due_at,
    )


@pytest.mark.rule("SEC-30", "REQ-UNBIND-14")
@pytest.mark.parametrize("attackers", [1, 40])
def test_one_users_dead_servers_delay_no_other_user(make_world: Callable[..., World], attackers: int) -> None:
    """3,659 unbinds of others that time out have been due for an hour; one that becomes due is sent in two minutes."""

    async def main() -> int:
        servers, bindings = MostlyDead(), MemoryBindings()
        world = make_world({}, identity=servers, bindings=bindings)
        time, hour = Time(clock=world.clock), 3_600_000
        servers.before = lambda: time.sleep(DEADLINE)
        for number in range(3659):
            user = f"@attacker{number % attackers}:hs.example.org"
            await bindings.insert(queued(world, user, f"dead{number}.example", world.clock() - hour + number))
        await bindings.insert(queued(world, BOB, ALIVE, world.clock() + 61_000))
        task = asyncio.ensure_future(keep_house(*world.service.jobs(), sleep=time.sleep))
        while ("unbind", ALIVE) not in servers.calls:
            await time.pass_until(time.now + 1000)
        task.cancel()
        await time.pass_until(time.now + 60_000)
        with pytest.raises(asyncio.CancelledError):
            await task
        return servers.calls.index(("unbind", ALIVE)) and time.now

    assert asyncio.run(main()) <= 61_000 + 60_000 + 120_000


def unbind(world: World, server: str, user: str = ALICE) -> int:
    """Ask to unbind an address at a server that no bind was made at."""
    body = {"medium": "email", "address": "a@example.org", "id_server": server}
    return int(world.post("/account/3pid/unbind", body, user).status)


@pytest.mark.rule("REQ-UNBIND-14")
def test_unbinds_and_binds_share_a_limit(make_world: Callable[..., World]) -> None:
    """A user makes this server call ten identity servers a minute, by binds and unbinds together; others are free."""
    servers = MostlyDead()
    world = make_world({"limits": Limits()}, identity=servers)
    body = {"id_server": ALIVE, "id_access_token": "t", "sid": "s", "client_secret": "secret"}
    assert world.post("/account/3pid/bind", body, ALICE).status == 404
    assert [unbind(world, f"dead{number}.example") for number in range(10)] == [502] * 9 + [429]
    assert unbind(world, "dead.example", BOB) == 502
    world.clock.advance(6000)
    assert [unbind(world, "dead.example"), unbind(world, "dead.example")] == [502, 429]


def test_a_deletion_that_calls_nobody_is_not_limited(make_world: Callable[..., World]) -> None:
    """Removing addresses that were never bound calls no identity server and counts nothing."""
    world = make_world({"limits": Limits()}, identity=MostlyDead())
    body = {"medium": "email", "address": "a@example.org"}
    assert {world.post("/account/3pid/delete", body, ALICE).status for _ in range(30)} == {200}


@pytest.mark.rule("REQ-UNBIND-14")
def test_rows_of_a_user_are_bounded(make_world: Callable[..., World]) -> None:
    """A user with as many remembered bindings as allowed makes no more: an unbind is tried once, a bind refused."""
    servers, bindings = MostlyDead(), MemoryBindings()
    world = make_world({"bindings_per_user": 3}, identity=servers, bindings=bindings)
    assert [unbind(world, f"dead{number}.example") for number in range(9)] == [502] * 9
    assert (len(bindings.dump()), len(servers.calls)) == (3, 9)
    bind = {"id_server": ALIVE, "id_access_token": "t", "sid": "s", "client_secret": "secret"}
    refused = world.post("/account/3pid/bind", bind, ALICE)
    assert (refused.status, refused.json()["errcode"]) == (403, "M_FORBIDDEN")
    assert len(servers.calls) == 9
    # What is remembered already is still unbound and retried, and other users have rows of their own.
    assert unbind(world, "dead0.example") == 502
    assert unbind(world, "dead0.example", BOB) == 502
    assert len(bindings.dump()) == 4


def test_a_deletion_succeeds_when_no_row_is_free(make_world: Callable[..., World]) -> None:
    """With no row free, an address still leaves the account, and the answer is ``no-support``."""
    world = make_world({"bindings_per_user": 1}, identity=MostlyDead())
    world.add(world.prove("alice@example.org"))
    unbind(world, "dead.example")
    body = {"medium": "email", "address": "alice@example.org", "id_server": "dead2.example"}
    answer = world.post("/account/3pid/delete", body, ALICE)
    assert (answer.status, answer.json()) == (200, {"id_server_unbind_result": "no-support"})
    assert world.threepids(ALICE) == []


@pytest.mark.rule("REQ-UNBIND-15")
def test_what_was_given_up_is_forgotten_in_the_end(make_world: Callable[..., World]) -> None:
    """A binding is remembered for ``Retrying.keep`` after its unbind was given up, to the ms, and then deleted."""
    bindings = MemoryBindings()
    world = make_world({}, identity=MostlyDead(), bindings=bindings)
    retrying, begun = world.homeserver.policy.retrying, world.clock()

    def put(user: str, **more: Any) -> None:
        row = queued(world, user, ALIVE, begun)
        run_sync(bindings.insert(Binding(**{**{name: getattr(row, name) for name in ROW}, "due_at": None, **more})))

    put(ALICE)
    put(BOB, due_at=begun + 1)
    world.clock.advance(retrying.give_up + retrying.keep)
    assert (run_sync(world.service.purge()), len(bindings.dump())) == (0, 2)
    world.clock.advance(1)
    assert (run_sync(world.service.purge()), [row.user_id for row in bindings.dump()]) == (1, [BOB])


ROW = ("id", "user_id", "id_server", "threepid", "spelling", "created_at", "unwanted_since")


def test_patience_is_a_policy() -> None:
    """How long a given-up binding is remembered is a choice of the host."""
    assert Policy().retrying.keep == Policy().retrying.give_up == 30 * 86_400_000
