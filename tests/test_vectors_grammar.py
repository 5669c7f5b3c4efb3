"""Grammars of ``client_secret``, ``sid``, ``token`` and ``send_attempt``: what is taken, and what answers 400."""

from __future__ import annotations

from typing import Any

import pytest
from data import cases, load, texts

from matrix_threepid.testing import ALICE, World

GRAMMAR = load("grammar")
WRONG = GRAMMAR["wrong types"]
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "requestToken": (
        "/account/3pid/email/requestToken",
        {"email": "bob@example.org", "client_secret": "s", "send_attempt": 1},
    ),
    "submit": (
        "/_matrix/client/unstable/threepid/email/submit_token",
        {"sid": "123abc", "client_secret": "s", "token": "t"},
    ),
    "add": ("/account/3pid/add", {"sid": "123abc", "client_secret": "s"}),
}
OPAQUE = [
    ("requestToken", "client_secret"),
    *((at, name) for at in ("submit", "add") for name in ("sid", "client_secret")),
]


def answer(world: World, at: str, member: str, value: Any) -> Any:
    path, body = BODIES[at]
    return world.post(path, {**body, member: value}, ALICE)


@pytest.mark.parametrize("value", **cases(texts(GRAMMAR["opaque"]["accepted"])))
@pytest.mark.parametrize(("at", "member"), OPAQUE)
def test_what_fits_is_taken(world: World, at: str, member: str, value: Any) -> None:
    """1 to 255 characters of ``0-9 a-z A-Z . = _ -`` are taken; a session that does not exist is another matter."""
    status = answer(world, at, member, value).status
    assert status == {"requestToken": 200, "submit": 404, "add": 403}[at]


@pytest.mark.rule("REQ-GEN-5")
@pytest.mark.parametrize("value", **cases({**texts(GRAMMAR["opaque"]["refused"]), **WRONG}))
@pytest.mark.parametrize(("at", "member"), OPAQUE)
def test_what_does_not_fit_is_refused(world: World, at: str, member: str, value: Any) -> None:
    """Other characters, lengths and types answer 400, a line end at the end included."""
    response = answer(world, at, member, value)
    assert (response.status, response.json()["errcode"]) == (400, "M_INVALID_PARAM")
    assert world.outbox.messages == []


@pytest.mark.rule("REQ-SUBMIT-4")
@pytest.mark.parametrize("value", **cases(texts(GRAMMAR["token"]["accepted"])))
def test_any_text_may_be_a_token(world: World, value: Any) -> None:
    """A token is 1 to 255 characters of any kind."""
    assert answer(world, "submit", "token", value).json()["errcode"] == "M_NO_VALID_SESSION"


@pytest.mark.parametrize("value", **cases({**texts(GRAMMAR["token"]["refused"]), **WRONG}))
def test_a_token_has_a_length(world: World, value: Any) -> None:
    """An empty token, one of more than 255 characters, or one that is no string answers 400."""
    assert answer(world, "submit", "token", value).json()["errcode"] == "M_INVALID_PARAM"


@pytest.mark.parametrize("value", **cases(GRAMMAR["send_attempt"]["accepted"]))
def test_an_attempt_is_a_whole_number(world: World, value: Any) -> None:
    """Any whole number up to 2^53-1 is an attempt, written as ``1.0`` too."""
    assert answer(world, "requestToken", "send_attempt", value).status == 200
    (session,) = world.homeserver.sessions.dump()  # type: ignore[attr-defined]
    assert (session.send_attempt, type(session.send_attempt)) == (value, int)


@pytest.mark.parametrize("value", **cases(GRAMMAR["send_attempt"]["refused"]))
def test_nothing_else_is_an_attempt(world: World, value: Any) -> None:
    """Fractions, larger numbers, booleans and strings of digits answer 400 and send nothing."""
    response = answer(world, "requestToken", "send_attempt", value)
    assert (response.status, response.json()["errcode"]) == (400, "M_INVALID_PARAM")
    assert world.outbox.messages == []


@pytest.mark.parametrize(("at", "member"), [(at, member) for at, (_, body) in BODIES.items() for member in body])
def test_a_missing_member_is_named(world: World, at: str, member: str) -> None:
    """A required member that is not there answers ``M_MISSING_PARAM`` and its name."""
    path, body = BODIES[at]
    response = world.post(path, {name: value for name, value in body.items() if name != member}, ALICE)
    assert (response.status, response.json()["errcode"]) == (400, "M_MISSING_PARAM")
    assert response.json()["error"] == f"{member}: is required"
