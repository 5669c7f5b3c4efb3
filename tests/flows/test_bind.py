"""Bind: publish an address at an identity server, and remember where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import Limit, run_sync
from matrix_threepid.deactivate import deactivate_threepids
from matrix_threepid.events import ThreepidBound
from matrix_threepid.flows.binding_access import bindings_of
from matrix_threepid.model.identity import Associated, ServerRefused, Unreachable
from matrix_threepid.model.threepid import Medium
from matrix_threepid.testing import ALICE, BOB, FakeIdentityServers, World

from .acting import give, limited, refusal

SERVER = "id.example.org"
CREDS = {"id_server": SERVER, "id_access_token": "token", "sid": "sid", "client_secret": "secret"}
BIND = "/account/3pid/bind"
PATHS = (BIND, "/account/3pid/identity/bind")


@pytest.fixture
def make_bound(make_world: Callable[..., World]) -> Callable[..., World]:
    """Return a function that makes a world in which alice has proved an address at an identity server."""

    def make(policy: Any = None) -> World:
        world = make_world(policy, identity=FakeIdentityServers())
        servers(world).prove(SERVER, "sid", "secret", "Alice@example.org")
        return world

    return make


@pytest.fixture
def bound(make_bound: Callable[..., World]) -> World:
    """Such a world with the default policy."""
    return make_bound()


def servers(world: World) -> FakeIdentityServers:
    known: Any = world.homeserver.identity
    return known


def remembered(world: World, user: str = ALICE) -> list[tuple[str, bool]]:
    """Return where a user's addresses may be bound, and whether that was confirmed."""
    return [(row.id_server, row.bound_at is not None) for row in run_sync(bindings_of(world.homeserver, user))]


@pytest.mark.rule("REQ-BIND-4", "REQ-BIND-7", "REQ-BIND-8")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("member", [None, "three_pid_creds", "threePidCreds"])
def test_every_shape_is_taken_on_every_path(bound: World, path: str, member: str | None) -> None:
    """Both paths take the members at the top and inside the draft's object, and answer ``{}`` only."""
    answered = bound.post(path, {member: CREDS} if member else CREDS, ALICE)
    assert (answered.status, answered.json()) == (200, {})
    assert servers(bound).published == {(SERVER, Medium.EMAIL, "Alice@example.org"): ALICE}
    assert remembered(bound) == [(SERVER, True)]
    assert [event.id_server for event in bound.events.of(ThreepidBound)] == [SERVER]


@pytest.mark.rule("REQ-BIND-9")
@pytest.mark.parametrize("name", CREDS)
@pytest.mark.parametrize("path", PATHS)
def test_all_four_members_are_needed(bound: World, path: str, name: str) -> None:
    """A missing member is named, and no server is asked."""
    body = {key: value for key, value in CREDS.items() if key != name}
    refused = bound.post(path, body, ALICE)
    assert refusal(refused) == (400, "M_MISSING_PARAM")
    assert (name in refused.json()["error"], servers(bound).calls) == (True, [])


@pytest.mark.rule("REQ-BIND-2")
def test_the_account_is_neither_asked_nor_changed(bound: World) -> None:
    """An address that is on another account is published, and is on no other account afterwards."""
    give(bound, "alice@example.org", BOB)
    assert bound.post(BIND, CREDS, ALICE).status == 200
    assert (bound.threepids(ALICE), bound.threepids(BOB)) == ([], ["alice@example.org"])


@pytest.mark.rule("REQ-BIND-1")
def test_nobody_binds_for_others(bound: World) -> None:
    """Whom an address is published for, the access token says; a member that names somebody has no effect."""
    assert bound.post(BIND, {**CREDS, "mxid": BOB}, ALICE).status == 200
    assert set(servers(bound).published.values()) == {ALICE}


