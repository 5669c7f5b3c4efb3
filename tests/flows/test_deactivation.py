"""A user leaves: addresses, open sessions and everything they could do."""

from __future__ import annotations

import pytest

from matrix_threepid import run_sync
from matrix_threepid.deactivate import deactivate_threepids
from matrix_threepid.events import ThreepidRemoved
from matrix_threepid.protocol.errors import Unauthorized, UnknownToken
from matrix_threepid.testing import ALICE, BOB, World

from .acting import ADD, PORTS, Wrapped, dump, finished, give, proved_for, refusal, stage


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


@pytest.mark.rule("REQ-DEACT-9")
@pytest.mark.parametrize("asker", [ALICE, None])
@pytest.mark.parametrize("point", range(12))
def test_an_add_under_way_comes_too_late(world: World, point: int, asker: str | None) -> None:
    """Wherever in an add the tokens end and the account is deactivated, the address is free afterwards."""
    body = finished(world, world.prove("alice@example.org", user=asker))
    calls, homeserver = iter(range(100)), world.homeserver
    ended: list[str] = []

    async def deactivated(method: str) -> None:
        if method == "identify" and ended:
            raise UnknownToken
        if next(calls) == point:
            ended.append(ALICE)
            await deactivate_threepids(homeserver, ALICE)

    ports = {name: getattr(homeserver, name) for name in PORTS}
    world.rewire(**{name: Wrapped(port, deactivated) for name, port in ports.items()})
    answer = world.post(ADD, body, ALICE)
    world.rewire(**ports)
    if not ended:
        run_sync(deactivate_threepids(homeserver, ALICE))
    assert world.threepids(ALICE) == []
    assert answer.status in (200, 401, 403)
    assert world.add(world.prove("alice@example.org", "another", user=BOB), "another", BOB).status == 200
