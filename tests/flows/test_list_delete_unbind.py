"""Listing an account's addresses, deleting them, and unbinding where no identity server is wired."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import AccountThreepid, Medium, run_sync
from matrix_threepid.events import ThreepidRemoved
from matrix_threepid.testing import ALICE, BOB, World

from .acting import dump, give, refusal

DELETE, UNBIND = "/account/3pid/delete", "/account/3pid/unbind"
NO_SUPPORT = {"id_server_unbind_result": "no-support"}


def email(address: str, **more: Any) -> dict[str, Any]:
    return {"medium": "email", "address": address, **more}


@pytest.mark.rule("REQ-GET-1")
def test_the_list_holds_ones_own_addresses_in_full(world: World) -> None:
    """GET lists medium, address and both times in ms, of the caller's account only, in the order they were added."""
    for address in ("b@example.org", "a@example.org"):
        give(world, address, ALICE, "Spelling@example.org")
    give(world, "bob@example.org", BOB)
    listed = world.call("GET", "/account/3pid", user=ALICE).json()
    times = {"medium": "email", "validated_at": 1, "added_at": 2}
    assert listed == {"threepids": [{**times, "address": "b@example.org"}, {**times, "address": "a@example.org"}]}


@pytest.mark.parametrize("path", ["/account/3pid", DELETE, UNBIND])
def test_these_endpoints_need_a_user(world: World, path: str) -> None:
    """Without an access token, with a bad one, and for guests they are refused."""
    world.callers.kinds["@guest:hs"] = {"guest": True}
    method = "GET" if path == "/account/3pid" else "POST"
    answers = [refusal(world.call(method, path, {}, user)) for user in (None, "expired", "@guest:hs")]
    assert answers == [(401, "M_MISSING_TOKEN"), (401, "M_UNKNOWN_TOKEN"), (403, "M_GUEST_ACCESS_FORBIDDEN")]


@pytest.mark.rule("REQ-ADD-1", "REQ-DEL-1", "REQ-DEL-7", "REQ-DEL-8")
@pytest.mark.parametrize("typed", ["alice@example.org", "ALICE@Example.Org", " alice@example.org "])
def test_deleting_takes_any_spelling(world: World, typed: str) -> None:
    """An address is deleted by whatever spelling means it, without authentication; listeners hear of it."""
    give(world, "alice@example.org", ALICE)
    assert world.post(DELETE, email(typed), ALICE).json() == NO_SUPPORT
    assert world.threepids() == []
    assert [event.user_id for event in world.events.of(ThreepidRemoved)] == [ALICE]


@pytest.mark.rule("REQ-DEL-6")
@pytest.mark.parametrize(
    ("medium", "stored"),
    [("email", "Odd Spelling@localhost"), ("email", "STRASSE@example.org"), ("msisdn", "5215512345678")],
)
def test_what_older_software_stored_can_be_deleted(world: World, medium: str, stored: str) -> None:
    """An address that is no canonical form (any more) is found as it was stored."""
    held = AccountThreepid(medium=Medium(medium), address=stored, validated_at=1, added_at=2)
    run_sync(world.accounts.add(ALICE, held))
    assert world.post(DELETE, {"medium": medium, "address": stored}, ALICE).json() == NO_SUPPORT
    assert world.threepids() == []


@pytest.mark.rule("REQ-DEL-1", "SEC-23", "SEC-127")
def test_the_address_of_another_user_stays(world: World) -> None:
    """Deleting somebody else's address answers as for an unknown one, and removes nothing."""
    give(world)
    foreign, unknown = (world.post(DELETE, email(f"{name}@example.org"), ALICE) for name in ("bob", "nobody"))
    assert (foreign.status, foreign.body, foreign.headers) == (unknown.status, unknown.body, unknown.headers)
    assert foreign.json() == NO_SUPPORT
    assert world.threepids(BOB) == ["bob@example.org"]
    assert not world.events.of(ThreepidRemoved)


