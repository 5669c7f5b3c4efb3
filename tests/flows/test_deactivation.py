"""A user leaves: addresses, open sessions and everything they could do."""

from __future__ import annotations

import pytest

from matrix_threepid import run_sync
from matrix_threepid.deactivate import deactivate_threepids
from matrix_threepid.events import ThreepidRemoved
from matrix_threepid.protocol.errors import Unauthorized
from matrix_threepid.testing import ALICE, BOB, World

from .acting import dump, give, proved_for, refusal, stage


def leave(world: World, user: str = ALICE) -> str:
    return run_sync(deactivate_threepids(world.homeserver, user))


@pytest.mark.rule("REQ-DEACT-7", "SEC-43")
def test_every_address_goes(world: World) -> None:
    """All addresses of the user, and of nobody else, are free afterwards; listeners hear of each."""
    for address in ("a@example.org", "b@example.org"):
        give(world, address, ALICE)
    give(world, "bob@example.org", BOB)
    assert leave(world) == "success"
    assert (world.threepids(ALICE), world.threepids(BOB)) == ([], ["bob@example.org"])
    assert [event.threepid.address for event in world.events.of(ThreepidRemoved)] == ["a@example.org", "b@example.org"]


@pytest.mark.rule("REQ-DEACT-7", "SEC-43")
def test_nothing_of_the_user_can_be_redeemed(world: World) -> None:
    """Sessions the user opened, and resets of the account, are dead, validated or not."""
    reset = proved_for(world, "password")
    added = world.prove("new@example.org", user=ALICE)
    world.ask("later@example.org", user=ALICE)
    stranger = world.ask("stranger@example.org").json()["sid"]
    leave(world)
    assert {session.sid for session in dump(world) if not session.over} == {stranger}
    assert refusal(world.add(added)) == (403, "M_THREEPID_AUTH_FAILED")
    with pytest.raises(Unauthorized):
        stage(world, reset, "password")


def test_an_address_that_became_free_is_somebody_elses(world: World) -> None:
    """After a deactivation another user proves and adds the address; the old owner's session does nothing to it."""
    old = proved_for(world, "password")
    leave(world)
    assert world.add(world.prove(secret="bobs", user=BOB), "bobs", BOB).status == 200
    with pytest.raises(Unauthorized):
        stage(world, old, "password")


@pytest.mark.rule("SEC-43")
def test_leaving_twice_is_leaving_once(world: World) -> None:
    """A repetition after a crash finds nothing left to do."""
    give(world, "alice@example.org", ALICE)
    assert (leave(world), leave(world)) == ("success", "success")
    assert len(world.events.of(ThreepidRemoved)) == 1
