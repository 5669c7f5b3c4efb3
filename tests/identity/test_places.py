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
from looping import run_trio, together

from matrix_threepid import Threads
from matrix_threepid.identity.breaker import Breaker, BreakerPolicy
from matrix_threepid.identity.client import HttpIdentityClient
from matrix_threepid.identity.signed_requests import RequestSigner
from matrix_threepid.model.identity import Associated, Busy
from matrix_threepid.model.threepid import Medium
from matrix_threepid.net.dns import MOST
from matrix_threepid.net.fetch import Failure, HttpFailure, HttpReply, HttpRequest
from matrix_threepid.net.places import Line, NoPlaceError, Places, Ticket
from matrix_threepid.net.safe_https import PinnedHttps
from matrix_threepid.offload import run_sync
from matrix_threepid.ports import Credentials
from matrix_threepid.testing import ALICE
from matrix_threepid.testing.contracts.fetch_cases import HERE
from matrix_threepid.testing.rogue import PATIENCE, Heard, Said, certified

from .acting import ADDRESS, KEY, NOBODY, PATIENT, Outside, honest

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


@pytest.mark.rule("SEC-123")
def test_many_binds_from_one_loop_all_succeed(outside: Outside, gate: Gate) -> None:
    """Of 64 binds at once at one server none fails; no more than four are with it at a time, over four connections."""
    threads: list[object] = []

    async def offload(work: Callable[[], Any]) -> Any:
        threads.append(work)
        return await asyncio.to_thread(work)

    async def binds() -> list[Any]:
        client = rewire(outside, offload=offload)
        at = outside.at("id.example")
        calls = [asyncio.ensure_future(client.bind(at, "token", SESSION, f"@{n}:x", PATIENT)) for n in range(MANY)]
        await asyncio.to_thread(gate.wait_for, 4)
        assert len(threads) == 4  # the other 60 wait, and no thread waits with them
        gate.opened.set()
        return await asyncio.gather(*calls)

    assert asyncio.run(binds()) == [BOUND] * MANY
    assert gate.most <= 4
    assert outside.server.connections <= 4


def test_many_binds_from_threads_all_succeed(outside: Outside, gate: Gate) -> None:
    """The same without a loop: 64 threads of a host that wait for their calls."""
    client, at = rewire(outside), outside.at("id.example")

    def bind(number: int) -> Any:
        return run_sync(client.bind(at, "token", SESSION, f"@{number}:x", PATIENT))

    with ThreadPoolExecutor(MANY) as threads:
        calls = [threads.submit(bind, number) for number in range(MANY)]
        gate.wait_for(4)
        gate.opened.set()
        assert [call.result(PATIENCE) for call in calls] == [BOUND] * MANY
    assert gate.most <= 4


def test_users_who_bind_at_once_are_all_bound(outside: Outside, gate: Gate) -> None:
    """Eight requests of users at once, at the server that everybody uses, are answered with 200."""
    users = 8
    with ThreadPoolExecutor(users) as threads:
        calls = [threads.submit(outside.bind) for _ in range(users)]
        gate.wait_for(4)
        gate.opened.set()
        assert [call.result(PATIENCE).status for call in calls] == [200] * users


@pytest.mark.rule("SEC-123")
@pytest.mark.parametrize(
    ("bounds", "second"),
    [({"waiting_per_host": 1}, "id.example"), ({"waiting": 1}, "id.example"), ({"waiting": 1}, "first.example")],
    ids=["at its server", "at all, same server", "at all, another name"],
)
def test_a_call_too_many_is_told_to_come_back(
    outside: Outside, gate: Gate, bounds: dict[str, int], second: str
) -> None:
    """Past the bounds a bind is answered with 429 and when to try again, at once, without a call and without a row."""
    client, at = rewire(outside, per_host=1, **bounds), outside.at("id.example")
    in_line = threading.Event()

    async def calls() -> list[Any]:
        first = asyncio.ensure_future(client.bind(at, "token", SESSION, ALICE, PATIENT))
        await asyncio.to_thread(gate.wait_for, 1)
        waits = asyncio.ensure_future(client.bind(at, "token", SESSION, ALICE, PATIENT))
        await asyncio.sleep(0)
        in_line.set()
        return await asyncio.gather(first, waits)

    with ThreadPoolExecutor(1) as threads:
        others = threads.submit(asyncio.run, calls())
        assert in_line.wait(PATIENCE)
        rows = len(outside.rows)
        refused = outside.bind(second)
        assert (refused.status, refused.json()["errcode"]) == (429, "M_LIMIT_EXCEEDED")
        assert refused.json()["retry_after_ms"] == 5000
        assert dict(refused.headers)["Retry-After"] == "5"
        assert len(outside.server.heard) == 1
        assert len(outside.rows) == rows
        gate.opened.set()
        assert others.result(PATIENCE) == [BOUND, BOUND]


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


