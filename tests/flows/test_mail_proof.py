"""Mails with a link, a code or both (``Policy.mail_proof``)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from matrix_threepid import run_sync
from matrix_threepid.events import ThreepidValidated, WrongToken
from matrix_threepid.senders.smtp.words import words_for
from matrix_threepid.testing import World
from matrix_threepid.texts.catalogue import Texts

from .acting import MINUTE, PURPOSES, SUBMIT, ask_for, deliver, dump, refusal, submit
from .test_codes import wrong

INCORRECT = (400, "M_TOKEN_INCORRECT")


@pytest.fixture
def both(make_world: Callable[..., World]) -> World:
    """A world whose mails hold a link and a code."""
    return make_world({"mail_proof": "both"})


def told(world: World, purpose: str = "add", attempt: int = 1) -> tuple[str, str, str]:
    """Ask; return session, token of the link, and code."""
    sid = ask_for(world, purpose, attempt=attempt).json()["sid"]
    message = world.outbox.last
    return sid, str(message.link).rpartition("token=")[2], str(message.code)


def pages(world: World, sid: str, token: str) -> int:
    """Return the status of the link's page."""
    return world.call("GET", SUBMIT, query=f"sid={sid}&token={token}").status


@pytest.mark.rule("REQ-SUBMIT-9", "REQ-SUBMIT-10")
@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize(("proof", "link", "code"), [("link", 1, 0), ("code", 0, 1), ("both", 1, 1)])
def test_each_purpose_has_what_the_policy_says(
    make_world: Callable[..., World], purpose: str, proof: str, link: int, code: int
) -> None:
    """A mail holds link, code or both for every purpose, and a ``submit_url`` comes with a code."""
    world = make_world({"mail_proof": proof})
    answer = ask_for(world, purpose).json()
    message = world.outbox.last
    assert (bool(message.link), bool(message.code), "submit_url" in answer) == (link, code, code)


def test_a_reset_may_have_another_proof(make_world: Callable[..., World]) -> None:
    """``password_reset_by`` says for resets what ``mail_proof`` says for all."""
    world = make_world({"mail_proof": "both", "password_reset_by": "link"})
    assert "submit_url" not in ask_for(world, "password").json()
    assert world.outbox.last.code is None


@pytest.mark.rule("REQ-SUBMIT-10")
@pytest.mark.parametrize("way", ["code", "button", "link as JSON"])
def test_either_proves_and_ends_both(both: World, way: str) -> None:
    """The first of the two that is used validates, once; the page of the link then says that it was used."""
    sid, token, code = told(both)
    if way == "button":
        assert both.confirm().status == 303
    else:
        assert submit(both, sid, code if way == "code" else token).json() == {"success": True}
    first = dump(both)[0].validated_at
    both.clock.advance(MINUTE)
    assert "Already confirmed" in both.call("GET", SUBMIT, query=f"sid={sid}&token={token}").body.decode()
    both.confirm()
    submit(both, sid, code)
    assert dump(both)[0].validated_at == first
    assert len(both.events.of(ThreepidValidated)) == 1
    assert both.events.of(WrongToken) == []


@pytest.mark.rule("REQ-SUBMIT-10", "SEC-24")
def test_a_burnt_code_leaves_the_link(both: World) -> None:
    """Five wrong codes end the code, not the session: more of them are wrong as well, and the link still proves."""
    sid, token, code = told(both)
    answers = [refusal(submit(both, sid, wrong(code))) for _ in range(5)]
    assert {*answers, refusal(submit(both, sid, code))} == {INCORRECT}
    assert dump(both)[0].validated_at is None
    assert pages(both, sid, token) == 200
    assert both.confirm().status == 303
    assert dump(both)[0].validated_at is not None


@pytest.mark.rule("REQ-SUBMIT-10", "SEC-115")
def test_a_code_ends_before_its_link(both: World) -> None:
    """A code lives ten minutes and its link an hour, as the mail says; the next mail has a new code, and that link."""
    sid, token, code = told(both)
    words = words_for(Texts(), both.outbox.last, "hs.example.org")
    assert words.valid == ["The link works for 60 minutes.", "The code works for 10 minutes."]
    both.clock.advance(10 * MINUTE)
    assert refusal(submit(both, sid, code)) == INCORRECT
    assert pages(both, sid, token) == 200
    again, same, second = told(both, attempt=2)
    assert (again, same, second != code) == (sid, token, True)
    assert submit(both, sid, second).json() == {"success": True}


@pytest.mark.rule("REQ-SUBMIT-10", "SEC-24")
def test_an_address_without_guesses_keeps_its_link(both: World) -> None:
    """A stranger who uses up the guesses of an address keeps nobody from the link, as JSON or as a page."""
    for count in range(5):
        sid, _, code = told(both, attempt=count + 1)
        for _ in range(5):
            submit(both, sid, wrong(code), client=f"192.0.2.{count}")
    sid, token, code = told(both, attempt=9)
    assert refusal(submit(both, sid, code)) == (429, "M_LIMIT_EXCEEDED")
    assert submit(both, sid, token).json() == {"success": True}


@pytest.mark.rule("SEC-24")
def test_no_page_takes_a_code(both: World) -> None:
    """The page of a link counts no guesses, so it takes no code."""
    sid, _, code = told(both)
    assert pages(both, sid, code) == 400
    assert both.confirm(token=code).status == 400
    assert dump(both)[0].validated_at is None


def test_deferred_mails_hold_both(make_world: Callable[..., World]) -> None:
    """A worker sends the same link and code that a request would."""
    world = make_world({"mail_proof": "both", "hide_known_addresses": True})
    sid = world.ask("new@example.org").json()["sid"]
    assert deliver(world) == 1
    assert submit(world, sid, world.outbox.last.code).json() == {"success": True}
    assert run_sync(world.homeserver.sessions.get(sid)).validated_at is not None  # type: ignore[union-attr]