@pytest.mark.rule("REQ-BIND-5", "SEC-29")
@pytest.mark.parametrize(
    ("medium", "address", "mxid"),
    [
        (Medium.EMAIL, "Alice@example.org", BOB),
        (Medium.EMAIL, "bob@example.org", ALICE),
        (Medium.MSISDN, "447700900001", ALICE),
        (Medium.EMAIL, "no address", ALICE),
    ],
)
@pytest.mark.answers_5xx(502)
def test_an_answer_about_somebody_else_confirms_nothing(bound: World, medium: Medium, address: str, mxid: str) -> None:
    """A success for another user or address is an outage; what was asked for stays known as what may be bound."""
    servers(bound).script("bind", SERVER, Associated(medium, address, mxid))
    assert refusal(bound.post(BIND, CREDS, ALICE)) == (502, "M_UNKNOWN")
    assert (remembered(bound), remembered(bound, BOB)) == ([(SERVER, False)], [])


@pytest.mark.rule("REQ-BIND-3")
@pytest.mark.parametrize("call", ["proved", "bind"])
def test_a_refusal_is_told_and_nothing_remembered(bound: World, call: str) -> None:
    """Terms that are not accepted reach the client as they are."""
    servers(bound).script(call, SERVER, ServerRefused(403, "M_TERMS_NOT_SIGNED", "Read them first"))
    assert refusal(bound.post(BIND, CREDS, ALICE)) == (403, "M_TERMS_NOT_SIGNED")
    assert remembered(bound) == []


@pytest.mark.rule("SEC-122")
@pytest.mark.answers_5xx(502, 504)
@pytest.mark.parametrize(
    ("answer", "status"),
    [(Unreachable("slow", timeout=True), 504), (ServerRefused(502, "M_UNKNOWN", "Later", outage=True), 502)],
    ids=["silent", "an outage that says so"],
)
def test_a_lost_answer_leaves_what_may_be_bound(bound: World, answer: Any, status: int) -> None:
    """When nobody knows whether it was done, the binding is known, and leaving takes it back."""
    servers(bound).script("bind", SERVER, answer, carried_out=True)
    assert refusal(bound.post(BIND, CREDS, ALICE)) == (status, "M_UNKNOWN")
    assert remembered(bound) == [(SERVER, False)]
    unbound = bound.post("/account/3pid/unbind", {"medium": "email", "address": "alice@example.org"}, ALICE)
    assert unbound.json() == {"id_server_unbind_result": "success"}
    assert (remembered(bound), servers(bound).published) == ([], {})


@pytest.mark.rule("REQ-BIND-6")
def test_binds_are_limited_per_user(make_bound: Callable[..., World]) -> None:
    """Binds have a limit of their own for each user."""
    world = make_bound(limited(bindings=Limit(1, 0.001)))
    assert world.post(BIND, CREDS, ALICE).status == 200
    assert refusal(world.post(BIND, CREDS, ALICE)) == (429, "M_LIMIT_EXCEEDED")


def test_the_list_shows_what_is_to_go(bound: World) -> None:
    """While an identity server is away, its binding is listed as unwanted, with the time of the next try."""
    assert bound.post(BIND, CREDS, ALICE).status == 200
    servers(bound).script("unbind", SERVER, Unreachable("away"))
    bound.post("/account/3pid/delete", {"medium": "email", "address": "alice@example.org"}, ALICE)
    (row,) = run_sync(bindings_of(bound.homeserver, ALICE))
    assert (row.unwanted_since, (row.due_at or 0) > bound.clock()) == (bound.clock(), True)


@pytest.mark.rule("REQ-DEACT-5", "REQ-DEACT-6")
@pytest.mark.parametrize(("named", "asked"), [(SERVER, [SERVER]), ("other.example", [SERVER, "other.example"])])
def test_leaving_asks_each_server_once(bound: World, named: str, asked: list[str]) -> None:
    """A server named at a deactivation is asked beside those remembered, and nobody twice for one address."""
    give(bound, "alice@example.org", ALICE)
    assert bound.post(BIND, CREDS, ALICE).status == 200
    assert run_sync(deactivate_threepids(bound.homeserver, ALICE, named)) == "success"
    assert [server for call, server in servers(bound).calls if call == "unbind"] == asked
