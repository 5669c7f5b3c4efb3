"""Reading bodies: what two parsers could take for two things is refused before anything is looked up."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matrix_threepid.protocol.errors import BadJson, MatrixError, NotJson, TooLarge
from matrix_threepid.protocol.wire import read_object
from matrix_threepid.testing import World

LIMIT, DEPTH = 16_384, 20
ASK = "/account/3pid/email/requestToken"
GOOD = b'{"email":"bob@example.org","client_secret":"s","send_attempt":1'


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * depth + "1" + closing * depth).encode()


def member(value: bytes) -> bytes:
    """Return a good body with one more member of this value."""
    return GOOD + b',"x":' + value + b"}"


NOT_JSON = {
    "nothing": b"",
    "blanks": b" \n",
    "half an object": b'{"a":1',
    "two objects": b"{}{}",
    "text behind": b"{} x",
    "comment": b"{/**/}",
    "single quotes": b"{'a':1}",
    "comma at the end": b'{"a":1,}',
    "byte-order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "Latin-1": '{"a":"é"}'.encode("latin-1"),
    "overlong encoding": b'{"a":"\xc0\x80"}',
    "encoded surrogate": b'{"a":"\xed\xa0\x80"}',
    "NaN": member(b"NaN"),
    "Infinity": member(b"Infinity"),
    "minus Infinity": member(b"-Infinity"),
    "leading zero": member(b"01"),
    "plus sign": member(b"+1"),
    "hexadecimal": member(b"0x10"),
    "raw control character": b'{"a":"\x01"}',
    "raw NUL": b'{"a":"\x00"}',
    "form": b"email=bob%40example.org&send_attempt=1",
    "16 000 open brackets": b"[" * 16_000,
    "8 000 nested arrays": nested(8_000),
    "2 500 nested objects": nested(2_500, '{"a":', "}"),
}
BAD_JSON = {
    "array": b"[]",
    "array of objects": b"[{}]",
    "string": b'"x"',
    "number": b"1",
    "true": b"true",
    "null": b"null",
    "member twice": b'{"email":"a@example.org","email":"b@example.org"}',
    "member twice, once escaped": b'{"email":"a@example.org","\\u0065mail":"b@example.org"}',
    "member twice further in": member(b'{"a":1,"a":1}'),
    "lone surrogate": member(b'"\\ud800"'),
    "lone low surrogate": member(b'"\\udc00x"'),
    "surrogates in the wrong order": member(b'"\\udc00\\ud800"'),
    "lone surrogate in a name": GOOD + b',"\\ud800":1}',
    "lone surrogate further in": member(b'[["\\ud800"]]'),
    "1e400": member(b"1e400"),
    "-1e400": member(b"-1e400"),
    "5 000 digits and a point": member(b"1" * 5000 + b".0"),
    "21 levels": member(nested(DEPTH)),
    "21 levels of objects": member(nested(DEPTH, '{"a":', "}")),
}


def codes(error: type[MatrixError]) -> tuple[int, str]:
    return error.status, error.errcode


@pytest.mark.rule("SEC-38")
@pytest.mark.parametrize(
    ("body", "error"),
    [
        *(pytest.param(body, NotJson, id=name) for name, body in NOT_JSON.items()),
        *(pytest.param(body, BadJson, id=name) for name, body in BAD_JSON.items()),
    ],
)
def test_a_body_that_is_not_plain_json_is_refused(world: World, body: bytes, error: type[MatrixError]) -> None:
    """What is no JSON answers ``M_NOT_JSON``; what is JSON but no object we can take ``M_BAD_JSON``."""
    response = world.post(ASK, body)
    assert (response.status, response.json()["errcode"]) == codes(error)
    assert world.outbox.messages == [] == world.homeserver.sessions.dump()  # type: ignore[attr-defined]


@pytest.mark.parametrize("body", [b"x" * (LIMIT + 1), b"{" + b" " * LIMIT + b"}", GOOD + b" " * LIMIT + b"}"])
def test_a_body_over_the_limit_is_not_parsed(world: World, body: bytes) -> None:
    """One byte more than 16 KiB answers 413 ``M_TOO_LARGE``, whatever the bytes are."""
    response = world.post(ASK, body)
    assert (response.status, response.json()["errcode"]) == codes(TooLarge)
    assert world.outbox.messages == []


def test_a_body_of_exactly_the_limit_is_read(world: World) -> None:
    """16 KiB are not too much."""
    assert world.post(ASK, GOOD.ljust(LIMIT - 1) + b"}").status == 200


def test_the_limit_is_the_policys(make_world: Callable[..., World]) -> None:
    """A host may allow less."""
    world = make_world({"max_body": 100})
    assert world.post(ASK, GOOD.ljust(99) + b"}").status == 200
    assert world.post(ASK, GOOD.ljust(100) + b"}").status == 413


@pytest.mark.rule("SEC-13", "SEC-38")
@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_deep_nesting_never_breaks_the_parser(depth: int) -> None:
    """However deep arrays are nested, the answer is a refusal."""
    with pytest.raises((NotJson, BadJson)):
        read_object(b'{"a":' + nested(depth) + b"}", 10_000_000)


def test_twenty_levels_are_read() -> None:
    """The deepest body allowed is an object with 19 levels in it."""
    assert read_object(b'{"a":' + nested(DEPTH - 1) + b"}", LIMIT)


@pytest.mark.rule("SEC-38")
@pytest.mark.parametrize("digits", ["1" * 5_000, "-" + "9" * 5_000, "1" + "0" * 400])
def test_a_number_of_thousands_of_digits_is_out_of_range(world: World, digits: str) -> None:
    """An integer of any length is read, found too large, and not repeated."""
    response = world.post(ASK, GOOD[:-1] + digits.encode() + b"}")
    assert (response.status, response.json()["errcode"]) == (400, "M_INVALID_PARAM")
    assert not any(digits in response.body for digits in (b"1111", b"9999", b"0000"))


def test_unknown_members_are_ignored(world: World) -> None:
    """Members nobody declared change nothing, whatever they pretend to know."""
    claims = {"validated": True, "validated_at": 1, "is_verified": True, "medium": "msisdn", "address": "x@example.org"}
    more = {**claims, "user_id": "@eve:hs.example.org", "purpose": "password", "token": "t", "sid": "s", "bind": True}
    plain = {"email": "bob@example.org", "client_secret": "s", "send_attempt": 1}
    first = world.post(ASK, {**plain, **more})
    assert first.json() == world.post(ASK, plain).json()
    assert world.outbox.last.recipient == "bob@example.org"


@pytest.mark.parametrize("pair", ['"\\ud83d\\ude00"', '"😀"'])
def test_a_pair_of_surrogates_is_one_character(pair: str) -> None:
    """An escaped pair is the character it stands for."""
    assert read_object(f'{{"a":{pair}}}'.encode(), LIMIT) == {"a": "😀"}


@pytest.mark.rule("SEC-211")
@settings(database=None, deadline=None, max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_give_an_object_or_an_error_of_ours(raw: bytes) -> None:
    """Reading never raises anything but the errors a client is told."""
    with suppress(NotJson, BadJson, TooLarge):
        assert isinstance(read_object(raw, 150), dict)


@pytest.mark.rule("SEC-211")
@settings(database=None, deadline=None, max_examples=200)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"])),
    )
)
def test_good_bodies_are_read_as_any_parser_reads_them(value: dict[str, object]) -> None:
    """What is unambiguous is read as it is."""
    assert read_object(json.dumps(value).encode(), 1_000_000) == value
