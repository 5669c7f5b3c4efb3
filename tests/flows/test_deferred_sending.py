"""Sending after the answer: workers deliver what waits, once."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from matrix_threepid import Medium
from matrix_threepid.flows.slow_regions import PAUSE
from matrix_threepid.model.message import Outcome, RefusedForever, RefusedForNow, TokenMessage, Unknown
from matrix_threepid.testing import Outbox, World

from .acting import HOUR, crash, deliver
from .together import Turns, waiting


@pytest.mark.parametrize("seed", range(40))
def test_two_workers_send_a_message_once(deferring: World, seed: int) -> None:
    """Workers that find the same message due do not both send it."""
    turns = Turns()
    for count in range(3):
        deferring.ask(f"{count}@example.org")
    waiting(deferring, turns.pause)
    tried = turns.run(seed, deferring.service.deliver_due(), deferring.service.deliver_due())
    assert sum(tried) == 3
    assert len({message.recipient for message in deferring.outbox.messages}) == len(deferring.outbox.messages) == 3


@pytest.mark.rule("SEC-28", "SEC-35", "SEC-252")
def test_deferring_answers_before_sending(deferring: World) -> None:
    """With deferred sending a request never waits for a provider, and a worker sends afterwards."""
    deferring.outbox.before = crash
    assert deferring.ask().status == 200
    deferring.outbox.before = None
    assert (deliver(deferring), deliver(deferring)) == (1, 0)
    assert deferring.confirm().status == 303


@pytest.mark.rule("SEC-36")
@pytest.mark.parametrize("attempts", [(1, 1), (2, 1), (1, 2), (1, 2, 1)])
def test_what_waits_is_sent_once(deferring: World, attempts: tuple[int, ...]) -> None:
    """Requests before the worker comes are one mail, of the largest attempt; smaller ones send nothing later."""
    for attempt in attempts:
        deferring.ask(attempt=attempt)
    deliver(deferring)
    for attempt in attempts:
        deferring.ask(attempt=attempt)
    deliver(deferring)
    assert len(deferring.outbox.messages) == 1


@pytest.mark.parametrize(("told", "pause"), [(None, 30_000), (90_000, 90_000)])
def test_a_worker_tries_again(deferring: World, told: int | None, pause: int) -> None:
    """After a refusal that may pass the worker waits as long as it was told, or half a minute, and tries again."""
    deferring.outbox.outcomes.append(RefusedForNow("busy", told))
    deferring.ask()
    deliver(deferring)
    deferring.clock.advance(pause - 1)
    assert deliver(deferring) == 0
    deferring.clock.advance(1)
    assert deliver(deferring) == 1
    assert deferring.confirm().status == 303


@pytest.mark.rule("SEC-35")
@pytest.mark.parametrize("outcome", [RefusedForNow("no answer"), Unknown("no answer")], ids=repr)
def test_a_silent_sender_holds_up_one_message(make_world: Callable[..., World], outcome: Any) -> None:
    """A domain that timed out gets one message at a time; other media are served, and the first success frees all."""
    world = make_world({"deferred_sending": True})
    sms = Outbox()
    world.rewire(senders={Medium.EMAIL: world.outbox, Medium.MSISDN: sms})
    deadline = world.homeserver.policy.send_deadline

    async def silent() -> None:
        world.clock.advance(deadline)

    for number in range(12):
        world.ask(f"{number}@example.org")
    world.clock.advance(1)
    number = {"country": "GB", "phone_number": "07700 900001", "client_secret": "secret", "send_attempt": 1}
    assert world.post("/account/3pid/msisdn/requestToken", number).status == 200
    world.outbox.before, world.outbox.outcomes = silent, [outcome]
    began = world.clock()
    deliver(world)
    assert (len(world.outbox.messages), len(sms.messages), world.clock() - began) == (1, 1, deadline)
    world.outbox.outcomes = [outcome]
    assert deliver(world) == 11  # put off
    world.clock.advance(PAUSE)
    deliver(world)
    assert (len(world.outbox.messages), world.clock() - began) == (2, 2 * deadline + PAUSE)
    world.outbox.before = None
    deliver(world)
    for _ in range(2):
        world.clock.advance(2 * PAUSE)
        deliver(world)
    assert {message.recipient for message in world.outbox.messages} == {f"{number}@example.org" for number in range(12)}


@pytest.mark.rule("SEC-35")
def test_a_domain_that_never_answers_holds_up_no_other(deferring: World) -> None:
    """Mails of a domain that timed out are put off, those of other domains go out, and its pauses grow."""
    world, tarpit, tried = deferring, "tarpit.example", list[int]()

    class Slow(Outbox):
        async def send(self, message: TokenMessage) -> Outcome:
            if not message.recipient.endswith(tarpit):
                return await super().send(message)
            world.clock.advance(world.homeserver.policy.send_deadline)
            tried.append(world.clock())
            return RefusedForNow("no answer")

    box = Slow()
    world.rewire(senders={Medium.EMAIL: box})
    for number in range(20):
        deferring.ask(f"{number}@{tarpit}", secret=f"{number}")
    for number in range(12):
        deferring.ask(f"{number}@example.org", secret=f"honest.{number}")
        deliver(deferring)
        deliver(deferring)
        assert box.messages[-1].recipient == f"{number}@example.org"
        deferring.clock.advance(2 * PAUSE)
    assert tried
    gaps = [later - earlier for earlier, later in pairwise(tried)]
    assert gaps == sorted(gaps)
    assert gaps[-1] > 4 * PAUSE


def test_pauses_between_tries_grow(deferring: World) -> None:
    """A message that is refused again and again is tried after half of its age, at most five minutes later."""
    deferring.ask()
    begun, tried = deferring.clock(), list[int]()
    for _ in range(HOUR // PAUSE * 3):
        deferring.outbox.outcomes = [RefusedForNow("busy")]
        if deliver(deferring):
            tried.append((deferring.clock() - begun) // 1000)
        deferring.clock.advance(PAUSE // 3)
    assert tried[:8] == [0, 30, 60, 90, 140, 210, 320, 480]
    assert {later - earlier for earlier, later in pairwise(tried[9:])} == {300}


def test_a_sender_that_refuses_at_once_is_asked_again(deferring: World) -> None:
    """A refusal that came in time says nothing of other messages."""
    deferring.outbox.outcomes = [RefusedForNow("greylisted")]
    for number in range(3):
        deferring.ask(f"{number}@example.org")
    deliver(deferring)
    assert len(deferring.outbox.messages) == 3


def test_a_worker_gives_up_for_good(deferring: World) -> None:
    """After a final refusal nothing is tried again by itself, and the client's retry is."""
    deferring.outbox.outcomes.append(RefusedForever("gone"))
    deferring.ask()
    deliver(deferring)
    deferring.clock.advance(HOUR // 2)
    assert deliver(deferring) == 0
    deferring.ask()
    assert deliver(deferring) == 1


@pytest.mark.rule("SEC-121")
def test_nothing_is_sent_late(deferring: World) -> None:
    """A message whose token is over is dropped; asking again sends a good one."""
    deferring.ask()
    deferring.clock.advance(HOUR)
    deliver(deferring)
    assert not deferring.outbox.messages
    deferring.ask()
    deliver(deferring)
    assert deferring.confirm().status == 303


def test_a_session_that_ended_sends_nothing(deferring: World) -> None:
    """A message still waiting when its session is called off is never sent."""
    deferring.ask()
    deliver(deferring)
    deferring.ask(attempt=2)
    deferring.confirm(answer="refuse")
    assert deliver(deferring) == 0
