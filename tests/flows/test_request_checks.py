"""What is checked before anything is sent, in which order, and what clients cannot influence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid.testing import BOB, World

from .acting import BODY, FORM, PATHS, PURPOSES, SUBMIT, ask_for, dump, give, recorded, refusal


@pytest.mark.rule("REQ-EMAIL-2", "REQ-EMAIL-3", "REQ-EMAIL-9", "REQ-REQTOK-6", "SEC-11")
@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize(
    "address",
    [
        "nobody",
        "@example.org",
        "a@",
        "a b@example.org",
        "a@evil.example.org@example.org",
        "root(a@example.org",
        "x <b@example.org>",
        "a@example.org,b@example.org",
        '"a b"@example.org',
        "a@[127.0.0.1]",
        "a@localhost",
        "a..b@example.org",
        "a@example.org\r\nBcc: z@example.org",
        "a\u202eb@example.org",
    ],
)
def test_what_is_no_plain_address_is_refused(world: World, purpose: str, address: str) -> None:
    """An address two parsers could read in two ways answers M_INVALID_PARAM and reaches no mailbox."""
    assert refusal(world.ask(address, purpose=purpose)) == (400, "M_INVALID_PARAM")
    assert not world.outbox.messages
    assert not dump(world)


@pytest.mark.rule("REQ-REQTOK-7", "SEC-55")
@pytest.mark.parametrize("purpose", PURPOSES)
def test_rules_are_asked_for_every_purpose(world: World, purpose: str) -> None:
    """An address the host's rules refuse answers M_THREEPID_DENIED, whatever the spelling and purpose."""
    world.rules.denied.add("alice@example.org")
    assert refusal(ask_for(world, purpose, "ALICE@example.org")) == (403, "M_THREEPID_DENIED")
    assert not dump(world)


@pytest.mark.rule("REQ-REQTOK-8", "SEC-26")
@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"client_secret": "s s"}, []),
        ({"email": "nobody"}, []),
        ({"next_link": "javascript:alert(1)"}, []),
        ({"email": "denied@example.org"}, ["rules.allows"]),
        ({"email": "bob@example.org"}, ["rules.allows", "limiter.charge", "accounts.owner"]),
    ],
)
def test_checks_come_in_order(world: World, change: dict[str, str], seen: list[str]) -> None:
    """Grammar, address, rules, limits, ownership: a request that fails at one step reaches no later one."""
    give(world)
    world.rules.denied.add("denied@example.org")
    trace = recorded(world)
    assert world.ask(body=change).status >= 400
    assert [call for call in trace if call != "callers.identify"] == seen


@pytest.mark.rule("SEC-9")
@pytest.mark.parametrize("purpose", PURPOSES)
def test_unknown_members_have_no_effect(world: World, purpose: str) -> None:
    """Members a client makes up neither validate a session nor turn it into another."""
    claims = {"validated": True, "validated_at": 1, "is_verified": True, "bind": True, "purpose": "password"}
    claims |= {"medium": "msisdn", "address": "x@example.org", "user_id": BOB, "token": "x"}
    ask_for(world, purpose, body=claims)
    [session] = dump(world)
    assert (session.purpose.value, session.validated_at, session.owner) == (purpose, None, None)
    assert session.threepid.address == "alice@example.org"


@pytest.mark.rule("REQ-GEN-3", "REQ-GEN-5", "SEC-12")
@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        (b"{", "M_NOT_JSON"),
        (b"[]", "M_BAD_JSON"),
        (b'{"email":"a@example.org","email":"b@example.org"}', "M_BAD_JSON"),
        ({}, "M_MISSING_PARAM"),
        ({**BODY, "email": 5}, "M_INVALID_PARAM"),
        ({**BODY, "client_secret": "don'tT3ll"}, "M_INVALID_PARAM"),
        ({**BODY, "client_secret": "abc\n"}, "M_INVALID_PARAM"),
        ({**BODY, "client_secret": "a" * 256}, "M_INVALID_PARAM"),
        ({**BODY, "client_secret": ""}, "M_INVALID_PARAM"),
    ],
)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_bad_body_is_named(world: World, purpose: str, body: Any, errcode: str) -> None:
    """Each kind of bad body has its errcode, on all three endpoints, and sends nothing."""
    assert refusal(world.post(f"{PATHS[purpose]}/email/requestToken", body)) == (400, errcode)
    assert not world.outbox.messages


@pytest.mark.rule("SEC-13")
def test_a_body_that_is_too_large_is_not_parsed(world: World) -> None:
    """One byte over the limit answers M_TOO_LARGE, even where the body is no JSON."""
    for path, headers in (("/register/email/requestToken", {}), (SUBMIT, FORM)):
        assert refusal(world.post(path, b"{" * 16_385, headers=headers)) == (413, "M_TOO_LARGE")


@pytest.mark.rule("REQ-GEN-4")
def test_options_asks_no_port(world: World) -> None:
    """OPTIONS of any known path answers CORS headers and touches nothing."""
    trace = recorded(world)
    for declared in world.service.table.endpoints:
        answer = world.call("OPTIONS", f"/_matrix/client{declared.paths[0]}")
        assert (answer.status, answer.body) == (204, b"")
        assert answer.header("Access-Control-Allow-Origin") == "*"
    assert not trace


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/account/4pid", 404), ("PUT", "/account/3pid", 405)])
def test_what_is_not_there_is_unrecognized(world: World, method: str, path: str, status: int) -> None:
    """An unknown path and a wrong method answer M_UNRECOGNIZED with CORS headers."""
    answer = world.call(method, path, {})
    assert refusal(answer) == (status, "M_UNRECOGNIZED")
    assert answer.header("Access-Control-Allow-Origin") == "*"


@pytest.mark.rule("SEC-32")
@pytest.mark.parametrize("header", ["host", "x-forwarded-host", "forwarded", "x-original-url", "origin", "referer"])
@pytest.mark.parametrize("purpose", PURPOSES)
def test_links_start_with_the_configured_url(world: World, purpose: str, header: str) -> None:
    """No header a client sends finds its way into the link of a mail."""
    for evil in ("evil.example.org", "hs.example.org:x@evil.example.org"):
        ask_for(world, purpose, f"{len(world.outbox.messages)}@example.org", headers={header: evil})
        assert (world.outbox.last.link or "").startswith(f"https://hs.example.org{SUBMIT}?sid=")


@pytest.mark.rule("REQ-CAPVER-1")
@pytest.mark.parametrize(("switch", "purpose"), [("changes_enabled", "add"), ("registration_enabled", "register")])
def test_what_is_switched_off_is_forbidden(make_world: Callable[..., World], switch: str, purpose: str) -> None:
    """With changes or registration disabled, asking for that purpose answers M_FORBIDDEN."""
    assert refusal(make_world({switch: False}).ask(purpose=purpose)) == (403, "M_FORBIDDEN")
