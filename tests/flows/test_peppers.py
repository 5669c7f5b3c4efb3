"""Peppers: rotated while sessions are open, and dropped."""

from __future__ import annotations

import pytest

from matrix_threepid import Peppers
from matrix_threepid.testing import World
from matrix_threepid.testing.world import PEPPER

from .acting import deliver, refusal, submit, token_of

NEW = b"another pepper, of 32 bytes or more"


@pytest.mark.rule("SEC-112")
def test_a_rotated_pepper_still_checks(world: World) -> None:
    """After a rotation open sessions go on: same sid, the old link confirms, and the proof can be used."""
    sid = world.ask().json()["sid"]
    world.rewire(peppers=Peppers.of(NEW, PEPPER))
    assert world.ask().json()["sid"] == sid
    assert len(world.outbox.messages) == 1
    assert submit(world, sid, token_of(world.outbox.last)).status == 200
    assert world.add(sid).status == 200


def test_a_session_that_ended_before_a_rotation_is_not_found(world: World) -> None:
    """After a rotation an equal request finds a session of the previous pepper only while that session lives."""
    sid = world.ask().json()["sid"]
    world.clock.advance(86_400_000)
    world.rewire(peppers=Peppers.of(NEW, PEPPER))
    assert world.ask().json()["sid"] != sid
    assert len(world.outbox.messages) == 2


def test_a_resend_after_a_rotation_has_a_working_link(world: World) -> None:
    """A larger attempt for a session of the previous pepper sends a link that confirms."""
    sid = world.ask().json()["sid"]
    world.rewire(peppers=Peppers.of(NEW, PEPPER))
    assert world.ask(attempt=2).json()["sid"] == sid
    assert world.confirm().status == 303


def test_a_dropped_pepper_ends_what_it_made(world: World) -> None:
    """Once a pepper is gone its sessions open nothing, and the same request makes a new one that works."""
    sid = world.prove()
    world.rewire(peppers=Peppers.of(NEW))
    assert refusal(world.add(sid)) == (403, "M_THREEPID_AUTH_FAILED")
    assert world.open_link().status == 400
    assert refusal(submit(world, sid, token_of(world.outbox.last))) == (404, "M_NO_VALID_SESSION")
    again = world.prove()
    assert again != sid
    assert world.add(again).status == 200


def test_a_waiting_message_of_a_dropped_pepper_is_dropped(deferring: World) -> None:
    """A worker cannot make the token of a pepper it does not have: nothing is sent, nothing hangs."""
    deferring.ask()
    deferring.rewire(peppers=Peppers.of(NEW))
    deliver(deferring)
    assert deliver(deferring) == 0
    assert not deferring.outbox.messages
