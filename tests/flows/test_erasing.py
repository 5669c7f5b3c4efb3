"""A user asks to be erased: what goes at once, what goes later, and what is nobody's business but others'."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from matrix_threepid import Limit, run_sync
from matrix_threepid.deactivate import erase_threepids
from matrix_threepid.flows.unbind_retry import retry_unbinds
from matrix_threepid.model.binding import Binding
from matrix_threepid.model.identity import Unreachable
from matrix_threepid.testing import ALICE, BOB, GENEROUS, World
from matrix_threepid.testing.identity import FakeIdentityServers

from .acting import dump, give

ADDRESS, AT, LATER = "alice@example.org", "id.example", 86_400_000


def erase(world: World, user: str = ALICE) -> list[Binding]:
    left = run_sync(erase_threepids(world.homeserver, user))
    world.outbox.messages.clear()  # the invariants look for the sessions of what was sent
    return left


def test_no_session_of_the_user_is_left(world: World) -> None:
    """Open or over, opened with an access token or for an address of the account: all of it goes, no other does."""
    world.add(world.prove(ADDRESS, user=ALICE))
    world.ask("new@example.org", user=ALICE)
    world.ask(ADDRESS, purpose="password")
    kept = {world.ask("new@example.org", user=BOB).json()["sid"], world.ask("free@example.org").json()["sid"]}
    assert erase(world) == []
    assert {session.sid for session in dump(world)} == kept
    assert world.threepids() == []


def test_what_was_counted_for_the_user_is_forgotten(make_world: Callable[..., World]) -> None:
    """The limits of this user start anew; those that protect an address stay, whoever asks."""
    once = Limit(1, 0.001)
    world = make_world({"limits": evolve(GENEROUS, per_user=once, per_address=Limit(2, 0.001))})
    for user in (ALICE, BOB):
        assert world.ask(ADDRESS, user=user).status == 200
        assert world.ask("more@example.org", user=user).status == 429
    erase(world)
    assert [world.ask("fresh@example.org", user=user).status for user in (ALICE, BOB)] == [200, 429]
    assert [world.ask(ADDRESS, secret).status for secret in ("third", "fourth")] == [200, 429]  # one is for newcomers


def test_changes_that_were_counted_for_the_user_are_forgotten(make_world: Callable[..., World]) -> None:
    """The limit of changes starts anew for who was erased, and for nobody else."""
    world = make_world({"limits": evolve(GENEROUS, changes=Limit(1, 0.001))})
    for user in (ALICE, BOB):
        assert world.add(world.prove(f"{user[1:4]}@example.org", user=user), user=user).status == 200
    erase(world)
    added = [world.add(world.prove(f"{user[1:4]}2@example.org", user=user), user=user).status for user in (ALICE, BOB)]
    assert added == [200, 429]


@pytest.mark.answers_5xx(502)
def test_bindings_stay_until_they_are_gone(make_world: Callable[..., World]) -> None:
    """What an identity server has not confirmed is told, stays in the queue, and is forgotten once it has."""
    servers = FakeIdentityServers()
    world = make_world(identity=servers)
    give(world, ADDRESS, ALICE)
    servers.prove(AT, "sid", "secret", ADDRESS)
    body: dict[str, Any] = {"id_server": AT, "id_access_token": "t", "sid": "sid", "client_secret": "secret"}
    assert world.post("/account/3pid/bind", body, ALICE).status == 200
    servers.script("unbind", AT, Unreachable("no connection"))
    assert [(left.id_server, left.due_at is None) for left in erase(world)] == [(AT, False)]
    world.clock.advance(LATER)
    assert run_sync(retry_unbinds(world.homeserver)) == 1
    assert (erase(world), servers.published) == ([], {})
