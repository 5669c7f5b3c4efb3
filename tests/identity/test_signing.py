"""Canonical JSON, signatures and key files, by the specification's own examples."""

from __future__ import annotations

import json
from typing import Any

import pytest
from data import cases

from matrix_threepid.identity.signing import NamedSigner, canonical, new_signing_key, read_signing_key, verifies
from matrix_threepid.protocol.errors import ConfigurationError

from . import load

JSON, SIGNING = load("canonical_json"), load("signing")
KEY = read_signing_key(f"ed25519 1 {SIGNING['seed']}\n")
SIGNER = NamedSigner("domain", KEY)


@pytest.mark.rule("REQ-SIGN-1")
@pytest.mark.parametrize("case", **cases(JSON["canonical"]))
def test_canonical_json(case: tuple[str, str]) -> None:
    """Members in the order of code points, nothing between them, UTF-8, and no escape that is not needed."""
    given, expected = case
    assert canonical(json.loads(given)) == expected.encode()


@pytest.mark.rule("REQ-SIGN-1", "SEC-125")
@pytest.mark.parametrize("text", **cases(JSON["refused"]))
def test_what_servers_read_differently_is_refused(text: str) -> None:
    """Fractions, integers beyond 2^53-1 and lone surrogates have no canonical form."""
    with pytest.raises(ValueError, match=r".+"):
        canonical(json.loads(text))


@pytest.mark.rule("REQ-SIGN-1", "REQ-SIGN-2")
def test_a_whole_number_with_an_exponent_is_signed_as_others_sign_it() -> None:
    """What ``json.loads`` makes a ``float`` of is signed, checked and handed on as the integer that it is."""
    written, whole = json.loads('{"n":1.0E+10,"in":[{"n":2.0}]}'), {"n": 10000000000, "in": [{"n": 2}]}
    signed = SIGNER.sign(written)
    assert signed["signatures"] == SIGNER.sign(whole)["signatures"]
    assert '"n": 10000000000,' in json.dumps(signed)
    assert verifies({**written, "signatures": signed["signatures"]}, "domain", KEY.id, SIGNING["public"])


@pytest.mark.parametrize("value", [{1: 2}, {"a": {1, 2}}, b"a", [object()]], ids=["key", "set", "bytes", "object"])
def test_what_is_no_json_is_refused(value: Any) -> None:
    """Only what JSON has can be signed."""
    with pytest.raises(ValueError, match=r".+"):
        canonical(value)


@pytest.mark.rule("REQ-SIGN-2")
@pytest.mark.parametrize("case", **cases(SIGNING["signed"]))
def test_signing(case: tuple[dict[str, Any], str]) -> None:
    """A signature is added to those there are; ``unsigned`` stays as it is; the object given is not changed."""
    given, signature = case
    before = json.dumps(given)
    signed = SIGNER.sign(given)
    others = given.get("signatures", {})
    assert signed == {**given, "signatures": {**others, "domain": {"ed25519:1": signature}}}
    assert json.dumps(given) == before
    assert verifies(signed, "domain", KEY.id, SIGNING["public"])


@pytest.mark.rule("REQ-SIGN-2")
@pytest.mark.parametrize("given", **cases(SIGNING["refused"]))
def test_what_does_not_verify(given: dict[str, Any]) -> None:
    """A changed value, another server's signature, an odd or missing one do not verify."""
    assert not verifies(given, "domain", KEY.id, SIGNING["public"])


@pytest.mark.parametrize("public", ["", "!!!", "AAAA", "A" * 43, SIGNING["public"][:-1]])
def test_odd_keys_verify_nothing(public: str) -> None:
    """A key that is none, is too short or is another's verifies nothing."""
    assert not verifies(SIGNER.sign({}), "domain", KEY.id, public)


@pytest.mark.parametrize("key_id", ["", "rsa:1", "ed25519", "ed25519:2"])
def test_odd_key_ids_verify_nothing(key_id: str) -> None:
    """A signature counts under its own key id only, and only if the algorithm is known."""
    assert not verifies(SIGNER.sign({}), "domain", key_id, SIGNING["public"])


def test_a_key_file_is_written_as_it_is_read() -> None:
    """A new key has the name it was given, and comes back from the text of its file."""
    key = new_signing_key("a_1")
    again = read_signing_key(key.text())
    assert key.id == "ed25519:a_1"
    assert (again, again.text()) == (key, key.text())
    assert new_signing_key("a_1") != key


@pytest.mark.parametrize("text", ["", "\n", "ed25519", "ed25519 1", "ed25519 1 AAAA", "rsa 1 AAAA", "ed25519 1 é"])
def test_a_file_without_a_key_is_refused(text: str) -> None:
    """What is no key file is refused when the host starts, and is not repeated."""
    with pytest.raises(ConfigurationError, match="must be a line") as refused:
        read_signing_key(text)
    assert refused.value.__suppress_context__


@pytest.mark.rule("SEC-50")
def test_a_secret_key_is_not_printed() -> None:
    """A key shows its name and its public half."""
    assert SIGNING["seed"] not in repr(SIGNER)
    assert SIGNING["public"] in repr(SIGNER)
