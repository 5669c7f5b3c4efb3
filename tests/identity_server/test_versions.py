"""What differs between v2, v1 and the delegate: tokens, terms, forms, paths, headers for web clients (REQ-ISREQ)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from matrix_threepid import Medium
from matrix_threepid.testing import ALICE, Outbox

from .acting import ADDRESS, FORM, TARGETS, Place, Strict, refusal, wanted
from .apis import DELEGATE, V1, V2, Api

EMAIL, SMS = "/validate/email/requestToken", "/validate/msisdn/requestToken"
BODY: dict[str, Any] = {"client_secret": "secret", "send_attempt": 1, **TARGETS["email"]}
NUMBERED = {"client_secret": "secret", "send_attempt": 1, **TARGETS["msisdn"]}


@pytest.mark.rule("REQ-ISREQ-1")
@pytest.mark.parametrize("path", [EMAIL, SMS, "/validate/email/submitToken", "/validate/msisdn/submitToken"])
@pytest.mark.parametrize("token", [None, "nonsense"])
def test_version_2_wants_a_token(v2: Place, path: str, token: str | None) -> None:
    """Without a token, and with one nobody knows, v2 answers ``M_UNAUTHORIZED`` before it reads anything."""
    assert refusal(v2.post(path, b"{", user=token)) == (401, "M_UNAUTHORIZED")


@pytest.mark.rule("REQ-ISREQ-1")
@pytest.mark.parametrize(
    ("method", "path"), [("POST", EMAIL), ("POST", "/3pid/bind"), ("GET", "/3pid/getValidated3pid")]
)
def test_terms_come_first(make_place: Callable[..., Place], method: str, path: str) -> None:
    """What the host's ``callers`` say about terms is the answer of v2; v1 knows no users."""
    place = make_place(V2, callers=Strict(), serve_v1=True)
    assert refusal(place.call(method, path, BODY)) == (403, "M_TERMS_NOT_SIGNED")
    assert place.post(f"/_matrix/identity/api/v1{EMAIL}", BODY).status == 200


@pytest.mark.rule("REQ-ISREQ-3")
@pytest.mark.parametrize("api", [V1, DELEGATE], ids=lambda api: api.name)
def test_version_1_reads_forms_and_parameters(make_place: Callable[..., Place], api: Api) -> None:
    """v1 takes the members from a form, from the query, or from both."""
    place, encoded = make_place(api), urlencode(BODY)
    sid = place.post(EMAIL, BODY).json()["sid"]
    assert place.post(EMAIL, encoded.encode(), headers=FORM).json() == {"sid": sid}
    assert place.call("POST", EMAIL, query=encoded).json() == {"sid": sid}
    half = {"email": ADDRESS}
    rest = urlencode({key: value for key, value in BODY.items() if key not in half})
    assert place.post(EMAIL, half, query=rest).json() == {"sid": sid}


@pytest.mark.rule("REQ-ISREQ-3")
def test_version_2_reads_json_only(v2: Place) -> None:
    """A form is no JSON, and the query says nothing."""
    encoded = urlencode(BODY)
    assert refusal(v2.post(EMAIL, encoded.encode(), headers=FORM)) == (400, "M_NOT_JSON")
    assert refusal(v2.call("POST", EMAIL, b"{}", query=encoded)) == (400, "M_MISSING_PARAMS")


@pytest.mark.parametrize("given", [{}, {"serve_v1": False}])
def test_version_1_is_off_until_it_is_asked_for(make_place: Callable[..., Place], given: dict[str, bool]) -> None:
    """Unless a host asks for v1, which has no tokens, its paths are unknown; v2 and the page behind links are there."""
    place = make_place(V2, **given)
    proof = {**place.prove(), "mxid": ALICE}
    sent = len(place.outbox.messages)
    for path, body in ((EMAIL, BODY), (SMS, NUMBERED), ("/3pid/bind", proof), ("/3pid/unbind", {**wanted(), **proof})):
        answer = place.post(f"/_matrix/identity/api/v1{path}", body, user=None)
        assert refusal(answer) == (404, "M_UNRECOGNIZED")
    assert (len(place.outbox.messages), place.sms.messages, place.published()) == (sent, [], None)
    place.ask()
    assert place.press(place.outbox.last).status == 303


def test_a_medium_without_a_sender_is_off(make_place: Callable[..., Place]) -> None:
    """Without a sender a medium's paths are unknown, and the other medium works."""
    place = make_place(DELEGATE, senders={Medium.MSISDN: Outbox()})
    assert refusal(place.ask("email")) == (404, "M_UNRECOGNIZED")
    assert place.ask("msisdn").status == 200


WEB: Mapping[str, str] = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "X-Requested-With, Content-Type, Authorization, Origin, Accept",
}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("OPTIONS", EMAIL),
        ("OPTIONS", "/3pid/getValidated3pid"),
        ("POST", EMAIL),
        ("POST", SMS),
        ("GET", "/validate/email/submitToken"),
        ("GET", "/elsewhere"),
    ],
)
def test_web_clients_are_let_in(validator: Place, method: str, path: str) -> None:
    """Every answer has the headers of the identity API, which allows two more request headers; OPTIONS does nothing."""
    answer = validator.call(method, path, b"{}")
    assert {name: answer.header(name) for name in WEB} == WEB
    assert answer.status == 204 or method != "OPTIONS"


@pytest.mark.parametrize("slashes", ["/{}", "{}/", "/{}/"])
def test_a_base_may_end_with_a_slash(delegate: Place, slashes: str) -> None:
    """Servers put base and path together by concatenation; one slash too many changes nothing."""
    assert delegate.post(slashes.format(DELEGATE.path(SMS)), NUMBERED).status == 200


@pytest.mark.rule("REQ-ISREQ-4")
def test_clients_find_the_server(v2: Place) -> None:
    """The status of version 2 and the list of releases need no token: no client takes a server without them."""
    assert (v2.call("GET", "/_matrix/identity/v2").status, v2.call("GET", "/_matrix/identity/v2").json()) == (200, {})
    versions = v2.call("GET", "/_matrix/identity/versions").json()["versions"]
    assert {"r0.3.0", "v1.1"} <= set(versions)
    assert refusal(v2.call("GET", "/_matrix/identity/api/v1")) == (404, "M_UNRECOGNIZED")


def test_the_first_version_has_a_status_where_it_is_served(make_place: Callable[..., Place]) -> None:
    """With ``serve_v1`` its status is answered as well."""
    assert make_place(V2, serve_v1=True).call("GET", "/_matrix/identity/api/v1").json() == {}
