"""Identity servers that do not answer are left alone for a while; the others never notice (SEC-123)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from attrs import evolve

from matrix_threepid.identity.breaker import Breaker, BreakerPolicy, Circuit
from matrix_threepid.net.fetch import Failure, HttpFailure, HttpReply
from matrix_threepid.ports._checked import given
from matrix_threepid.testing.contracts.fetch_cases import HERE
from matrix_threepid.testing.rogue import hang_up

from .acting import NOBODY, Outside, honest, said

MINUTE, A_DAY = 60_000, 86_400_000
LATE, LOST = HttpFailure(Failure.TIMEOUT), HttpFailure(Failure.LOST)
RULE = BreakerPolicy(faults=5, pause=MINUTE)


@pytest.fixture
def clocked(outside: Outside) -> Outside:
    """An ``Outside`` whose pauses go by the clock of its world; Alice's address is bound at two servers."""
    outside.remember("first.example", "second.example")
    client: Any = given(outside.world.homeserver.identity)
    outside.world.rewire(identity=evolve(client, breaker=Breaker(clock=outside.world.clock)))
    return outside


def fail(outside: Outside, times: int) -> list[int]:
    """Let Alice try so many times to bind at a server that hangs up; return the answers."""
    outside.server.answers = lambda _: hang_up
    return [outside.bind("first.example").status for _ in range(times)]


@pytest.mark.rule("SEC-123")
@pytest.mark.answers_5xx(502)
def test_a_server_that_fails_five_times_is_left_alone(clocked: Outside) -> None:
    """Five faults in a row, and nobody calls it for a minute; who asks hears at once what everybody heard before."""
    assert fail(clocked, 7) == [502] * 7
    assert clocked.server.connections == 5
    clocked.world.clock.advance(MINUTE - 1)
    assert clocked.bind("first.example").status == 502
    assert clocked.server.connections == 5


@pytest.mark.rule("SEC-123")
@pytest.mark.answers_5xx(502)
def test_one_call_tries_it_after_the_pause(clocked: Outside) -> None:
    """After a minute one call goes through: if it fails, another minute begins; if it does not, all is well."""
    fail(clocked, 5)
    clocked.world.clock.advance(MINUTE)
    assert fail(clocked, 3) == [502] * 3
    assert clocked.server.connections == 6
    clocked.recovers()
    assert clocked.bind("first.example").status == 502
    clocked.world.clock.advance(MINUTE)
    assert [clocked.bind("first.example").status for _ in range(3)] == [200] * 3


@pytest.mark.rule("SEC-123")
@pytest.mark.answers_5xx(502)
def test_other_servers_are_called_meanwhile(clocked: Outside) -> None:
    """Only the server that failed is left alone, also where one request concerns several."""
    fail(clocked, 5)
    clocked.recovers()
    assert clocked.bind("second.example").status == 200
    clocked.server.heard.clear()
    assert clocked.leave() == "no-support"
    assert (clocked.calls, [row.id_server for row in clocked.rows]) == (["unbind"], [clocked.at("first.example")])


@pytest.mark.rule("SEC-30")
@pytest.mark.answers_5xx(502)
def test_what_is_not_unbound_meanwhile_is_in_the_queue(clocked: Outside) -> None:
    """A delete goes through at once, and the unbind is made when the queue may call the server again."""
    fail(clocked, 5)
    clocked.recovers()
    assert clocked.remove("delete").json() == {"id_server_unbind_result": "no-support"}
    assert clocked.world.threepids() == []
    assert [row.id_server for row in clocked.rows] == [clocked.at("first.example")]
    assert (clocked.retry(after=A_DAY), clocked.rows) == (1, [])


@pytest.mark.rule("SEC-30")
@pytest.mark.answers_5xx(502)
def test_the_queue_leaves_it_alone_as_well(clocked: Outside) -> None:
    """A worker's calls count and are kept off like any other, and nothing is lost by that."""
    for name in ("first.example", "second.example"):
        clocked.names.lead_to[name] = (NOBODY,)
    clocked.leave()
    for _ in range(4):
        clocked.retry(after=A_DAY)
    asked = len(clocked.names.asked)
    assert clocked.bind("first.example").status == 502
    assert len(clocked.names.asked) == asked
    for name in ("first.example", "second.example"):
        clocked.names.lead_to[name] = (HERE,)
    assert (clocked.retry(after=A_DAY), clocked.rows) == (2, [])


