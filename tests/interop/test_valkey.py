"""The stores in Valkey on a cluster of three primaries with replicas, one of which is killed or frozen and replaced."""

# ruff: noqa: D101  the contract says what is tested
from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from redis.crc import key_slot
from stores.valkey_server import LoopThread

from matrix_threepid import Medium
from matrix_threepid.errors import Unavailable
from matrix_threepid.policy import Limit
from matrix_threepid.ports import Charge
from matrix_threepid.stores import ValkeyLimits, ValkeySessions, open_valkey
from matrix_threepid.testing import ALICE, RateLimiterContract, SessionStoreContract, World
from matrix_threepid.testing.contracts.values import NOW, session

from .valkey_cluster import Cluster, cluster, wait_for
from .valkey_load import Load

OPERATIONS = {"killed": 100_000, "frozen": 30_000, "killed while its replica is behind": 30_000}


@pytest.fixture(scope="module")
def standing() -> Iterator[Cluster]:
    """A cluster that the tests share; each has keys of its own."""
    with cluster() as made:
        yield made


@pytest.fixture(scope="module")
def loop() -> Iterator[LoopThread]:
    loop = LoopThread()
    yield loop
    loop.close()


class OnCluster:
    """Runs a contract as tasks of the loop the connections belong to."""

    threads = True
    run: Callable[..., Any]

    @pytest.fixture
    def valkey(self, standing: Cluster, loop: LoopThread) -> Iterator[Any]:
        self.run = loop.run
        opening = open_valkey(f"{standing.url}?prefix={token_hex(8)}")
        yield loop.run(opening.__aenter__())
        loop.run(opening.__aexit__(None, None, None))


class TestSessionsOnCluster(OnCluster, SessionStoreContract):
    @pytest.fixture
    def store(self, valkey: Any) -> ValkeySessions:
        return ValkeySessions(valkey)


class TestLimitsOnCluster(OnCluster, RateLimiterContract):
    @pytest.fixture
    def limiter(self, valkey: Any) -> ValkeyLimits:
        return ValkeyLimits(valkey)


@pytest.mark.parametrize("durable", ["on", "off"])
def test_a_node_that_is_started_again(durable: str) -> None:
    """Sessions of a node that is killed and started again go on if it is durable, and are over if not."""
    with cluster() as made:
        assert asyncio.run(_started_again(made, durable)) is (durable == "on")


async def _started_again(made: Cluster, durable: str) -> bool:
    node = made.nodes[0]
    async with open_valkey(f"{made.url}?durable={durable}") as valkey:
        sessions = ValkeySessions(valkey)
        slot = next(f"{n}" for n in range(999) if valkey.partition_of(f"{n}") in made.partitions_of(node))
        opened = await sessions.open(session(sessions.place("a", slot), slot=slot))
        made.replica_of(node).kill()  # nobody takes over
        node.kill()
        node.start()
        await asyncio.to_thread(wait_for, lambda: "cluster_state:ok" in str(node.ask("CLUSTER", "INFO")))
        stored = await _patiently(lambda: sessions.get(opened.sid))
        return bool(stored == opened)


async def _patiently(ask: Callable[[], Any]) -> Any:
    """Return an answer, once there is one."""
    for _ in range(60):
        with suppress(Unavailable):
            return await ask()
        await asyncio.sleep(0.25)
    return await ask()


def test_a_slot_that_is_being_moved_is_not_asked(standing: Cluster) -> None:
    """While a slot is moved from node to node, its sessions and counts are unavailable, and never taken for new."""
    assert asyncio.run(_moving(standing)) == ["unavailable", "unavailable", "found"]


async def _moving(made: Cluster) -> list[str]:
    source, target = made.nodes[:2]
    prefix = token_hex(8)
    async with open_valkey(f"{made.url}?prefix={prefix}") as valkey:
        sessions, limiter = ValkeySessions(valkey), ValkeyLimits(valkey)
        partitions = made.partitions_of(source, prefix=prefix)
        slot = next(f"{n}" for n in range(999) if valkey.partition_of(f"{n}") in partitions)
        opened = await sessions.open(session(sessions.place("a", slot), slot=slot))
        number = key_slot(f"{{{prefix}:16:{valkey.partition_of(slot)}}}".encode())
        ids = {node.port: node.ask("CLUSTER", "MYID") for node in (source, target)}
        target.ask("CLUSTER", "SETSLOT", number, "IMPORTING", ids[source.port])
        source.ask("CLUSTER", "SETSLOT", number, "MIGRATING", ids[target.port])
        try:
            seen = [
                await _said(sessions.open(session(sessions.place("b", slot), slot=slot))),
                await _said(limiter.charge([Charge(slot, Limit(1, 1))], NOW)),
            ]
        finally:
            for node in (source, target):
                node.ask("CLUSTER", "SETSLOT", number, "STABLE")
        return [*seen, "found" if await sessions.get(opened.sid) == opened else "lost"]


