"""Messages are written down, sent, and marked: nothing is promised and lost, nothing is sent twice without need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid.events import MessageSent
from matrix_threepid.model.message import Accepted, Outcome, RefusedForever, RefusedForNow, Unknown
from matrix_threepid.testing import World

from .acting import BODY, HOUR, PATH, PURPOSES, Crash, ask_for, crash, deliver, dump
from .together import LOOPS, Turns, waiting

LEASE = 30_000


@pytest.mark.rule("REQ-SEND-4", "SEC-34")
@pytest.mark.parametrize(
    ("outcome", "status", "counts"),
    [
        (Accepted("id"), 200, True),
        (Unknown("no answer"), 200, True),
        (RefusedForever("no such user"), 400, False),
        (RefusedForNow("busy"), 503, False),
    ],
)
@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.answers_5xx(503)
def test_an_outcome_decides_whether_an_attempt_counts(
    world: World, purpose: str, outcome: Outcome, status: int, counts: bool
) -> None:
    """Accepted and unknown count as sent; after a refusal the retry with the same attempt sends."""
    world.outbox.outcomes.append(outcome)
    first = ask_for(world, purpose)
    assert first.status == status
    assert [event.outcome for event in world.events.of(MessageSent)] == [outcome]
    again = ask_for(world, purpose)
    assert again.status == 200
    assert len(world.outbox.messages) == (1 if counts else 2)
    assert len(dump(world)) == 1


@pytest.mark.rule("SEC-54")
@pytest.mark.parametrize(
    ("outcome", "code"), [(RefusedForever("r"), "M_INVALID_PARAM"), (RefusedForNow("r"), "M_UNKNOWN")]
)
@pytest.mark.answers_5xx(503)
def test_a_refusal_is_told_without_its_reason(world: World, outcome: Outcome, code: str) -> None:
    """The client hears that the message could not be sent, not what the provider said."""
    world.outbox.outcomes.append(type(outcome)("marker of the provider"))
    answer = world.ask()
    assert answer.json()["errcode"] == code
    assert b"marker" not in answer.body


def test_a_mail_after_an_unknown_outcome_is_good(world: World) -> None:
    """If the answer was lost but the mail arrived, its link confirms."""
    world.outbox.outcomes.append(Unknown("lost"))
    world.ask()
    assert world.confirm().status == 303


@pytest.mark.rule("SEC-34", "SEC-121", "SEC-256")
@pytest.mark.parametrize("later", [LEASE, HOUR - 1])
def test_a_crash_while_sending_loses_no_mail(world: World, later: int) -> None:
    """After a crash between write and send a worker sends once the lease is over; one session, one mail."""
    world.outbox.before = crash
    with pytest.raises(Crash):
        world.ask()
    [session] = dump(world)
    world.outbox.before = None
    world.rewire()
    assert deliver(world) == 0
    world.clock.advance(later)
    assert (deliver(world), deliver(world)) == (1, 0)
    assert [message.recipient for message in world.outbox.messages] == ["alice@example.org"]
    world.confirm()
    assert dump(world)[0].sid == session.sid


@pytest.mark.rule("SEC-34")
def test_a_retry_after_a_crash_sends(world: World) -> None:
    """The client's retry with the same attempt joins the session, and sends once nobody else can be sending."""
    world.outbox.before = crash
    with pytest.raises(Crash):
        world.ask()
    world.outbox.before = None
    assert world.ask().status == 200
    assert not world.outbox.messages
    world.clock.advance(LEASE)
    assert world.ask().status == 200
    assert len(world.outbox.messages) == 1


@pytest.mark.rule("SEC-34", "SEC-113", "SEC-121")
def test_a_second_copy_has_the_same_token(world: World) -> None:
    """After a crash between sending and marking the mail goes out again with the link of the first."""
    sent: list[Any] = []

    class Dying:
        async def send(self, message: Any) -> Outcome:
            sent.append(message)
            raise Crash

    senders = world.homeserver.senders
    world.rewire(senders=dict.fromkeys(senders, Dying()))
    with pytest.raises(Crash):
        world.ask()
    world.rewire(senders=senders)
    world.clock.advance(LEASE)
    deliver(world)
    assert world.outbox.last.link == sent[0].link
    assert world.confirm(sent[0]).status == 303


@pytest.mark.rule("REQ-SEND-4", "SEC-36")
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("deferred", [False, True])
def test_sixteen_equal_requests_send_one_mail(make_world: Callable[..., World], loop: str, deferred: bool) -> None:
    """Parallel requests with the same parameters get one session and one mail, under any event loop."""
    run, pause = LOOPS[loop]
    world = waiting(make_world({"deferred_sending": deferred}), pause)
    answers = run(*(lambda: world.acall("POST", PATH, BODY) for _ in range(16)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.json()["sid"] for answer in answers}) == 1
    if deferred:
        run(world.service.deliver_due)
    assert len(world.outbox.messages) == 1


@pytest.mark.rule("SEC-232")
@pytest.mark.parametrize("seed", range(40))
def test_equal_requests_send_one_mail_in_any_order(world: World, seed: int) -> None:
    """However four equal requests take turns, one session and one mail come out."""
    turns = Turns()
    waiting(world, turns.pause)
    answers = turns.run(seed, *(world.acall("POST", PATH, BODY) for _ in range(4)))
    assert len({answer.json()["sid"] for answer in answers}) == 1
    assert len(world.outbox.messages) == 1


def test_a_larger_attempt_overtakes_a_slow_one(world: World) -> None:
    """While one attempt hangs at the provider a larger one goes out; both mails hold the same link."""
    turns = Turns()
    waiting(world, turns.pause)
    turns.run(1, world.acall("POST", PATH, BODY), world.acall("POST", PATH, {**BODY, "send_attempt": 2}))
    assert {message.link for message in world.outbox.messages} == {world.outbox.last.link}
    assert 1 <= len(world.outbox.messages) <= 2