@pytest.mark.answers_5xx(502)
def test_an_answer_ends_the_row(clocked: Outside) -> None:
    """Four faults, any answer (a 500 is one), and four faults again leave a server where it was."""
    fail(clocked, 4)
    clocked.server.answers = lambda _: said(500, "boom")
    assert clocked.bind("first.example").status == 502
    fail(clocked, 4)
    clocked.server.answers = honest
    assert clocked.bind("first.example").status == 200


@pytest.mark.rule("SEC-123")
@pytest.mark.answers_5xx(502)
def test_a_server_is_all_of_its_name(clocked: Outside) -> None:
    """Nobody can have a server left alone by naming a path of its host, or a port, at which nothing answers."""
    clocked.server.answers = lambda heard: hang_up if heard.path.startswith("/dead") else honest(heard)
    dead = [clocked.bind(f"first.example:{clocked.server.port}/dead").status for _ in range(6)]
    dead += [clocked.bind("first.example:1").status for _ in range(6)]
    assert dead == [502] * 12
    assert clocked.bind("first.example").status == 200


# -- the rule itself --------------------------------------------------------------------------------


def test_a_circuit_opens_and_lets_one_call_try() -> None:
    """Below five faults every call is let through; then one in each pause, whatever becomes of it."""
    four, five = Circuit(4, MINUTE), Circuit(5, MINUTE)
    assert four.called(0, RULE) == four
    assert four.failed(0, RULE) == five
    assert five.called(MINUTE - 1, RULE) is None
    tried = five.called(MINUTE, RULE)
    assert tried == Circuit(5, 2 * MINUTE)
    assert (tried.called(2 * MINUTE - 1, RULE), tried.called(2 * MINUTE, RULE)) == (None, Circuit(5, 3 * MINUTE))


@pytest.mark.parametrize(
    ("answer", "deadline", "blamed"),
    [
        (LOST, 1, True),
        (LATE, 1000, True),
        (LATE, 999, False),
        (HttpReply(200, b"{", LOST), 1, True),
        (HttpReply(200, b"{", LATE), 1000, True),
        (HttpReply(200, b"{", LATE), 999, False),
        (HttpReply(200, b"{", HttpFailure(Failure.ODD)), 1000, False),
        (HttpReply(500), 1000, False),
        *((HttpFailure(kind), 1000, True) for kind in (Failure.NAME, Failure.REFUSED, Failure.TLS, Failure.ODD)),
        *((HttpFailure(kind), 1000, False) for kind in (Failure.BLOCKED, Failure.BUSY)),
    ],
    ids=str,
)
def test_a_server_is_blamed_for_what_it_did(answer: Any, deadline: int, blamed: bool) -> None:
    """No answer is a fault; a call that was not made, or had no time, says nothing about the server."""
    breaker = Breaker(rule=BreakerPolicy(faults=1))
    breaker.heard("a", answer, deadline)
    assert breaker.lets("a") is not blamed


def test_what_says_nothing_ends_no_row() -> None:
    """A call that was not made, or had no time, neither opens a circuit nor closes one."""
    breaker = Breaker(rule=BreakerPolicy(faults=2))
    for answer, deadline in ((LOST, 1000), (HttpFailure(Failure.BUSY), 1000), (LATE, 10), (LOST, 1000)):
        breaker.heard("a", answer, deadline)
    assert not breaker.lets("a")


@pytest.mark.rule("SEC-123")
def test_a_flood_of_names_fills_no_memory() -> None:
    """So many servers are remembered and no more; good ones take no room at all."""
    breaker = Breaker(rule=BreakerPolicy(faults=1), max_servers=10)
    for number in range(100):
        breaker.heard(f"{number}", LOST, 1000)
        breaker.heard(f"good {number}", HttpReply(200), 1000)
    assert [number for number in range(100) if not breaker.lets(f"{number}")] == list(range(90, 100))


def test_a_call_that_is_given_up_does_not_lock(clocked: Outside) -> None:
    """A caller who leaves while its call tries the server keeps others off for one more pause, not for ever."""

    class Cancelled:
        async def fetch(self, request: Any, deadline: int) -> Any:
            raise asyncio.CancelledError

    client: Any = given(clocked.world.homeserver.identity)
    for _ in range(5):
        client.breaker.heard(clocked.at("first.example"), LOST, 1000)
    clocked.world.clock.advance(MINUTE)
    clocked.world.rewire(identity=evolve(client, fetch=Cancelled()))
    with pytest.raises(asyncio.CancelledError):
        clocked.bind("first.example")
    clocked.world.rewire(identity=client)
    clocked.world.clock.advance(MINUTE)
    assert clocked.bind("first.example").status == 200