async def _said(asking: Any) -> str:
    try:
        await asking
    except Unavailable:
        return "unavailable"
    return "done"


def test_a_promotion_ends_the_sessions_of_its_shard() -> None:
    """Sessions of the shard that has a new primary answer ``M_SESSION_EXPIRED``; those of the others go on."""
    with cluster() as made:
        answers = asyncio.run(_promoted(made))
    assert answers == {"its own": (400, "M_SESSION_EXPIRED"), "others": (200, None)}


async def _promoted(made: Cluster) -> dict[str, Any]:
    node, answers = made.nodes[0], {}
    async with open_valkey(f"{made.url}?durable=on") as valkey:
        world = World(sessions=ValkeySessions(valkey), limiter=ValkeyLimits(valkey))
        asked: dict[str, Any] = {}
        for number in range(100):
            body = {"client_secret": f"secret{number}", "email": "alice@example.org", "send_attempt": 1}
            answer = await world.acall("POST", "/account/3pid/email/requestToken", body, user=ALICE)
            link = urlsplit(world.outbox.last.link or "")
            sid, token = answer.json()["sid"], parse_qs(link.query)["token"][0]
            own = int(sid.rpartition(".")[2]) in made.partitions_of(node)
            asked["its own" if own else "others"] = (link.path, {**body, "sid": sid, "token": token})
            if len(asked) == 2:
                break
        node.kill()
        await asyncio.to_thread(wait_for, lambda: made.replica_of(node).role == "master")
        await _patiently(lambda: world.homeserver.sessions.of_owner(ALICE))
        for whose, (path, proof) in asked.items():
            submitted = await world.acall("POST", path, proof)
            answers[whose] = (submitted.status, submitted.json().get("errcode"))
    return answers


def test_the_other_partitions_are_served() -> None:
    """While a primary is missing, sessions of the others are opened, sent and purged; lists say that they lack some."""
    with cluster() as made:
        assert asyncio.run(_without_one(made)) == ["opened", "leased", "unavailable", "unavailable", 1, []]


async def _without_one(made: Cluster) -> list[Any]:
    node = made.nodes[0]
    async with open_valkey(made.url) as valkey:
        sessions, missing = ValkeySessions(valkey), made.partitions_of(node)
        slots: dict[bool, str] = {valkey.partition_of(f"{n}") in missing: f"{n}" for n in range(99)}
        for each in (made.replica_of(node), node):
            each.kill()
        held = session(sessions.place("a", slots[False]), slot=slots[False], owner=ALICE, due_attempt=1, due_at=NOW)
        seen: list[Any] = ["opened" if await sessions.open(held) == held else "not"]
        leased = await sessions.lease_due(NOW, NOW + 5, Medium.EMAIL)
        seen.append("leased" if leased == held.lease(NOW + 5) else "not")
        seen.append(await _said(sessions.lease_due(NOW, NOW + 5, Medium.EMAIL)))
        seen.append(await _said(sessions.of_owner(ALICE)))
        seen.append(await sessions.purge(held.expires_at + 1, 10))
        world = World(sessions=sessions, limiter=ValkeyLimits(valkey))
        return [*seen, [*(await world.service.health()).problems]]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("how", OPERATIONS)
def test_nothing_is_used_twice(how: str) -> None:
    """While a primary is replaced no session is used up twice and no message leased twice; soon all is served again.

    The writes that a replica had not got yet are lost; what they were is as if the sessions had expired.
    """
    with cluster() as made:
        load = asyncio.run(_replaced(made, how))
    print(f"{how}: {load.figures()}")  # noqa: T201  seen with ``-s``: the figures of docs/stores.md
    assert load.operations >= OPERATIONS[how]
    assert load.used_twice() == []
    assert load.leased_twice() == []
    assert load.unknown_errors == []
    assert load.outage <= 30


async def _replaced(made: Cluster, how: str) -> Load:
    node = made.nodes[0]
    async with open_valkey(made.url) as valkey:
        load = Load(valkey, OPERATIONS[how], frozenset(made.partitions_of(node)))
        running = asyncio.create_task(load.run())
        replica = made.replica_of(node)
        await load.reached(0.2)
        if "behind" in how:
            replica.freeze()
            # What is sent to it from here on stays with the primary.
            await asyncio.to_thread(node.ask, "CLIENT", "KILL", "TYPE", "replica")
            await load.reached(0.22)
        load.primary_gone()
        await asyncio.to_thread(node.freeze if how == "frozen" else node.kill)
        if "behind" in how:
            replica.thaw()
        await asyncio.to_thread(wait_for, lambda: replica.role == "master")
        load.promoted()
        await load.reached(0.6)
        await asyncio.to_thread(node.thaw if how == "frozen" else node.start)
        await running
        await load.try_all_again()
    return load
