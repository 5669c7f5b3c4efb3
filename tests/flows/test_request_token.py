"""Asking for a mail: who gets one, who does not, and what is checked before."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import Medium, Purpose
from matrix_threepid.testing import ALICE, BOB, World

from .acting import BODY, PATHS, PURPOSES, ask_for, dump, give, refusal


@pytest.mark.rule("REQ-GEN-1", "SEC-9")
@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("version", ["r0", "v3", "unstable"])
def test_every_version_of_a_path_behaves_alike(world: World, purpose: str, version: str) -> None:
    """The three requestTokens live under r0, v3 and unstable, and answer nothing but a session id."""
    if purpose == "password":
        give(world, "alice@example.org")
    answer = world.post(f"/_matrix/client/{version}{PATHS[purpose]}/email/requestToken", BODY)
    assert answer.status == 200
    assert set(answer.json()) == {"sid"}
    assert [message.purpose.value for message in world.outbox.messages] == [purpose]


@pytest.mark.rule("REQ-REQTOK-1", "REQ-REQTOK-10")
@pytest.mark.parametrize("purpose", ["add", "register"])
@pytest.mark.parametrize("user", [None, ALICE, BOB])
def test_an_address_in_use_is_refused(world: World, purpose: str, user: str | None) -> None:
    """An address on any local account, the caller's own included, answers M_THREEPID_IN_USE."""
    give(world)
    assert refusal(world.ask("Bob@EXAMPLE.org", purpose=purpose, user=user)) == (400, "M_THREEPID_IN_USE")
    assert not world.outbox.messages


@pytest.mark.rule("REQ-REQTOK-2")
def test_a_reset_needs_an_address_that_is_on_an_account(world: World) -> None:
    """A password reset for an unknown address answers M_THREEPID_NOT_FOUND; for a known one it mails."""
    assert refusal(world.ask(purpose="password")) == (400, "M_THREEPID_NOT_FOUND")
    give(world, "alice@example.org")
    assert world.ask(purpose="password").status == 200


@pytest.mark.rule("REQ-IDS-1", "REQ-IDS-2", "REQ-IDS-4", "REQ-IDS-6", "REQ-REQTOK-5", "SEC-41")
@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("extra", [{}, {"id_server": "is.example.org"}, {"id_server": "x", "id_access_token": "tok"}])
def test_an_identity_server_is_neither_needed_nor_heeded(world: World, purpose: str, extra: dict[str, str]) -> None:
    """``id_server`` is optional and ignored, with or without an ``id_access_token``."""
    assert ask_for(world, purpose, body=extra).status == 200
    assert len(world.outbox.messages) == 1


@pytest.mark.rule("REQ-IDS-3", "SEC-41")
@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_strict_host_refuses_identity_servers(make_world: Callable[..., World], purpose: str) -> None:
    """With ``identity_server_hint="refuse"`` a named identity server answers M_SERVER_NOT_TRUSTED, and none is fine."""
    world = make_world({"identity_server_hint": "refuse"})
    answer = ask_for(world, purpose, body={"id_server": "is.example.org"})
    assert refusal(answer) == (400, "M_SERVER_NOT_TRUSTED")
    assert world.ask(purpose=purpose).status == 200


@pytest.mark.rule("REQ-REQTOK-6")
@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_medium_without_a_sender_is_named_as_such(make_world: Callable[..., World], purpose: str) -> None:
    """Without a sender both media answer M_THREEPID_MEDIUM_NOT_SUPPORTED, before the body is looked at."""
    world = make_world(senders={})
    for medium in Medium:
        answer = world.post(f"{PATHS[purpose]}/{medium.value}/requestToken", b"no json")
        assert refusal(answer) == (400, "M_THREEPID_MEDIUM_NOT_SUPPORTED")


@pytest.mark.rule("REQ-REQTOK-9")
def test_asking_changes_no_account(world: World) -> None:
    """Asking leaves accounts alone; the session records its purpose, and the user only if a token named one."""
    for purpose, user in (("add", ALICE), ("add", None), ("register", ALICE)):
        world.ask(purpose=purpose, user=user)
    assert [(session.purpose, session.owner) for session in dump(world)] == [
        (Purpose.ADD, ALICE),
        (Purpose.ADD, None),
        (Purpose.REGISTER, None),
    ]
    assert not world.accounts.on


@pytest.mark.rule("REQ-REQTOK-9")
def test_a_bad_access_token_is_no_reason_to_refuse(world: World) -> None:
    """Asking needs no access token, so one that is not known is treated as none."""
    assert world.ask(user="expired").status == 200
    assert dump(world)[0].owner is None


@pytest.mark.rule("REQ-GEN-6", "SEC-21", "SEC-110")
def test_session_ids_are_long_random_and_in_the_grammar(world: World) -> None:
    """A session id has 128 random bits in the characters the specification allows."""
    sids = {world.ask(f"a{count}@example.org").json()["sid"] for count in range(50)}
    assert len(sids) == 50
    assert all(re.fullmatch(r"[0-9a-zA-Z_-]{22}", sid) for sid in sids)


@pytest.mark.rule("REQ-SEND-1", "REQ-SEND-2")
@pytest.mark.parametrize(
    ("attempts", "mails"),
    [((1, 1), 1), ((1, 2), 2), ((2, 1), 1), ((2, 1, 2), 1), ((0, 0), 1), ((-5, -5, -4), 2), ((1, 2, 1, 3), 3)],
)
def test_only_a_larger_attempt_sends(world: World, attempts: tuple[int, ...], mails: int) -> None:
    """The first attempt sends, whatever its number; a later one only if it is larger; the session stays the same."""
    sids = {world.ask(attempt=attempt).json()["sid"] for attempt in attempts}
    assert len(sids) == 1
    assert len(world.outbox.messages) == mails


@pytest.mark.rule("REQ-SEND-5", "SEC-38")
@pytest.mark.parametrize("attempt", [True, "1", 1.5, None, 2**53, -(2**53), 10**400, [1]])
def test_an_attempt_is_an_integer_of_json(world: World, attempt: Any) -> None:
    """``send_attempt`` is a whole number every JSON library can carry; anything else is refused before any mail."""
    assert refusal(world.ask(attempt=attempt)) == (400, "M_INVALID_PARAM")
    assert not world.outbox.messages


@pytest.mark.rule("REQ-SEND-3", "REQ-SESS-1", "SEC-107")
@pytest.mark.parametrize(
    ("second", "same"),
    [
        ({"address": "ALICE@example.org"}, True),
        ({"address": "other@example.org"}, False),
        ({"secret": "other"}, False),
        ({"purpose": "register"}, False),
        ({"user": BOB}, False),
    ],
)
def test_a_session_is_one_request(world: World, second: dict[str, Any], same: bool) -> None:
    """Purpose, canonical address, secret and user make a session; if one differs, it is another session and mail."""
    first = world.ask().json()["sid"]
    again = world.ask(**second).json()["sid"]
    assert (first == again) is same
    assert len(world.outbox.messages) == (1 if same else 2)
