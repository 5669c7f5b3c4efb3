"""Signatures on unbinds: what they cover, whose they are, and where keys come from (REQ-SIGN, SEC-31)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import data
import pytest

from matrix_threepid.identity.key_lookup import KeyLookup
from matrix_threepid.identity.signed_requests import RequestSigner, XMatrixVerifier
from matrix_threepid.identity.x_matrix import read_headers
from matrix_threepid.net.fetch import Failure, HttpFailure
from matrix_threepid.testing import ALICE

from .acting import FORBIDDEN, HOMESERVER, NAME, OTHERS, UNSIGNED, Keys, Place, done, refusal, wanted
from .apis import V1, V2, Api

TABLE = data.load("../identity/data/x_matrix")


def tabled(make_place: Callable[..., Place], case: dict[str, Any]) -> tuple[Place, dict[str, Any], Any]:
    """Return a server with the association of a case of the table, its body, and its answer."""
    keys = Keys({tuple(who.split(" ")): public for who, public in TABLE["keys"].items()})  # type: ignore[misc]
    name = case.get("name", TABLE["name"])
    place = make_place(V1, verifier=XMatrixVerifier([name], keys))
    body, uri = case.get("body", TABLE["body"]), case.get("uri", V2.path("/3pid/unbind"))
    place.publish_as(body["threepid"]["address"], body["mxid"])
    headers = {"authorization": ", ".join(case["headers"])} if case["headers"] else {}
    path, _, query = uri.partition("?")
    return place, body, place.post(path, body, user=None, headers=headers, query=query)


@pytest.mark.parametrize("case", **data.cases(TABLE["accepted"]))
def test_good_signatures_unbind(make_place: Callable[..., Place], case: dict[str, Any]) -> None:
    """However a good signature is written, the homeserver that controls the user is believed, and no other."""
    place, body, answer = tabled(make_place, case)
    controls = read_headers(case["headers"])[0].origin == body["mxid"].partition(":")[2]
    assert done(answer) if controls else refusal(answer) == FORBIDDEN
    assert (place.published(address=body["threepid"]["address"]) is None) == controls


@pytest.mark.rule("SEC-31")
@pytest.mark.parametrize("case", **data.cases(TABLE["refused"]))
def test_all_other_signatures_do_nothing(make_place: Callable[..., Place], case: dict[str, Any]) -> None:
    """Nothing that is wrong about a signature unbinds anything."""
    place, body, answer = tabled(make_place, case)
    assert refusal(answer) == ({"M_UNAUTHORIZED": 401, "M_FORBIDDEN": 403}[case["errcode"]], case["errcode"])
    assert place.published(address=body["threepid"]["address"]) == body["mxid"]


@pytest.mark.rule("SEC-31")
@pytest.mark.parametrize("signed_for", [V1, V2], ids=lambda api: api.name)
@pytest.mark.parametrize("sent_to", [V1, V2], ids=lambda api: api.name)
def test_a_signature_is_for_one_version(make_place: Callable[..., Place], signed_for: Api, sent_to: Api) -> None:
    """What was signed for the path of one version is worth nothing at the other."""
    v2 = make_place(V2, serve_v1=True)
    v2.publish()
    body = wanted()
    header = HOMESERVER.sign("POST", signed_for.path("/3pid/unbind"), NAME, body)
    answer = v2.post(sent_to.path("/3pid/unbind"), body, user=None, headers={"authorization": header})
    assert answer.status == (200 if signed_for is sent_to else 403)


@pytest.mark.rule("SEC-31")
def test_what_was_signed_cannot_be_changed(publisher: Place) -> None:
    """Another user, another address and a further member all spoil the signature."""
    publisher.publish()
    header = publisher.signed(wanted())
    for other in (wanted("@bob:hs.example.org"), wanted(address="bob@example.org"), {**wanted(), "more": 1}):
        assert refusal(publisher.unbind(other, header)) == FORBIDDEN
    assert publisher.published() == ALICE


@pytest.mark.rule("SEC-31")
def test_two_signers_are_none(publisher: Place) -> None:
    """A request with the credentials of two servers is refused, whichever comes first."""
    publisher.publish()
    publisher.keys.publish("evil.example", OTHERS)
    body = wanted()
    both = [publisher.signed(body), publisher.signed(body, RequestSigner("evil.example", OTHERS))]
    for headers in (both, both[::-1]):
        assert refusal(publisher.unbind(body, ", ".join(headers))) == UNSIGNED
    assert publisher.published() == ALICE


@pytest.mark.answers_5xx(503)
def test_an_outage_of_the_signer_is_no_refusal(publisher: Place) -> None:
    """If nobody can say what the signer's key is, the answer is 503 and the server may come again; a session helps."""
    credentials = publisher.publish()
    publisher.keys.away = True
    body = wanted()
    assert publisher.unbind(body, publisher.signed(body)).status == 503
    assert publisher.published() == ALICE
    assert done(publisher.unbind({**body, **credentials}, publisher.signed(body)))


@pytest.mark.answers_5xx(503)
def test_keys_come_from_the_look_up(make_place: Callable[..., Place]) -> None:
    """The verifier asks the signer's own server for its key."""
    asked: list[str] = []

    class Nowhere:
        async def fetch(self, request: Any, deadline: int) -> HttpFailure:
            asked.append(f"{request.host}:{request.port}{request.path}")
            return HttpFailure(Failure.REFUSED)

    place = make_place(V2, verifier=XMatrixVerifier([NAME], KeyLookup(fetch=Nowhere())))
    body = wanted()
    assert place.unbind(body, place.signed(body)).status == 503
    assert asked == ["hs.example.org:8448/_matrix/key/v2/server"]


def test_a_server_may_take_nobody_s_signature(make_place: Callable[..., Place]) -> None:
    """Without a verifier signatures are refused as a kind; sessions still unbind."""
    place = make_place(V2, verifier=None)
    credentials = place.publish()
    body = wanted()
    assert refusal(place.unbind(body, place.signed(body))) == FORBIDDEN
    assert done(place.unbind({**body, **credentials}))
