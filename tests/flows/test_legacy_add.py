"""``POST /account/3pid``: adding as clients before r0.6.0 do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid.testing import ALICE, BOB, PASSWORD, World

from .acting import HOUR, PURPOSES, give, proved_for, recorded, refusal

PATH = "/account/3pid"


def creds(sid: str, **more: Any) -> dict[str, Any]:
    return {"three_pid_creds": {"sid": sid, "client_secret": "secret", **more}}


@pytest.mark.rule("REQ-GEN-1", "REQ-IDS-2", "REQ-OLD-1", "REQ-OLD-2")
@pytest.mark.parametrize(
    "body",
    [
        creds,
        lambda sid: {"threePidCreds": creds(sid)["three_pid_creds"]},
        lambda sid: {"three_pid_creds": {"sid": sid, "clientSecret": "secret"}},
        lambda sid: creds(sid, id_server="is.example.org", id_access_token="token"),
        lambda sid: {**creds(sid), "bind": True},
        lambda sid: {**creds(sid), "bind": None},
    ],
)
@pytest.mark.parametrize("version", ["r0", "v3", "unstable"])
def test_every_old_spelling_adds_and_never_binds(world: World, version: str, body: Callable[[str], Any]) -> None:
    """Old and older member names are read, ``bind`` and identity servers are ignored, the answer is ``{}``."""
    answer = world.post(f"/_matrix/client/{version}{PATH}", body(world.prove()), ALICE)
    assert (answer.status, answer.json()) == (200, {})
    assert world.threepids() == ["alice@example.org"]


@pytest.mark.parametrize(
    "body", [{}, {"three_pid_creds": {}}, {"three_pid_creds": {"sid": "x"}}, {"threePidCreds": {"client_secret": "x"}}]
)
def test_missing_members_are_named(world: World, body: dict[str, Any]) -> None:
    """Without session or secret the answer is M_MISSING_PARAM."""
    assert refusal(world.post(PATH, body, ALICE)) == (400, "M_MISSING_PARAM")


def _unknown(world: World) -> str:
    return "nobody"


def _unvalidated(world: World) -> str:
    return str(world.ask().json()["sid"])


def _expired(world: World) -> str:
    sid = world.prove()
    world.clock.advance(HOUR)
    return sid


def _others(world: World) -> str:
    return world.prove(user=BOB)


def _used(world: World) -> str:
    sid = world.prove()
    world.post(PATH, creds(sid), ALICE)
    world.accounts.on.clear()
    return sid


@pytest.mark.rule("REQ-OLD-3")
@pytest.mark.parametrize("session", [_unknown, _unvalidated, _expired, _others, _used])
def test_what_proves_nothing_adds_nothing(world: World, session: Callable[[World], str]) -> None:
    """An unknown, unvalidated, expired, foreign or used session answers 403 M_THREEPID_AUTH_FAILED."""
    assert refusal(world.post(PATH, creds(session(world)), ALICE)) == (403, "M_THREEPID_AUTH_FAILED")
    assert not world.accounts.on


@pytest.mark.rule("REQ-OLD-3")
def test_an_address_never_moves(world: World) -> None:
    """An address that another account got meanwhile answers M_THREEPID_IN_USE and stays there."""
    sid = world.prove("bob@example.org")
    give(world)
    assert refusal(world.post(PATH, creds(sid), ALICE)) == (400, "M_THREEPID_IN_USE")
    assert world.threepids(BOB) == ["bob@example.org"]


def test_rules_are_asked_again(world: World) -> None:
    """An address denied after its validation answers M_THREEPID_DENIED."""
    sid = world.prove()
    world.rules.denied.add("alice@example.org")
    assert refusal(world.post(PATH, creds(sid), ALICE)) == (403, "M_THREEPID_DENIED")


@pytest.mark.rule("REQ-SESS-6", "SEC-2")
@pytest.mark.parametrize("purpose", PURPOSES)
def test_only_a_proof_to_add_adds(world: World, purpose: str) -> None:
    """A proof made for another purpose is refused, and stays what it was."""
    sid = proved_for(world, purpose, "new@example.org")
    answer = world.post(PATH, creds(sid), ALICE)
    if purpose == "add":
        assert answer.status == 200
    else:
        assert refusal(answer) == (403, "M_THREEPID_AUTH_FAILED")


def test_without_authentication_there_is_no_repetition(world: World) -> None:
    """A repeated request that carries no authentication is refused, since anybody could have sent it."""
    body = creds(world.prove())
    assert world.post(PATH, body, ALICE).status == 200
    assert refusal(world.post(PATH, body, ALICE)) == (403, "M_THREEPID_AUTH_FAILED")


@pytest.mark.rule("REQ-OLD-4")
def test_a_host_may_ask_for_authentication(make_world: Callable[..., World]) -> None:
    """With ``legacy_add="uia"`` the endpoint demands a password, and a lost answer can be asked for again."""
    world = make_world({"legacy_add": "uia"})
    body = creds(world.prove())
    first = world.post(PATH, body, ALICE)
    assert first.status == 401
    auth = {"type": "m.login.password", "password": PASSWORD, "session": first.json()["session"]}
    for _ in range(2):
        assert world.post(PATH, {**body, "auth": auth}, ALICE).json() == {}
    assert refusal(world.post(PATH, body, ALICE)) == (403, "M_THREEPID_AUTH_FAILED")
    assert world.threepids() == ["alice@example.org"]


@pytest.mark.rule("REQ-OLD-4")
def test_a_host_may_take_it_away(make_world: Callable[..., World]) -> None:
    """With ``legacy_add="off"`` the endpoint is unrecognized, whatever is posted."""
    world = make_world({"legacy_add": "off"})
    assert refusal(world.post(PATH, b"{", ALICE)) == (404, "M_UNRECOGNIZED")


@pytest.mark.parametrize("policy", [{}, {"legacy_add": "uia"}, {"legacy_add": "off"}])
@pytest.mark.parametrize("auth", [{}, {"auth": {"type": "m.login.password", "password": PASSWORD}}])
def test_oauth_users_have_no_such_endpoint(
    make_world: Callable[..., World], policy: dict[str, Any], auth: dict[str, Any]
) -> None:
    """As ``/add`` does, the endpoint refuses sessions of OAuth 2.0, whatever it asks of others; nothing is added."""
    world = make_world(policy)
    sid = world.prove()
    world.callers.kinds[ALICE] = {"oauth": True}
    assert refusal(world.post(PATH, {**creds(sid), **auth}, ALICE)) == (404, "M_UNRECOGNIZED")
    assert not world.accounts.on


@pytest.mark.rule("REQ-CAPVER-1")
def test_changes_can_be_disabled(make_world: Callable[..., World]) -> None:
    """With the capability off the endpoint answers M_FORBIDDEN, and listing still works."""
    world = make_world({"changes_enabled": False})
    assert refusal(world.post(PATH, creds("x"), ALICE)) == (403, "M_FORBIDDEN")
    assert world.threepids() == []


@pytest.mark.rule("REQ-ADD-1")
def test_no_identity_server_and_no_password_is_asked(world: World) -> None:
    """By default the old endpoint asks the host for no authentication."""
    sid = world.prove()
    trace = recorded(world)
    world.post(PATH, creds(sid), ALICE)
    assert "uia.require" not in trace
    assert "accounts.add" in trace
