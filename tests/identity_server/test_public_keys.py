"""The keys of an identity server, and whether one is valid (REQ-ISKEY-1)."""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid.identity.signing import NamedSigner, SigningKey, canonical, verifies
from matrix_threepid.protocol.wire import read_object

from .acting import HS_KEY, KEY, NAME, Place, refusal, wanted
from .apis import V1, V2

# The signature of a key whose public half has a plus sign and a slash tells the two alphabets apart.
ODD = "+/8" + "A" * 40


class Silent:
    """A signer that does not tell its keys."""

    def sign(self, value: Any) -> dict[str, Any]:
        return KEY.sign(value, NAME)


@pytest.mark.rule("REQ-ISKEY-1")
def test_a_key_is_published_by_its_id(v2: Place) -> None:
    """Everybody gets the verify key of an id, which checks what a bind returned; another id is unknown."""
    answer = v2.call("GET", f"/pubkey/{KEY.id}", user=None)
    assert (answer.status, answer.json()) == (200, {"public_key": KEY.public})
    assert v2.call("GET", f"/pubkey/{KEY.id.replace(':', '%3A')}/", user=None).json() == answer.json()
    assert verifies(v2.bind(v2.prove()).json(), NAME, KEY.id, answer.json()["public_key"])
    for other in ("ed25519:1", "ed25519:", "{keyId}"):
        assert refusal(v2.call("GET", f"/pubkey/{other}", user=None)) == (404, "M_NOT_FOUND")
    assert refusal(v2.call("GET", "/pubkey/", user=None)) == (404, "M_UNRECOGNIZED")


@pytest.mark.rule("REQ-ISKEY-1")
@pytest.mark.parametrize(
    ("given", "valid"),
    [
        (KEY.public, True),
        (KEY.public + "=", True),
        (urlsafe_b64encode(b64decode(KEY.public + "=")).decode(), True),
        (ODD, True),
        (ODD.replace("+", "-").replace("/", "_"), True),
        (HS_KEY.public, False),
        (KEY.public[:-1], False),
        ("=", False),
        ("nö", False),
    ],
    ids=range(9),
)
def test_published_keys_are_valid(make_place: Callable[..., Place], given: str, valid: bool) -> None:
    """A key is valid if it is published, in whichever alphabet of base64 it is written."""
    place = make_place(V2, public_keys={**NamedSigner(NAME, KEY).public_keys, "ed25519:old": ODD})
    answer = place.get("/pubkey/isvalid", {"public_key": given}, user=None)
    assert (answer.status, answer.json()) == (200, {"valid": valid})


@pytest.mark.rule("REQ-ISKEY-1")
@pytest.mark.parametrize("path", ["/pubkey/isvalid", "/pubkey/ephemeral/isvalid"])
def test_a_key_has_to_be_named(v2: Place, path: str) -> None:
    """Without a key there is nothing to check; a key that was never given out for an invitation is not valid."""
    assert refusal(v2.get(path, {}, user=None)) == (400, "M_MISSING_PARAMS")
    assert refusal(v2.get(path, {"public_key": ""}, user=None)) == (400, "M_INVALID_PARAM")
    assert v2.get(path, {"public_key": HS_KEY.public}, user=None).json() == {"valid": False}


def test_keys_are_off_where_none_are_known(make_place: Callable[..., Place]) -> None:
    """A signer that does not tell its keys leaves the endpoints off; version 1 is served only if wanted."""
    assert refusal(make_place(V2, signer=Silent()).call("GET", f"/pubkey/{KEY.id}")) == (404, "M_UNRECOGNIZED")
    old = f"/_matrix/identity/api/v1/pubkey/{KEY.id}"
    assert refusal(make_place(V2).call("GET", old)) == (404, "M_UNRECOGNIZED")
    assert make_place(V1).call("GET", old).json() == {"public_key": KEY.public}


@pytest.mark.rule("REQ-ISREQ-2")
@pytest.mark.parametrize(
    "typed", ["", " ", "nope", "a" * 600 + "@example.org", "\x01@example.org", "a\x7f@example.org"]
)
def test_a_string_that_is_no_address_has_an_errcode_of_its_own(validator: Place, typed: str) -> None:
    """Every string that is no usable address is that of its medium, whatever is wrong with it."""
    assert refusal(validator.ask("email", email=typed)) == (400, "M_INVALID_EMAIL")
    assert refusal(validator.ask("msisdn", phone_number=typed)) == (400, "M_INVALID_ADDRESS")
    assert refusal(validator.ask("msisdn", country="A" * 65)) == (400, "M_INVALID_ADDRESS")
    assert refusal(validator.ask("email", email=5)) == (400, "M_INVALID_PARAM")


@pytest.mark.rule("REQ-ISREQ-2")
@pytest.mark.parametrize(("medium", "errcode"), [("email", "M_INVALID_EMAIL"), ("msisdn", "M_INVALID_ADDRESS")])
@pytest.mark.parametrize("typed", ["", "nope", "9" * 600, "\x01"])
def test_an_unbind_of_no_address(v2: Place, medium: str, errcode: str, typed: str) -> None:
    """What an unbind names has to be an address of its medium."""
    assert refusal(v2.unbind(wanted(address=typed, medium=medium, sid="a", client_secret="b"))) == (400, errcode)


@pytest.mark.parametrize("written", [b"1.0E+10", b"10000000000", b"1e10", b"100000000e+2"])
def test_a_whole_number_with_an_exponent_is_signed_as_whole(written: bytes) -> None:
    """What others wrote with an exponent has the canonical JSON of the whole number that it is."""
    key: SigningKey = KEY
    content = read_object(b'{"n":%s,"z":-0.0}' % written, 99)
    assert canonical(content) == b'{"n":10000000000,"z":0}'
    assert verifies(key.sign(content, NAME), NAME, key.id, key.public)