def test_a_deleted_address_resets_no_password(world: World) -> None:
    """Open password resets by an address end when it leaves the account."""
    give(world, "alice@example.org", ALICE)
    world.prove(purpose="password")
    world.post(DELETE, email("alice@example.org"), ALICE)
    assert all(session.over for session in dump(world))


def test_a_deleted_address_is_free(world: World) -> None:
    """After a deletion another user proves and adds the address."""
    world.add(world.prove())
    world.post(DELETE, email("alice@example.org"), ALICE)
    assert world.add(world.prove(secret="bobs", user=BOB), "bobs", BOB).status == 200


@pytest.mark.rule("REQ-CAPVER-1", "REQ-DEL-7", "REQ-GET-1")
def test_changes_can_be_disabled(make_world: Callable[..., World]) -> None:
    """With the capability off deleting answers M_FORBIDDEN; listing and unbinding work."""
    world = make_world({"changes_enabled": False})
    give(world, "alice@example.org", ALICE)
    assert refusal(world.post(DELETE, email("alice@example.org"), ALICE)) == (403, "M_FORBIDDEN")
    assert world.post(UNBIND, email("alice@example.org"), ALICE).json() == NO_SUPPORT
    assert world.threepids() == ["alice@example.org"]


@pytest.mark.rule("REQ-ADD-11")
def test_suspended_users_may_not_delete(world: World) -> None:
    """A suspended account keeps its addresses: M_USER_SUSPENDED."""
    give(world, "alice@example.org", ALICE)
    world.callers.kinds[ALICE] = {"suspended": True}
    assert refusal(world.post(DELETE, email("alice@example.org"), ALICE)) == (403, "M_USER_SUSPENDED")
    assert world.threepids() == ["alice@example.org"]


@pytest.mark.rule("SEC-49")
@pytest.mark.parametrize("path", [DELETE, UNBIND])
@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({}, "M_MISSING_PARAM"),
        ({"medium": "email"}, "M_MISSING_PARAM"),
        ({"address": "a@example.org"}, "M_MISSING_PARAM"),
        ({"medium": "Email", "address": "a@example.org"}, "M_INVALID_PARAM"),
        ({"medium": "phone", "address": "1"}, "M_INVALID_PARAM"),
        ({"medium": "", "address": "1"}, "M_INVALID_PARAM"),
        ({"medium": "email", "address": ["a@example.org"]}, "M_INVALID_PARAM"),
        ({"medium": "email", "address": "a" * 513}, "M_INVALID_PARAM"),
    ],
)
def test_what_names_no_identifier_is_refused(world: World, path: str, body: dict[str, Any], errcode: str) -> None:
    """Medium and address are needed, the medium is one of two exact words."""
    assert refusal(world.post(path, body, ALICE)) == (400, errcode)


@pytest.mark.rule("REQ-DEL-4", "REQ-DEL-5", "REQ-GEN-1", "REQ-IDS-1", "REQ-IDS-5")
@pytest.mark.parametrize("path", [DELETE, UNBIND])
@pytest.mark.parametrize("version", ["r0", "v3", "unstable"])
def test_without_identity_server_nothing_is_unbound(world: World, path: str, version: str) -> None:
    """While no identity server is wired the result is ``no-support``, with ``id_server`` or without."""
    for more in ({}, {"id_server": "is.example.org"}):
        answer = world.post(f"/_matrix/client/{version}{path}", email("nobody@example.org", **more), ALICE)
        assert (answer.status, answer.json()) == (200, NO_SUPPORT)


@pytest.mark.rule("REQ-UNBIND-9", "REQ-UNBIND-11")
def test_unbinding_leaves_the_account_alone(world: World) -> None:
    """Unbind never touches what is on the account."""
    give(world, "alice@example.org", ALICE)
    assert world.post(UNBIND, email("alice@example.org"), ALICE).json() == NO_SUPPORT
    assert world.threepids() == ["alice@example.org"]
