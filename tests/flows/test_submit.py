"""Tokens that clients post: right ones, wrong ones, late ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import Medium
from matrix_threepid.events import ThreepidValidated
from matrix_threepid.testing import Outbox, World

from .acting import DAY, HOUR, MINUTE, SUBMIT, dump, refusal, submit, token_of
from .together import Turns, waiting


@pytest.mark.rule("REQ-SUBMIT-1")
def test_the_right_token_validates(world: World) -> None:
    """Session, secret and token together answer ``{"success": true}`` without an access token."""
    sid = world.ask().json()["sid"]
    answer = submit(world, sid, token_of(world.outbox.last))
    assert (answer.status, answer.json()) == (200, {"success": True})
    assert dump(world)[0].validated_at == world.clock.now
    assert len(world.events.of(ThreepidValidated)) == 1


@pytest.mark.rule("REQ-SESS-4", "REQ-SUBMIT-5")
def test_validation_keeps_its_first_time(world: World) -> None:
    """Submitting again succeeds and does not move ``validated_at``; a wrong token then changes nothing."""
    sid = world.ask().json()["sid"]
    token = token_of(world.outbox.last)
    submit(world, sid, token)
    before = dump(world)
    world.clock.advance(MINUTE)
    assert submit(world, sid, token).json() == {"success": True}
    assert refusal(submit(world, sid, token + "x")) == (400, "M_TOKEN_INCORRECT")
    assert dump(world) == before


@pytest.mark.rule("REQ-SUBMIT-6")
def test_next_link_means_nothing_to_a_client(world: World) -> None:
    """A JSON submit answers JSON, wherever the link would have led."""
    sid = world.ask(body={"next_link": "https://app.example.org/"}).json()["sid"]
    body = {
        "sid": sid,
        "client_secret": "secret",
        "token": token_of(world.outbox.last),
        "next_link": "https://x.example",
    }
    answer = world.post(SUBMIT, body)
    assert (answer.status, answer.header("Location")) == (200, None)


@pytest.mark.rule("REQ-SUBMIT-2", "REQ-SUBMIT-4", "SEC-10")
@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        (lambda token: token[:-1], "M_TOKEN_INCORRECT"),
        (lambda token: token + "a", "M_TOKEN_INCORRECT"),
        (lambda token: token.swapcase(), "M_TOKEN_INCORRECT"),
        (lambda token: "%41" + token[1:], "M_TOKEN_INCORRECT"),
        (lambda token: token + "\x00", "M_TOKEN_INCORRECT"),
        (lambda _: "\u00e9", "M_TOKEN_INCORRECT"),
        (lambda _: " ", "M_TOKEN_INCORRECT"),
        (lambda _: "x" * 255, "M_TOKEN_INCORRECT"),
        (lambda _: "", "M_INVALID_PARAM"),
        (lambda _: "x" * 256, "M_INVALID_PARAM"),
        (lambda _: None, "M_INVALID_PARAM"),
        (lambda token: [token], "M_INVALID_PARAM"),
        (lambda token: {"$ne": token}, "M_INVALID_PARAM"),
        (lambda _: 0, "M_INVALID_PARAM"),
    ],
)
def test_nothing_but_the_whole_token_fits(world: World, change: Callable[[str], Any], errcode: str) -> None:
    """A blank, cut, padded, re-cased or differently typed token validates nothing."""
    sid = world.ask().json()["sid"]
    assert refusal(submit(world, sid, change(token_of(world.outbox.last)))) == (400, errcode)
    assert dump(world)[0].validated_at is None


@pytest.mark.rule("SEC-10")
@pytest.mark.parametrize("member", ["sid", "client_secret", "token"])
def test_all_three_members_are_needed(world: World, member: str) -> None:
    """A submit without session, secret or token answers M_MISSING_PARAM."""
    body = {"sid": "s", "client_secret": "c", "token": "t"}
    del body[member]
    assert refusal(world.post(SUBMIT, body)) == (400, "M_MISSING_PARAM")


@pytest.mark.rule("REQ-SESS-8", "REQ-SUBMIT-3", "SEC-114")
def test_unknown_sessions_and_wrong_secrets_look_alike(world: World) -> None:
    """A session that does not exist and a secret that does not fit answer the very same 404."""
    sid = world.ask().json()["sid"]
    token = token_of(world.outbox.last)
    unknown, other = submit(world, "nobody", token), submit(world, sid, token, secret="other")
    assert refusal(unknown) == (404, "M_NO_VALID_SESSION")
    assert (unknown.body, unknown.headers) == (other.body, other.headers)


@pytest.mark.rule("SEC-8")
def test_the_token_of_another_session_is_wrong(world: World) -> None:
    """A token validates the session it was made for, even where the same person asked for both."""
    world.ask("a@example.org")
    sid = world.ask("b@example.org").json()["sid"]
    assert refusal(submit(world, sid, token_of(world.outbox.messages[0]))) == (400, "M_TOKEN_INCORRECT")


@pytest.mark.rule("REQ-SESS-3", "REQ-SUBMIT-2")
@pytest.mark.parametrize(("age", "status"), [(HOUR - 1, 200), (HOUR, 400)])
def test_a_token_expires_to_the_millisecond(world: World, age: int, status: int) -> None:
    """The token of a mail is refused as expired from one hour after it was sent."""
    sid = world.ask().json()["sid"]
    world.clock.advance(age)
    answer = submit(world, sid, token_of(world.outbox.last))
    assert answer.status == status
    assert status == 200 or refusal(answer) == (400, "M_SESSION_EXPIRED")


@pytest.mark.rule("REQ-SESS-2")
def test_asking_again_does_not_prolong_a_session(world: World) -> None:
    """24 hours after it was opened a session is over, however late the last mail was."""
    sid = world.ask().json()["sid"]
    world.clock.advance(DAY - HOUR // 2)
    assert world.ask(attempt=2).json()["sid"] == sid
    world.clock.advance(HOUR // 2)
    assert refusal(submit(world, sid, token_of(world.outbox.last))) == (400, "M_SESSION_EXPIRED")
    assert world.ask().json()["sid"] != sid


@pytest.mark.rule("SEC-108")
def test_a_clock_set_back_revives_nothing(world: World) -> None:
    """A clock that jumps back before the session was opened makes it unusable, not young."""
    sid = world.ask().json()["sid"]
    world.clock.advance(-HOUR)
    assert refusal(submit(world, sid, token_of(world.outbox.last))) == (400, "M_SESSION_EXPIRED")


@pytest.mark.rule("SEC-49")
def test_a_phone_session_is_no_mail_session(make_world: Callable[..., World]) -> None:
    """A session is submitted where its medium is, and nowhere else."""
    world = make_world(senders={Medium.EMAIL: Outbox(), Medium.MSISDN: Outbox()})
    sid = world.ask().json()["sid"]
    body = {"sid": sid, "client_secret": "secret", "token": "x"}
    assert refusal(world.post(SUBMIT.replace("email", "msisdn"), body)) == (404, "M_NO_VALID_SESSION")


@pytest.mark.rule("SEC-106")
@pytest.mark.parametrize("seed", range(20))
def test_parallel_submits_validate_once(world: World, seed: int) -> None:
    """However parallel submits take turns while time goes on, one of them writes the time of validation."""
    sid, turns = world.ask().json()["sid"], Turns()
    body = {"sid": sid, "client_secret": "secret", "token": token_of(world.outbox.last)}
    [before] = dump(world)

    async def tick() -> None:
        world.clock.advance(1)
        await turns.pause()

    waiting(world, tick)
    answers = turns.run(seed, *(world.acall("POST", SUBMIT, body) for _ in range(4)))
    assert [answer.json() for answer in answers] == [{"success": True}] * 4
    assert dump(world)[0].revision == before.revision + 1
