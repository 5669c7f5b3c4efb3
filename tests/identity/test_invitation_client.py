"""What identity servers are asked about invitations, and what is believed of their answers."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from matrix_threepid.identity import (
    AlreadyBound,
    Blocked,
    InviteAbout,
    InviteKey,
    InviteRequest,
    InviteStored,
    KeyChecked,
    LookedUp,
    NotSupported,
    ServerRefused,
    Unreachable,
)
from matrix_threepid.model.lookup import hashed
from matrix_threepid.model.threepid import Medium, Threepid
from matrix_threepid.offload import run_sync
from matrix_threepid.testing import ALICE, BOB
from matrix_threepid.testing.rogue import Heard, Said

from .acting import Outside, said

ALICES = Threepid(Medium.EMAIL, "alice@example.org")
DETAILS = {"lookup_pepper": "matrixrocks", "algorithms": ["none", "sha256"]}
KEY = "gTl3Dqh9F19Wo1Rmw0x+zMuNipG07jeiXfYPW4/Js5Q"
URL = "https://id.example/_matrix/identity/v2/pubkey/isvalid"
STORED = {"token": "tok.1", "display_name": "a...", "public_keys": [{"public_key": KEY, "key_validity_url": URL}]}
HASH = hashed(ALICES, "matrixrocks")
ODD = Unreachable("the answer is not what was asked for")


def answers(outside: Outside, **by_call: Any) -> None:
    """Let the server answer each call so; a list has one answer for each time, each a body or status and body."""

    def answered(heard: Heard) -> Said:
        chosen = by_call[heard.path.rpartition("/")[2]]
        one = chosen.pop(0) if isinstance(chosen, list) else chosen
        return said(*one) if isinstance(one, tuple) else said(200, one)

    outside.server.answers = answered


def look_up(outside: Outside, token: str = "t", deadline: int = 5000) -> Any:
    client: Any = outside.world.homeserver.identity
    return run_sync(client.look_up(outside.at("id.example"), token, ALICES, BOB, deadline))


def store(outside: Outside, token: str = "t", about: InviteAbout | None = None) -> Any:
    client: Any = outside.world.homeserver.identity
    invite = InviteRequest(threepid=ALICES, room_id="!r:x", sender=BOB, about=about or InviteAbout())
    return run_sync(client.store_invite(outside.at("id.example"), token, invite, 5000))


def key_is_valid(outside: Outside, url: str, key: str = KEY) -> Any:
    client: Any = outside.world.homeserver.identity
    return run_sync(client.key_is_valid(url, key, 5000))


@pytest.mark.rule("REQ-ROOMS-1")
def test_an_address_is_looked_up_by_its_hash(outside: Outside) -> None:
    """With ``sha256`` on offer the server sees a hash under its pepper, and the token in a header only."""
    answers(outside, hash_details=DETAILS, lookup={"mappings": {HASH: ALICE}})
    assert look_up(outside) == LookedUp(ALICE)
    details, asked = outside.server.heard
    assert (details.method, details.target) == ("GET", "/_matrix/identity/v2/hash_details")
    assert json.loads(asked.body) == {"addresses": [HASH], "algorithm": "sha256", "pepper": "matrixrocks"}
    assert {each.headers["authorization"] for each in outside.server.heard} == {"Bearer t"}


@pytest.mark.rule("REQ-ROOMS-1")
def test_an_address_is_looked_up_in_plain_text_where_nothing_else_is_offered(outside: Outside) -> None:
    """With ``none`` alone the address is sent with its medium."""
    plain = "alice@example.org email"
    answers(outside, hash_details={**DETAILS, "algorithms": ["none"]}, lookup={"mappings": {}})
    assert look_up(outside) == LookedUp(None)
    assert json.loads(outside.server.heard[1].body)["addresses"] == [plain]


@pytest.mark.rule("REQ-ROOMS-1")
def test_a_pepper_that_changed_meanwhile_is_asked_for_again(outside: Outside) -> None:
    """After ``M_INVALID_PEPPER`` the address is hashed with the new pepper, once."""
    changed = (400, {"errcode": "M_INVALID_PEPPER", "error": "new", "algorithm": "sha256", "lookup_pepper": "new"})
    fresh = hashed(ALICES, "new")
    answers(
        outside,
        hash_details=[DETAILS, {**DETAILS, "lookup_pepper": "new"}],
        lookup=[changed, {"mappings": {fresh: ALICE}}],
    )
    assert look_up(outside) == LookedUp(ALICE)
    answers(outside, hash_details=DETAILS, lookup=changed)
    assert look_up(outside) == Unreachable("the pepper changes with every call")


@pytest.mark.rule("REQ-ROOMS-2")
@pytest.mark.parametrize(
    "details",
    [
        {},
        {**DETAILS, "algorithms": ["md5"]},
        {**DETAILS, "algorithms": "sha256"},
        {**DETAILS, "lookup_pepper": 5},
        {**DETAILS, "lookup_pepper": "x" * 256},
        (200, []),
    ],
)
def test_odd_hash_details_are_no_answer(outside: Outside, details: Any) -> None:
    """Without a pepper and an algorithm that is known nothing is looked up."""
    answers(outside, hash_details=details)
    assert look_up(outside) == ODD


@pytest.mark.rule("REQ-ROOMS-2")
@pytest.mark.parametrize("mappings", [None, [], {HASH: "alice"}, {HASH: 5}, {HASH: f"@{'a' * 255}:x"}, {HASH: {}}])
def test_an_odd_look_up_is_no_answer(outside: Outside, mappings: Any) -> None:
    """What is no user id is invited to no room."""
    answers(outside, hash_details=DETAILS, lookup={"mappings": mappings})
    assert look_up(outside) == ODD


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((404, None), NotSupported()),
        ((403, {"errcode": "M_TERMS_NOT_SIGNED", "error": "e"}), ServerRefused(403, "M_TERMS_NOT_SIGNED", "e")),
        ((401, {"errcode": "M_UNAUTHORIZED", "error": "e"}), ServerRefused(403, "M_UNAUTHORIZED", "e")),
        ((500, None), Unreachable("status 500")),
    ],
)
def test_refusals_are_values(outside: Outside, answer: Any, expected: Any) -> None:
    """Every failure of a server is an answer, with the filter of all refusals."""
    answers(outside, hash_details=answer, **{"store-invite": answer, "isvalid": answer})
    assert look_up(outside) == expected
    assert store(outside) == expected
    assert key_is_valid(outside, f"https://{outside.at('id.example')}/isvalid") == expected


@pytest.mark.parametrize("token", ["", "a b", "a\r\nb", "ä"])
def test_a_token_that_fits_no_header_is_refused(outside: Outside, token: str) -> None:
    """Nothing is sent with a token that could become another header."""
    assert isinstance(look_up(outside, token), ServerRefused)
    assert isinstance(store(outside, token), ServerRefused)
    assert outside.server.heard == []


@pytest.mark.rule("REQ-ROOMS-1")
def test_an_invitation_is_stored(outside: Outside) -> None:
    """The body has address, room and sender, and of the names those that there are."""
    answers(outside, **{"store-invite": STORED})
    assert store(outside, about=InviteAbout(room_name="A room")) == InviteStored(
        "tok.1", "a...", (InviteKey(KEY, URL),)
    )
    (heard,) = outside.server.heard
    assert (heard.method, heard.target) == ("POST", "/_matrix/identity/v2/store-invite")
    assert json.loads(heard.body) == {
        "medium": "email",
        "address": "alice@example.org",
        "room_id": "!r:x",
        "sender": BOB,
        "room_name": "A room",
    }


def test_an_address_in_use_names_its_user(outside: Outside) -> None:
    """``M_THREEPID_IN_USE`` with a user id is an answer; without one it is a refusal."""
    error = {"errcode": "M_THREEPID_IN_USE", "error": "e"}
    answers(outside, **{"store-invite": [(400, {**error, "mxid": ALICE}), (400, error), (400, {**error, "mxid": "a"})]})
    assert store(outside) == AlreadyBound(ALICE)
    refused = ServerRefused(400, "M_THREEPID_IN_USE", "e")
    assert [store(outside), store(outside)] == [refused, refused]


@pytest.mark.rule("REQ-ROOMS-2")
@pytest.mark.parametrize(
    "change",
    [
        {"token": ""},
        {"token": "a b"},
        {"token": "a" * 256},
        {"token": 5},
        {"display_name": None},
        {"public_keys": []},
        {"public_keys": {}},
        {"public_keys": [{"public_key": KEY}]},
        {"public_keys": [{"public_key": "AAAA", "key_validity_url": URL}]},
        {"public_keys": [{"public_key": KEY, "key_validity_url": "http://id.example/isvalid"}]},
        {"public_keys": [{"public_key": KEY, "key_validity_url": URL}, 7]},
        {"public_keys": [{"public_key": KEY, "key_validity_url": URL}] * 17},
    ],
)
def test_an_odd_invitation_is_no_answer(outside: Outside, change: dict[str, Any]) -> None:
    """A token or key that could not be used later is refused now."""
    answers(outside, **{"store-invite": {**STORED, **change}})
    assert store(outside) == ODD


@pytest.mark.rule("REQ-ROOMS-2")
@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("a...@e...", "a...@e..."),
        ("Alice@Example.org", "a..."),
        ("a...@example.org", "a..."),
        ("one\nline", "one line"),
        ("", "a..."),
        ("x" * 300, "x" * 255),
    ],
)
def test_a_display_name_does_not_disclose_the_address(outside: Outside, shown: str, expected: str) -> None:
    """A name with the address or its domain in it is replaced; one that hides them stays, on one line."""
    answers(outside, **{"store-invite": {**STORED, "display_name": shown}})
    assert store(outside).display_name == expected


@pytest.mark.rule("REQ-ROOMS-8")
def test_a_key_is_asked_for_at_its_url(outside: Outside) -> None:
    """The URL is used as it stands, with the key in its query; a query that it has is kept."""
    answers(outside, isvalid=[{"valid": True}, {"valid": False}, {"valid": "yes"}, {}])
    url = f"https://{outside.at('id.example')}/some/isvalid?a=1"
    assert [key_is_valid(outside, url) for _ in range(4)] == [KeyChecked(True), KeyChecked(False), ODD, ODD]
    heard = outside.server.heard[0]
    assert heard.path == "/some/isvalid"
    assert parse_qs(heard.target.partition("?")[2]) == {"a": ["1"], "public_key": [KEY]}
    assert "authorization" not in heard.headers


@pytest.mark.rule("REQ-ROOMS-8", "SEC-52")
@pytest.mark.parametrize(
    "url",
    [
        "http://id.example/isvalid",
        "https://user@id.example/isvalid",
        "https://id.example:0/isvalid",
        "https://id.example/is valid",
        "https://id.example/is\r\nvalid",
        "https://id.example/isvalid\r\nX: y",
        "https:///isvalid",
        "isvalid",
        "https://[::1/isvalid",
        "file:///etc/passwd",
        f"https://id.example/{'a' * 2048}",
    ],
)
def test_a_url_that_is_none_is_not_called(outside: Outside, url: str) -> None:
    """Only https URLs of hosts are called, since a stranger wrote them into a room."""
    assert isinstance(key_is_valid(outside, url), ServerRefused)
    assert outside.server.heard == []


@pytest.mark.rule("REQ-ROOMS-8", "SEC-52")
def test_a_url_into_the_own_network_is_not_called(outside: Outside) -> None:
    """Addresses that identity servers may not have are refused for keys as well."""
    assert key_is_valid(outside, "https://inside.example/isvalid") == Blocked()