def request(outside: Outside, name: str = "id.example") -> HttpRequest:
    port, path = outside.server.port, "/_matrix/identity/v2/3pid/unbind"
    return HttpRequest(method="GET", host=name, port=port, authority=outside.at(name), path=path)


def test_a_cancelled_call_leaves_the_line(outside: Outside) -> None:
    """A call that is cancelled before its thread runs makes room for another one, and is not made later."""
    works: list[Callable[[], Any]] = []

    async def cancelled() -> None:
        started = asyncio.Event()

        async def offload(work: Callable[[], Any]) -> Any:
            works.append(work)
            started.set()
            await asyncio.Event().wait()

        fetch = evolve(fetch_of(outside), per_host=1, waiting_per_host=0, offload=offload)
        for _ in range(2):
            started.clear()
            call = asyncio.ensure_future(fetch.fetch(request(outside), PATIENT))
            await started.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

    asyncio.run(cancelled())
    for work in works:
        with pytest.raises(NoPlaceError):
            work()
    assert outside.server.heard == []


def test_a_call_that_is_cancelled_while_it_waits_leaves_the_line(outside: Outside, gate: Gate) -> None:
    """Who is cancelled in line makes room for another one, which gets its turn."""

    async def calls() -> list[Any]:
        fetch = evolve(fetch_of(outside), per_host=1, waiting_per_host=1)
        first = asyncio.ensure_future(fetch.fetch(request(outside), PATIENT))
        await asyncio.to_thread(gate.wait_for, 1)
        waits = asyncio.ensure_future(fetch.fetch(request(outside), PATIENT))
        await asyncio.sleep(0)
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits
        follows = asyncio.ensure_future(fetch.fetch(request(outside), PATIENT))
        await asyncio.sleep(0)
        gate.opened.set()
        return await asyncio.gather(first, follows)

    assert [type(answer) for answer in asyncio.run(calls())] == [HttpReply] * 2
    assert len(outside.server.heard) == 2


@pytest.mark.rule("SEC-123")
@pytest.mark.parametrize("run", [asyncio.run, run_trio], ids=["asyncio", "trio"])
def test_calls_wait_under_every_loop(outside: Outside, gate: Gate, run: Any) -> None:
    """A call gets its place under asyncio and trio, and hears that its time is over while it waits."""
    fetch = evolve(fetch_of(outside), per_host=1)

    async def opens() -> None:
        await Threads(1)(lambda: gate.wait_for(1))
        late = await fetch.fetch(request(outside), 1)
        gate.opened.set()
        assert late == HttpFailure(Failure.BUSY, "out of time")

    answers = run(together(fetch.fetch(request(outside), PATIENT), fetch.fetch(request(outside), PATIENT), opens()))
    assert [type(answer) for answer in answers] == [HttpReply, HttpReply, type(None)]


@pytest.mark.rule("SEC-123")
def test_many_names_of_one_address_get_its_places_only(outside: Outside, gate: Gate) -> None:
    """60 names that lead to one address, in any way to write it, get as many calls and connections as one name."""
    names = [f"n{number}.example" for number in range(60)]
    outside.names.lead_to.update(dict.fromkeys(names, (HERE,)))
    outside.names.lead_to["n0.example"] = (f"::ffff:{HERE}",)
    outside.server.context = certified(*names)

    async def calls() -> list[Any]:
        fetch = evolve(fetch_of(outside), allow_addresses=(HERE, f"::ffff:{HERE}"))
        each = [asyncio.ensure_future(fetch.fetch(request(outside, name), PATIENT)) for name in names]
        await asyncio.to_thread(gate.wait_for, 4)
        assert outside.server.connections == 4
        gate.opened.set()
        return await asyncio.gather(*each)

    assert [type(answer) for answer in asyncio.run(calls())] == [HttpReply] * 60
    assert gate.most <= 4


