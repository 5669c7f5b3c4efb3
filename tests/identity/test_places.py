"""Calls to one identity server wait for a place until their deadline, in order of arrival; only so many may wait."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from attrs import define, evolve, field

from matrix_threepid.identity.breaker import Breaker, BreakerPolicy
from matrix_threepid.identity.client import HttpIdentityClient
from matrix_threepid.identity.signed_requests import RequestSigner
from matrix_threepid.model.identity import Associated, Busy
from matrix_threepid.model.threepid import Medium
from matrix_threepid.net.deadline import Deadline
from matrix_threepid.net.fetch import Failure, HttpFailure, HttpRequest
from matrix_threepid.net.places import Places, Ticket
from matrix_threepid.net.safe_https import PinnedHttps
from matrix_threepid.offload import run_sync
from matrix_threepid.ports import Credentials
from matrix_threepid.testing import ALICE
from matrix_threepid.testing.rogue import PATIENCE, Heard, Said

from .acting import ADDRESS, KEY, PATIENT, Outside, honest

MANY = 64
SESSION = Credentials("sid", "secret")
BOUND = Associated(Medium.EMAIL, ADDRESS, ALICE)


@define
class Gate:
    """A server that lets nobody through until it is opened, and counts whom it has inside at once."""

    opened: threading.Event = field(factory=threading.Event)
    entered: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))
    inside: int = 0
    most: int = 0
    _lock: threading.Lock = field(factory=threading.Lock)

    def __call__(self, heard: Heard) -> Said:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.entered.release()
        self.opened.wait(PATIENCE)
        with self._lock:
            self.inside -= 1
        return honest(heard)

    def wait_for(self, calls: int) -> None:
        """Return once so many more calls are inside."""
        for _ in range(calls):
            assert self.entered.acquire(timeout=PATIENCE)


@pytest.fixture
def gate(outside: Outside) -> Gate:
    """A closed gate in front of all identity servers."""
    outside.server.answers = gate = Gate()
    return gate


def fetch_of(outside: Outside) -> PinnedHttps:
    client: Any = outside.world.homeserver.identity
    fetch: PinnedHttps = client.fetch
    return fetch


def client_of(fetch: PinnedHttps) -> HttpIdentityClient:
    return HttpIdentityClient(fetch, RequestSigner("hs.example.org", KEY))


def rewire(outside: Outside, **choices: Any) -> HttpIdentityClient:
    """Let the homeserver call identity servers in another way."""
    client = client_of(evolve(fetch_of(outside), **choices))
    outside.world.rewire(identity=client)
    return client


def counted(then: Callable[[], object], calls: int) -> Callable[[], None]:
    """Return a function that calls another one when it is called for the last of so many times."""
    lock, left = threading.Lock(), [calls]

    def count() -> None:
        with lock:
            left[0] -= 1
            last = left[0] == 0
        if last:
            then()

    return count


def test_many_binds_from_one_loop_all_succeed(outside: Outside, gate: Gate) -> None:
    """Of 64 binds at once at one server none fails, and no more than four are with the server at a time."""
    in_line = counted(gate.opened.set, MANY)

    async def offload(work: Callable[[], Any]) -> Any:
        in_line()
        return await asyncio.to_thread(work)

    async def binds() -> list[Any]:
        client = rewire(outside, offload=offload)
        at = outside.at("id.example")
        return await asyncio.gather(*(client.bind(at, "token", SESSION, ALICE, PATIENT) for _ in range(MANY)))

    assert asyncio.run(binds()) == [BOUND] * MANY
    assert gate.most <= 4


def test_many_binds_from_threads_all_succeed(outside: Outside, gate: Gate) -> None:
    """The same without a loop: 64 threads of a host that wait for their calls."""
    in_line = counted(gate.opened.set, MANY)

    async def offload(work: Callable[[], Any]) -> Any:
        in_line()
        return work()

    client, at = rewire(outside, offload=offload), outside.at("id.example")

    def bind(_: int) -> Any:
        return run_sync(client.bind(at, "token", SESSION, ALICE, PATIENT))

    with ThreadPoolExecutor(MANY) as threads:
        assert list(threads.map(bind, range(MANY))) == [BOUND] * MANY
    assert gate.most <= 4


def test_users_who_bind_at_once_are_all_bound(outside: Outside, gate: Gate) -> None:
    """Eight requests of users at once, at the server that everybody uses, are answered with 200."""
    users = 8
    in_line = counted(gate.opened.set, users)

    async def offload(work: Callable[[], Any]) -> Any:
        in_line()
        return work()

    rewire(outside, offload=offload)
    with ThreadPoolExecutor(users) as threads:
        assert [response.status for response in threads.map(lambda _: outside.bind(), range(users))] == [200] * users


@pytest.mark.rule("SEC-123")
@pytest.mark.parametrize(
    ("bounds", "second"),
    [({"waiting_per_host": 1}, "id.example"), ({"waiting": 1}, "id.example"), ({"waiting": 1}, "first.example")],
    ids=["at its server", "at all, same server", "at all, another server"],
)
def test_a_call_too_many_is_told_to_come_back(
    outside: Outside, gate: Gate, bounds: dict[str, int], second: str
) -> None:
    """Past the bounds a bind is answered with 429 and when to try again, at once, without a call and without a row."""
    in_line = threading.Semaphore(0)

    async def offload(work: Callable[[], Any]) -> Any:
        in_line.release()
        return work()

    rewire(outside, offload=offload, per_host=1, **bounds)
    holders = list(dict.fromkeys(("id.example", second)))
    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(outside.bind, name) for name in holders]
        gate.wait_for(len(holders))
        calls.append(threads.submit(outside.bind))
        for _ in (*holders, "the one that waits"):
            assert in_line.acquire(timeout=PATIENCE)
        rows = len(outside.rows)
        refused = outside.bind(second)
        assert (refused.status, refused.json()["errcode"]) == (429, "M_LIMIT_EXCEEDED")
        assert refused.json()["retry_after_ms"] == 5000
        assert dict(refused.headers)["Retry-After"] == "5"
        assert len(outside.server.heard) == len(holders)
        assert len(outside.rows) == rows
        gate.opened.set()
        assert [call.result(PATIENCE).status for call in calls] == [200] * len(calls)


def test_an_unbind_too_many_is_done_later(outside: Outside, gate: Gate) -> None:
    """Past the bounds an unbind answers 429, a delete goes through, and the queue takes the binding back."""
    outside.remember("id.example")
    client = rewire(outside, per_host=1, waiting_per_host=0)
    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(run_sync, client.bind(outside.at("id.example"), "token", SESSION, ALICE, PATIENT))
        gate.wait_for(1)
        assert outside.remove("unbind").status == 429
        deleted = outside.remove("delete")
        assert (deleted.status, deleted.json()) == (200, {"id_server_unbind_result": "no-support"})
        gate.opened.set()
        assert other.result(PATIENCE) == BOUND
    assert outside.calls == ["bind"]
    assert outside.retry(after=10 * PATIENT) == 1
    assert outside.calls == ["bind", "unbind"]
    assert outside.rows == []


@pytest.mark.rule("SEC-123")
def test_a_call_waits_until_its_deadline(outside: Outside, gate: Gate) -> None:
    """A call whose time is over while it waits fails as busy, reaches nobody, and does not hold its place in line."""
    client = rewire(outside, per_host=1, waiting_per_host=1)
    at = outside.at("id.example")

    def bind(deadline: int) -> Any:
        return run_sync(client.bind(at, "token", SESSION, ALICE, deadline))

    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(bind, PATIENT)
        gate.wait_for(1)
        assert [bind(1), bind(1)] == [Busy(), Busy()]
        assert run_sync(client.fetch.fetch(request(outside), 1)) == HttpFailure(Failure.BUSY, "out of time")
        gate.opened.set()
        assert first.result(PATIENCE) == BOUND
    assert outside.calls == ["bind"]


def request(outside: Outside) -> HttpRequest:
    at = outside.at("id.example")
    return HttpRequest(method="GET", host="id.example", port=outside.server.port, authority=at, path="/")


def test_a_cancelled_call_leaves_the_line(outside: Outside, gate: Gate) -> None:
    """A call that is cancelled before its thread runs makes room for another one."""
    outside.server.answers = honest
    started = threading.Event()

    async def offload(work: Callable[[], Any]) -> Any:
        started.set()
        await asyncio.Event().wait()

    async def cancelled() -> None:
        fetch = evolve(fetch_of(outside), per_host=1, waiting_per_host=0, offload=offload)
        for _ in range(2):
            started.clear()
            call = asyncio.ensure_future(fetch.fetch(request(outside), PATIENT))
            await asyncio.sleep(0)
            assert started.is_set()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

    asyncio.run(cancelled())


def joined(places: Places, host: str, calls: int) -> list[Ticket]:
    """Let so many calls stand in line."""
    tickets = [places.join(host) for _ in range(calls)]
    assert None not in tickets
    return [ticket for ticket in tickets if ticket is not None]


@pytest.mark.rule("SEC-123")
def test_places_are_given_in_order_of_arrival() -> None:
    """The call that came first is next, whichever thread was the first to run; another host has places of its own."""
    places = Places(per_host=1, waiting_per_host=5, waiting=5)
    holder, *others = joined(places, "a.example", 6)
    (elsewhere,) = joined(places, "b.example", 1)
    for ticket in (holder, *reversed(others), elsewhere):
        places.arrive(ticket)
    assert elsewhere.has_place
    for ticket in (holder, *others):
        assert ticket.has_place
        assert sum(other.has_place for other in (holder, *others)) == 1
        places.leave(ticket)


def test_a_call_without_a_thread_holds_nobody_up() -> None:
    """A place goes past a call whose thread does not run yet, which is next as soon as it does."""
    places = Places(per_host=1, waiting_per_host=3, waiting=3)
    holder, late, ready, readier = joined(places, "a.example", 4)
    for ticket in (holder, ready, readier):
        places.arrive(ticket)
    places.leave(holder)
    assert (late.has_place, ready.has_place) == (False, True)
    places.arrive(late)
    places.leave(ready)
    assert (late.has_place, readier.has_place) == (True, False)


def test_who_leaves_makes_room() -> None:
    """Leaving twice frees one place, and a line that everybody has left is as good as new, for all hosts together."""
    places = Places(per_host=1, waiting_per_host=1, waiting=1)
    for _ in range(3):
        holder, waiting = joined(places, "a.example", 2)
        assert places.join("a.example") is None
        places.arrive(holder)
        places.stop_waiting(holder)
        assert holder.has_place
        places.stop_waiting(waiting)
        places.leave(waiting)
        assert not places.wait(waiting, Deadline.in_ms(PATIENT))
        places.leave(holder)
        places.leave(holder)


def test_a_server_is_not_blamed_for_the_wait() -> None:
    """A call that waited nearly all its time for a place says nothing about the server; one that did not wait does."""
    breaker = Breaker(rule=BreakerPolicy(faults=1, patience=1000))
    breaker.heard("id.example", HttpFailure(Failure.TIMEOUT, waited=9500), 10_000)
    breaker.heard("id.example", HttpFailure(Failure.BUSY, "out of time"), 10_000)
    assert breaker.lets("id.example")
    breaker.heard("id.example", HttpFailure(Failure.TIMEOUT, waited=8500), 10_000)
    assert not breaker.lets("id.example")


def test_a_failure_says_how_long_its_call_waited(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    """What had passed of the deadline before a server was called stands in the failure."""
    real, passed = time.monotonic, [0]
    monkeypatch.setattr(time, "monotonic", lambda: real() + passed[0])
    outside.leads_to()

    async def offload(work: Callable[[], Any]) -> Any:
        passed[0] = 10
        return work()

    failed = run_sync(evolve(fetch_of(outside), offload=offload).fetch(request(outside), PATIENT))
    assert isinstance(failed, HttpFailure)
    assert 10_000 <= failed.waited < PATIENT
