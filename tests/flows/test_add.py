"""Putting a proved address on an account with ``/account/3pid/add``."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_threepid import run_sync
from matrix_threepid.events import ThreepidAdded
from matrix_threepid.testing import ALICE, World

from .acting import ADD, AUTH_FAILED, MINUTE, finished, refusal


def test_add_needs_a_user(world: World) -> None:
    """Without an access token, with a bad one, and for guests, /add is refused."""
    world.callers.kinds["@guest:hs"] = {"guest": True}
    body = {"sid": world.prove(), "client_secret": "secret"}
    refusals = [refusal(world.post(ADD, body, user)) for user in (None, "expired", "@guest:hs")]
    assert refusals == [(401, "M_MISSING_TOKEN"), (401, "M_UNKNOWN_TOKEN"), (403, "M_GUEST_ACCESS_FORBIDDEN")]


@pytest.mark.rule("REQ-ADD-1", "REQ-ADD-2")
def test_add_asks_for_authentication_first(world: World) -> None:
    """A request without ``auth`` meets a 401 with flows, and nothing is added."""
    sid = world.prove()
    answer = world.post(ADD, {"sid": sid, "client_secret": "secret"}, ALICE)
    assert answer.status == 401
    assert {"flows", "session", "params"} <= set(answer.json())
    assert not world.accounts.on


@pytest.mark.rule("REQ-ADD-3")
def test_add_puts_the_proved_address_on_the_account(world: World) -> None:
    """After authentication the canonical address is on the account, with the time of its validation."""
    sid = world.prove("Alice@Example.org")
    validated = world.clock.now
    world.clock.advance(MINUTE)
    assert world.add(sid).json() == {}
    [listed] = world.call("GET", "/account/3pid", user=ALICE).json()["threepids"]
    assert listed == {
        "medium": "email",
        "address": "alice@example.org",
        "validated_at": validated,
        "added_at": validated + MINUTE,
    }
    assert [event.user_id for event in world.events.of(ThreepidAdded)] == [ALICE]


@pytest.mark.rule("REQ-ADD-8", "SEC-55")
def test_rules_are_asked_again_when_adding(world: World) -> None:
    """An address denied after its validation answers M_THREEPID_DENIED, and the session is dead for good."""
    body = finished(world, world.prove())
    world.rules.denied.add("alice@example.org")
    assert refusal(world.post(ADD, body, ALICE)) == (403, "M_THREEPID_DENIED")
    world.rules.denied.clear()
    assert refusal(world.post(ADD, body, ALICE)) == AUTH_FAILED
    assert not world.accounts.on


@pytest.mark.rule("REQ-ADD-8", "REQ-CAPVER-1")
def test_changes_can_be_disabled(world: World) -> None:
    """With the capability off, /add answers M_FORBIDDEN even for a good session."""
    sid = world.prove()
    world.rewire(policy=_with(world, changes_enabled=False))
    assert refusal(world.add(sid)) == (403, "M_FORBIDDEN")


def _with(world: World, **changes: Any) -> Any:
    from attrs import evolve

    return evolve(world.homeserver.policy, **changes)


@pytest.mark.rule("REQ-ADD-10")
def test_oauth_users_have_no_such_endpoint(world: World) -> None:
    """A token of an OAuth session cannot authenticate interactively: the endpoint is not there for it."""
    sid = world.prove()
    world.callers.kinds[ALICE] = {"oauth": True}
    assert refusal(world.add(sid)) == (404, "M_UNRECOGNIZED")


@pytest.mark.rule("REQ-ADD-11")
def test_suspended_users_may_add(world: World) -> None:
    """A suspended account can still add an address."""
    world.callers.kinds[ALICE] = {"suspended": True}
    assert world.add(world.prove()).status == 200


@pytest.mark.rule("REQ-EMAIL-8")
def test_the_spelling_proved_is_the_one_kept(world: World) -> None:
    """Mail goes to the local part as typed and the domain as A-label; the account keeps that, too."""
    sid = world.prove("Ali.Ce@EXÄMPLE.org")
    assert world.outbox.last.recipient == "Ali.Ce@xn--exmple-cua.org"
    world.add(sid)
    [(_, held)] = world.accounts.on
    assert (held.address, held.spelling) == ("ali.ce@exämple.org", "Ali.Ce@xn--exmple-cua.org")
    assert run_sync(world.accounts.owner(held.threepid)) is not None