def test_calls_at_once_to_all_hosts_are_bounded(outside: Outside, gate: Gate) -> None:
    """Calls to different hosts wait for one another past the bound over all."""

    async def calls() -> list[Any]:
        fetch = evolve(fetch_of(outside), at_once=1)
        names = ("id.example", "first.example")
        each = [asyncio.ensure_future(fetch.fetch(request(outside, name), PATIENT)) for name in names]
        await asyncio.to_thread(gate.wait_for, 1)
        gate.opened.set()
        return await asyncio.gather(*each)

    assert [type(answer) for answer in asyncio.run(calls())] == [HttpReply] * 2
    assert gate.most == 1


def test_a_slow_look_up_keeps_its_place(outside: Outside) -> None:
    """A look-up goes on after its call was given up, and counts until its end: one more is refused."""
    go_on, begun = threading.Event(), threading.Semaphore(0)

    def resolve(host: str, port: int) -> list[str]:
        begun.release()
        go_on.wait(PATIENCE)
        return [HERE]

    async def calls() -> Any:
        fetch = evolve(fetch_of(outside), resolve=resolve, per_host=MOST, waiting=0)
        given_up = [asyncio.ensure_future(fetch.fetch(request(outside), PATIENT)) for _ in range(MOST)]
        for _ in range(MOST):
            assert await asyncio.to_thread(begun.acquire, timeout=PATIENCE)
        for call in given_up:
            call.cancel()
        await asyncio.gather(*given_up, return_exceptions=True)
        refused = await fetch.fetch(request(outside), PATIENT)
        go_on.set()
        return refused

    assert asyncio.run(calls()) == HttpFailure(Failure.BUSY)


HERE_LINE = Line("name", "a.example", 1, 5)


def joined(places: Places, line: Line, calls: int, caller: str | None = None) -> list[Ticket]:
    """Let so many calls stand in line."""
    tickets = [places.join(line, caller) for _ in range(calls)]
    assert None not in tickets
    return [ticket for ticket in tickets if ticket is not None]


@pytest.mark.rule("SEC-123")
def test_places_are_given_in_order_of_arrival() -> None:
    """The call that came first is next; another host has places of its own."""
    places = Places(waiting=5)
    everybody = joined(places, HERE_LINE, 6)
    (elsewhere,) = joined(places, evolve(HERE_LINE, key="b.example"), 1)
    assert elsewhere.has_place
    for ticket in everybody:
        assert ticket.has_place
        assert sum(other.has_place for other in everybody) == 1
        places.leave(ticket)


@pytest.mark.rule("SEC-123")
def test_no_caller_fills_a_waiting_room() -> None:
    """A caller may have a quarter of those who wait in a line; others, and unknown callers, still find room."""
    places, line = Places(waiting=100), evolve(HERE_LINE, room=8)
    holder, *_ = joined(places, line, 3, "@a:x")
    assert places.join(line, "@a:x") is None
    assert len(joined(places, line, 2, "@b:x") + joined(places, line, 4)) == 6
    assert places.join(line) is None
    places.leave(holder)
    assert places.join(line, "@a:x") is not None


@pytest.mark.rule("SEC-123")
def test_no_caller_fills_the_waiting_rooms_of_all_hosts() -> None:
    """A caller may have a quarter of all who wait, wherever."""
    places = Places(waiting=8)
    for number in range(4):
        line = evolve(HERE_LINE, key=f"{number}.example")
        joined(places, line, 1)
        assert (places.join(line, "@a:x") is None) == (number >= 2)
        joined(places, line, 1, f"@{number}:x")


def test_who_leaves_makes_room() -> None:
    """Leaving twice frees one place, and a line that everybody has left is as good as new, for all hosts together."""
    places, line = Places(waiting=1), evolve(HERE_LINE, room=1)
    for _ in range(3):
        holder, waiting = joined(places, line, 2, "@a:x")
        assert places.join(line) is None
        places.leave(waiting)
        places.leave(waiting)
        assert not waiting.has_place
        places.leave(holder)
        places.leave(holder)
        assert not places.hold(holder)


def test_a_place_is_free_when_all_who_use_it_have_left() -> None:
    """A cancelled call keeps its place until its thread is done."""
    places = Places(waiting=1)
    holder, waiting = joined(places, HERE_LINE, 2)
    assert places.hold(holder)
    places.leave(holder)
    assert not waiting.has_place
    places.leave(holder)
    assert waiting.has_place


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
    outside.leads_to(NOBODY)

    async def offload(work: Callable[[], Any]) -> Any:
        passed[0] = 10
        return work()

    failed = run_sync(evolve(fetch_of(outside), offload=offload).fetch(request(outside), PATIENT))
    assert isinstance(failed, HttpFailure)
    assert 10_000 <= failed.waited < PATIENT
