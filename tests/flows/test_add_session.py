"""Which sessions let an address be added, for how long, and to whom."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from matrix_threepid.events import ThreepidAdded
from matrix_threepid.testing import ALICE, BOB, World

from .acting import ADD, AUTH_FAILED, DAY, HOUR, MINUTE, dump, finished, give, proved_for, recorded, refusal


def _unknown(world: World) -> str:
    return "nobody"


def _unvalidated(world: World) -> str:
    return str(world.ask().json()["sid"])


def _disowned(world: World) -> str:
    sid = world.prove()
    world.confirm(answer="refuse")
    return sid


def _another_users(world: World) -> str:
    return world.prove(user=BOB)


def _expired(world: World) -> str:
    sid = world.prove()
    world.clock.advance(HOUR)
    return sid


@pytest.mark.rule("REQ-ADD-5", "REQ-ADD-9", "SEC-1")
@pytest.mark.parametrize("session", [_unknown, _unvalidated, _disowned, _another_users, _expired])
def test_no_password_is_asked_in_vain(world: World, session: Callable[[World], str]) -> None:
    """A session that cannot serve is refused before authentication begins."""
    sid = session(world)
    trace = recorded(world)
    assert refusal(world.add(sid)) == AUTH_FAILED
    assert "uia.require" not in trace
    assert not world.accounts.on


@pytest.mark.rule("REQ-SESS-8")
def test_the_secret_must_be_the_sessions(world: World) -> None:
    """A wrong client secret and an unknown session answer the very same."""
    sid = world.prove()
    answers = [world.add(sid, "other"), world.add("nobody")]
    assert [refusal(answer) for answer in answers] == [AUTH_FAILED] * 2
    assert answers[0].body == answers[1].body


@pytest.mark.rule("REQ-SESS-6", "SEC-2")
@pytest.mark.parametrize("purpose", ["register", "password"])
def test_a_session_of_another_purpose_adds_nothing(world: World, purpose: str) -> None:
    """A proof made to register or to reset a password cannot be used to add, and is not used up by trying."""
    sid = proved_for(world, purpose)
    before = dump(world)
    assert refusal(world.add(sid)) == AUTH_FAILED
    assert dump(world) == before


@pytest.mark.rule("SEC-3", "SEC-115")
@pytest.mark.parametrize(("age", "ok"), [(HOUR - 1, True), (HOUR, False)])
def test_a_proof_is_good_for_an_hour(world: World, age: int, ok: bool) -> None:
    """One hour after its validation, to the millisecond, a session adds nothing any more."""
    sid = world.prove()
    world.clock.advance(age)
    assert (world.add(sid).status == 200) is ok


@pytest.mark.rule("REQ-SESS-2", "SEC-115")
def test_a_proof_is_good_for_a_day_in_all(world: World) -> None:
    """24 hours after it was opened a session is over, even if it was validated a moment ago."""
    sid = world.ask().json()["sid"]
    world.clock.advance(DAY - HOUR // 2)
    world.ask(attempt=2)
    world.confirm()
    world.clock.advance(HOUR // 2 - 1)
    assert world.post(ADD, {"sid": sid, "client_secret": "secret"}, ALICE).status == 401
    world.clock.advance(1)
    assert refusal(world.add(sid)) == AUTH_FAILED


@pytest.mark.rule("SEC-3")
def test_asking_again_does_not_prolong_a_proof(world: World) -> None:
    """A later requestToken of the same session leaves the hour after validation as it was."""
    sid = world.prove()
    world.clock.advance(HOUR - 1)
    assert world.ask(attempt=2).json()["sid"] == sid
    world.clock.advance(1)
    assert refusal(world.add(sid)) == AUTH_FAILED


@pytest.mark.rule("SEC-2")
def test_a_session_opened_with_a_token_is_that_users(world: World) -> None:
    """If requestToken carried an access token, nobody but that user redeems the session."""
    sid = world.prove(user=ALICE)
    assert refusal(world.add(sid, user=BOB)) == AUTH_FAILED
    assert world.add(sid, user=ALICE).status == 200


@pytest.mark.rule("SEC-4")
def test_a_lost_answer_can_be_asked_for_again(world: World) -> None:
    """The same body with its finished authentication answers 200 for ten minutes, without a second effect."""
    body = finished(world, world.prove())
    assert world.post(ADD, body, ALICE).status == 200
    held = list(world.accounts.on)
    world.clock.advance(10 * MINUTE - 1)
    assert world.post(ADD, body, ALICE).json() == {}
    assert world.accounts.on == held
    assert len(world.events.of(ThreepidAdded)) == 1
    world.clock.advance(1)
    assert refusal(world.post(ADD, body, ALICE)) == AUTH_FAILED


@pytest.mark.rule("REQ-SESS-5", "SEC-4")
def test_a_used_session_serves_nobody_else(world: World) -> None:
    """After it was added, the session is refused to others, to requests without ``auth``, and after a deletion."""
    sid = world.prove()
    body = finished(world, sid)
    world.post(ADD, body, ALICE)
    assert refusal(world.post(ADD, {"sid": sid, "client_secret": "secret"}, ALICE)) == AUTH_FAILED
    assert refusal(world.post(ADD, body, BOB)) == AUTH_FAILED
    world.post("/account/3pid/delete", {"medium": "email", "address": "alice@example.org"}, ALICE)
    assert refusal(world.post(ADD, body, ALICE)) == AUTH_FAILED
    assert not world.accounts.on


@pytest.mark.rule("SEC-42")
def test_authentication_is_for_this_request_only(world: World) -> None:
    """A finished authentication for one session does not add another, nor for another user."""
    first, second = world.prove("a@example.org"), world.prove("b@example.org")
    body = finished(world, first)
    assert world.post(ADD, {**body, "sid": second}, ALICE).status == 401
    assert world.post(ADD, body, BOB).status == 401
    assert not world.accounts.on


def test_a_proof_from_before_an_account_existed_is_worth_nothing(world: World) -> None:
    """Who proved an address before its owner signed up cannot use that proof against the account later."""
    sid = world.prove("bob@example.org", user=ALICE)
    world.clock.advance(30 * DAY)
    give(world, "bob@example.org", BOB)
    assert refusal(world.add(sid)) == AUTH_FAILED
    assert world.threepids(BOB) == ["bob@example.org"]
