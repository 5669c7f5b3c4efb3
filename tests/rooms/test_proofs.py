"""Who may join a room by an invitation of an address: the proof, the keys, the versions of rooms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from matrix_threepid.model.room_rules import ROOM_RULES
from matrix_threepid.model.third_party_invite import (
    MOST_CHECKS,
    InviteKey,
    ProofRefusal,
    ThirdPartyInvite,
    check_proof,
    may_invite,
    raw_base64,
    read_third_party_invite,
    redacted_member,
    signing_key,
)

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "third_party_invites.json").read_text("utf-8"))
CASES = VECTORS["cases"]
GOOD = CASES[0]
BOB = "@bob:hs.example.org"


def judged(case: dict[str, Any], version: str) -> str:
    """Return the name of the key that signed, or of the refusal."""
    verdict = check_proof(case["member"], case["invite"], ROOM_RULES[version], membership=case.get("membership"))
    if isinstance(verdict, ProofRefusal):
        return verdict.name
    return next(name for name, key in VECTORS["keys"].items() if raw_base64(key) == raw_base64(verdict.public_key))


@pytest.mark.rule("REQ-ROOMS-5", "REQ-ROOMS-6", "REQ-ROOMS-7")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_proof_is_judged_alike_in_every_version(case: dict[str, Any]) -> None:
    """A proof is accepted by a key of the invitation, and refused for the first rule of the specification it breaks."""
    for version in case.get("versions", ROOM_RULES):
        assert judged(case, version) == case["expect"], version


@pytest.mark.rule("REQ-ROOMS-7")
def test_the_vectors_hold_characters_in_which_the_alphabets_differ() -> None:
    """Keys and signatures of the vectors are written differently in the two alphabets."""
    named = {case["name"]: case for case in CASES}
    case = named["keys and signature in the URL-safe alphabet"]
    texts = [each["public_key"] for each in case["invite"]["content"]["public_keys"]]
    texts += case["member"]["content"]["third_party_invite"]["signed"]["signatures"]["id.example"].values()
    assert all(set("+/") & set(key) for key in VECTORS["keys"].values())
    assert all(set("-_") & set(text) and not set("+/") & set(text) for text in texts)


@pytest.mark.parametrize(
    "event",
    [
        {**GOOD["invite"], "type": "m.room.member"},
        {**GOOD["invite"], "content": []},
        {**GOOD["invite"], "sender": None},
        {**GOOD["invite"], "state_key": ""},
        {**GOOD["invite"], "room_id": 5},
    ],
)
def test_an_event_of_another_form_is_no_invitation(event: dict[str, Any]) -> None:
    """An event without room, sender, token or content says no invitation."""
    assert read_third_party_invite(event) is None


def test_keys_that_are_none_are_left_out() -> None:
    """Of the listed keys those remain that are 32 bytes with a URL that is a text, or without one."""
    key = VECTORS["keys"]["long-term"]
    listed = [{"public_key": key}, {"public_key": key, "key_validity_url": 5}, {"public_key": "AAAA"}, 7, {}]
    read = read_third_party_invite({**GOOD["invite"], "content": {"public_keys": listed, "public_key": 5}})
    assert read is not None
    assert read.keys == (InviteKey(key),)
    assert read.display_name == ""
    unlisted = read_third_party_invite({**GOOD["invite"], "content": {"public_keys": {}, "public_key": key}})
    assert unlisted is not None
    assert unlisted.keys == (InviteKey(key),)


def test_an_invitation_is_read_as_it_was_written() -> None:
    """What is read of an event makes the same event again, and a revocation has its state key and no content."""
    read = read_third_party_invite(GOOD["invite"])
    assert read is not None
    assert read.event() == GOOD["invite"]
    assert "some-token" not in repr(read)
    revoked = read.revoked("@carol:hs.example.org").event()
    assert (revoked["state_key"], revoked["sender"], revoked["content"]) == (
        "some-token.1",
        "@carol:hs.example.org",
        {},
    )
    again = read_third_party_invite(revoked)
    assert again is not None
    assert again.keys == ()


def test_a_key_that_stands_twice_has_its_url() -> None:
    """A key that is listed with and without a URL is asked for at the URL."""
    key, signed = VECTORS["keys"]["long-term"], GOOD["member"]["content"]["third_party_invite"]["signed"]
    both = (InviteKey(key), InviteKey(key, "https://id.example/valid"), InviteKey(key))
    assert signing_key(signed, both, ROOM_RULES["12"]) == both[1]


@pytest.mark.rule("REQ-ROOMS-6")
def test_an_event_made_of_signatures_is_not_compared_for_ever() -> None:
    """So many pairs of key and signature are compared and no more; what comes after them counts as no signature."""
    signed = GOOD["member"]["content"]["third_party_invite"]["signed"]
    real = signed["signatures"]["id.example"]["ed25519:0"]
    others = {f"ed25519:{number}": f"{number:04}{real[4:]}" for number in range(MOST_CHECKS)}
    keys = (InviteKey(VECTORS["keys"]["long-term"]),)
    late = {**signed, "signatures": {"id.example": {**others, "ed25519:last": real}}}
    soon = {**signed, "signatures": {"id.example": {"ed25519:first": real, **others}}}
    assert signing_key(late, keys, ROOM_RULES["12"]) is None
    assert signing_key(soon, keys, ROOM_RULES["12"]) == keys[0]


def test_a_proof_nested_without_end_is_not_signed() -> None:
    """An object that no canonical JSON can be made of has no signature."""
    signed = dict(GOOD["member"]["content"]["third_party_invite"]["signed"])
    inner: list[Any] = []
    for _ in range(100_000):
        inner = [inner]
    signed["deep"] = inner
    assert signing_key(signed, (InviteKey(VECTORS["keys"]["long-term"]),), ROOM_RULES["12"]) is None
    while inner:  # taken apart by hand, since the interpreter would do it recursively
        inner = inner.pop()


@pytest.mark.rule("REQ-ROOMS-5")
def test_a_redaction_keeps_the_proof_from_version_11_on() -> None:
    """Of ``third_party_invite`` a redacted member event keeps ``signed``, and before version 11 nothing."""
    content = GOOD["member"]["content"]
    kept = {version: redacted_member(content, rules) for version, rules in ROOM_RULES.items()}
    signed = {"third_party_invite": {"signed": content["third_party_invite"]["signed"]}}
    assert kept == {version: signed if int(version) >= 11 else {} for version in ROOM_RULES}
    assert redacted_member({"third_party_invite": {}}, ROOM_RULES["12"]) == {}


@pytest.mark.rule("REQ-ROOMS-5")
@pytest.mark.parametrize(
    ("levels", "versions"),
    [
        (None, "1 9 10 11 12"),
        ({}, "1 9 10 11 12"),
        ({"invite": 50}, ""),
        ({"invite": 50, "users": {BOB: 50}}, "1 9 10 11 12"),
        ({"invite": 50, "users": {BOB: 49}}, ""),
        ({"invite": 50, "users_default": 50}, "1 9 10 11 12"),
        ({"invite": "50", "users": {BOB: " 50 "}}, "1 9"),
        ({"invite": "fifty"}, ""),
        ({"invite": None}, ""),
        ({"invite": True, "users": {BOB: 100}}, ""),
        ({"invite": 0, "users": []}, ""),
    ],
)
def test_who_may_invite_by_power_level(levels: Any, versions: str) -> None:
    """The level must be at least that of ``invite``; texts count as levels before version 10."""
    named = ["1", "9", "10", "11", "12"]
    assert [each for each in named if may_invite(BOB, levels, ROOM_RULES[each])] == versions.split()


@pytest.mark.rule("REQ-ROOMS-5")
def test_creators_are_above_all_levels_from_version_12_on() -> None:
    """A creator may invite whatever the levels are; before version 12 only while the room has none."""
    high = {"invite": 100, "users": {BOB: 0}}
    allowed = [each for each in ROOM_RULES if may_invite(BOB, high, ROOM_RULES[each], creators=[BOB])]
    assert allowed == ["12"]
    assert all(may_invite(BOB, None, rules, creators=[BOB]) for rules in ROOM_RULES.values())


def test_the_content_of_an_invitation_names_its_first_key_twice() -> None:
    """Servers that know no list of keys read the members beside it."""
    made = ThirdPartyInvite("!r:x", BOB, "t", "a...", (InviteKey("k1", "https://v.example/1"), InviteKey("k2")))
    assert made.content == {
        "display_name": "a...",
        "public_key": "k1",
        "key_validity_url": "https://v.example/1",
        "public_keys": [{"public_key": "k1", "key_validity_url": "https://v.example/1"}, {"public_key": "k2"}],
    }
