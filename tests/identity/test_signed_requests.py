"""Unbinds signed by homeservers, by a table of headers that identity servers meet."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from data import cases

from matrix_threepid.identity.signed_requests import RequestSigner, SignedRequest, XMatrixVerifier, authenticate
from matrix_threepid.identity.signing import new_signing_key
from matrix_threepid.identity.x_matrix import MAX_CREDENTIALS, XMatrixHeader, header, read_headers
from matrix_threepid.offload import run_sync
from matrix_threepid.protocol.errors import Forbidden, MatrixError, Unauthorized
from matrix_threepid.protocol.wire import Request

from . import load

TABLE = load("x_matrix")
V2 = "/_matrix/identity/v2/3pid/unbind"
KEY = new_signing_key("a_1")


class Keys:
    """``ServerKeys`` that are known beforehand, by server name and key id."""

    def __init__(self, keys: dict[str, str]) -> None:
        self.keys = keys

    async def find(self, server_name: str, key_id: str) -> str | None:
        return self.keys.get(f"{server_name} {key_id}")


def signer_of(case: dict[str, Any]) -> str:
    request = SignedRequest("POST", case.get("uri", V2), case.get("body", TABLE["body"]))
    return run_sync(authenticate(request, case["headers"], [case.get("name", TABLE["name"])], Keys(TABLE["keys"])))


@pytest.mark.rule("REQ-SIGN-3", "REQ-SIGN-4", "REQ-SIGN-6")
@pytest.mark.parametrize("case", **cases(TABLE["accepted"]))
def test_good_signatures_name_their_server(case: dict[str, Any]) -> None:
    """However the header is written, and whichever member names us, a good signature tells who signed."""
    assert signer_of(case) == read_headers(case["headers"])[0].origin


@pytest.mark.rule("REQ-SIGN-8", "SEC-212")
@pytest.mark.parametrize("case", **cases(TABLE["refused"]))
def test_all_else_is_refused(case: dict[str, Any]) -> None:
    """Malformed, foreign and missing credentials answer 401; signatures that do not fit answer 403."""
    with pytest.raises(MatrixError) as refused:
        signer_of(case)
    assert (refused.value.status, refused.value.errcode) == (
        {"M_UNAUTHORIZED": 401, "M_FORBIDDEN": 403}[case["errcode"]],
        case["errcode"],
    )


@pytest.mark.rule("REQ-ROOMS-10")
def test_a_homeserver_signs_for_another_one() -> None:
    """A request is for the homeserver that it names, with the path as it is sent, and for nobody else."""
    uri = "/_matrix/federation/v1/exchange_third_party_invite/%21room%3Ahs.example.org"
    signed = RequestSigner("hs.example.org", KEY).for_homeserver("PUT", uri, "other.example.org", {"a": 1})
    request = Request("PUT", "/_matrix/federation/v1/exchange_third_party_invite/!room:hs.example.org")
    keys = Keys({f"hs.example.org {KEY.id}": KEY.public})
    asked = evolve(request, headers={"authorization": signed})
    assert run_sync(XMatrixVerifier(["other.example.org"], keys).origin(asked, {"a": 1})) == "hs.example.org"
    with pytest.raises(Unauthorized):
        run_sync(XMatrixVerifier(["third.example.org"], keys).origin(asked, {"a": 1}))
    with pytest.raises(Forbidden):
        run_sync(XMatrixVerifier(["other.example.org"], keys).origin(asked, {"a": 2}))


@pytest.mark.parametrize("headers", [case["headers"] for case in TABLE["accepted"].values()], ids=TABLE["accepted"])
def test_joined_headers_are_read_like_several(headers: list[str]) -> None:
    """Some hosts join headers of one name with a comma."""
    assert read_headers([", ".join(headers)]) == read_headers(headers)


@pytest.mark.rule("REQ-SIGN-6")
@pytest.mark.parametrize(
    "wrong",
    [
        'X-Matrix origin="a",key="ed25519:1"',
        'X-Matrix origin="a",sig="b"',
        'X-Matrix key="ed25519:1",sig="b"',
        'X-Matrix origin="a"key="ed25519:1",sig="b"',
        'X-Matrix origin = "a",key="ed25519:1",sig="b"',
        'X-Matrix origin="a',
        "X-Matrix origin",
        "X-Matrix =",
        "X-Matrix ",
        'X-Matrix origin="a",Origin="a",key="ed25519:1",sig="b"',
        ",".join(['X-Matrix origin="a",key="ed25519:1",sig="b"'] * (MAX_CREDENTIALS + 1)),
    ],
)
def test_malformed_headers_are_refused(wrong: str) -> None:
    """A header without what is needed, with a parameter twice, or with too many credentials is malformed."""
    with pytest.raises(Unauthorized):
        read_headers([wrong])


@pytest.mark.rule("REQ-SIGN-6")
def test_quoted_values_may_be_escaped() -> None:
    """A backslash stands before any character of a quoted value; commas and schemes in one end nothing."""
    (read,) = read_headers([r'X-Matrix origin="a\"\\b, X-Matrix c",key="ed25519:1",sig="s",more=1'])
    assert read == XMatrixHeader(r"a\"\b, X-Matrix c".replace(r"\"", '"'), "ed25519:1", "s")


@pytest.mark.rule("REQ-SIGN-5")
def test_a_header_is_written_as_the_specification_has_it() -> None:
    """One space, lower-case names, quotes, no spaces round commas."""
    credentials = XMatrixHeader("a.example", "ed25519:1", "c2ln", "b.example")
    assert header(credentials) == 'X-Matrix origin="a.example",destination="b.example",key="ed25519:1",sig="c2ln"'
    assert read_headers([header(credentials)]) == (credentials,)


@pytest.mark.rule("REQ-SIGN-3", "REQ-SIGN-4", "SEC-125")
@pytest.mark.parametrize(("api", "named"), [("v2", "id.example:8443"), ("api/v1", None)])
def test_what_we_sign_is_accepted(api: str, named: str | None) -> None:
    """A signed request verifies; the header names the destination, but not to servers that only know v1."""
    uri, body = f"/_matrix/identity/{api}/3pid/unbind", TABLE["body"]
    written = RequestSigner("hs.example.org", KEY).sign("POST", uri, "id.example:8443", body)
    (credentials,) = read_headers([written])
    assert credentials.destination == named
    verifier = XMatrixVerifier(["id.example:8443"], Keys({f"hs.example.org {KEY.id}": KEY.public}))
    request = Request("POST", uri, {"authorization": written})
    assert run_sync(verifier.origin(request, body)) == "hs.example.org"
    for other in (
        Request("POST", uri, {"authorization": written}, query="a=b"),
        Request("POST", V2 + "x", {**request.headers}),
    ):
        with pytest.raises(Forbidden):
            run_sync(verifier.origin(other, body))


@pytest.mark.rule("REQ-SIGN-7")
def test_a_request_that_names_another_server_is_not_ours() -> None:
    """A destination in the header that is not ours answers 401, even if the signature is for us."""
    written = RequestSigner("hs.example.org", KEY).sign("POST", V2, "id.example", TABLE["body"])
    keys = Keys({f"hs.example.org {KEY.id}": KEY.public})
    elsewhere = written.replace('destination="id.example"', 'destination="other.example"')
    with pytest.raises(Unauthorized):
        run_sync(authenticate(SignedRequest("POST", V2, TABLE["body"]), [elsewhere], ["id.example"], keys))


def test_a_signature_for_a_homeserver_is_none_for_us() -> None:
    """Without a destination of ours in what was signed, a signature is worth nothing."""
    signed = SignedRequest("POST", V2, TABLE["body"]).signed("hs.example.org")
    bare = XMatrixHeader("hs.example.org", KEY.id, KEY.signature(signed, "hs.example.org"))
    keys = Keys({f"hs.example.org {KEY.id}": KEY.public})
    with pytest.raises(Forbidden):
        run_sync(authenticate(SignedRequest("POST", V2, TABLE["body"]), [header(bare)], ["id.example"], keys))
