"""unbind at an identity server: two ways to prove it may be done, and nothing else (REQ-ISUNBIND, REQ-SIGN, SEC-31)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import Limit, Limits
from matrix_threepid.identity.signed_requests import RequestSigner
from matrix_threepid.testing import ALICE, BOB

from .acting import ADDRESS, DAY, FORBIDDEN, HS_KEY, NUMBER, OTHERS, UNSIGNED, Place, Strict, done, refusal, wanted
from .apis import V1, V2

BEARER = f"Bearer {ALICE}"


@pytest.mark.rule("REQ-ISUNBIND-1")
@pytest.mark.parametrize("medium", ["email", "msisdn"])
def test_the_user_s_homeserver_unbinds_by_its_signature(publisher: Place, medium: str) -> None:
    """A signed request needs neither token nor session, and the answer is empty."""
    publisher.publish(medium=medium)
    body = wanted(medium=medium, address=ADDRESS if medium == "email" else NUMBER)
    assert done(publisher.unbind(body, publisher.signed(body)))
    assert publisher.published(medium) is None


@pytest.mark.rule("REQ-ISUNBIND-1")
@pytest.mark.parametrize("medium", ["email", "msisdn"])
def test_the_owner_of_an_address_unbinds_by_a_session(publisher: Place, medium: str) -> None:
    """Whoever proves the address may take it back, whoever bound it; no token is needed."""
    publisher.publish(medium=medium)
    credentials = publisher.prove(medium, client_secret="another")
    body = wanted(medium=medium, address=ADDRESS if medium == "email" else NUMBER, **credentials)
    assert done(publisher.unbind(body))
    assert publisher.published(medium) is None


# -- every combination of credentials ---------------------------------------------------------------

SIGNATURES: dict[str, tuple[str | None, tuple[int, str] | None]] = {
    "no header": (None, UNSIGNED),
    "a token": (BEARER, FORBIDDEN),
    "Basic": ("Basic YTpi", FORBIDDEN),
    "a good signature": ("good", None),
    "a forged signature": ("forged", FORBIDDEN),
    "for another server": ("elsewhere", UNSIGNED),
    "malformed": ("X-Matrix origin=hs.example.org", UNSIGNED),
}
SESSIONS: dict[str, tuple[str, tuple[int, str] | None]] = {
    "no session": ("none", None),
    "a good session": ("good", None),
    "a wrong secret": ("wrong secret", (404, "M_NO_VALID_SESSION")),
    "an unknown session": ("unknown", (404, "M_NO_VALID_SESSION")),
    "an unvalidated session": ("unvalidated", (400, "M_SESSION_NOT_VALIDATED")),
    "an expired session": ("expired", (400, "M_SESSION_EXPIRED")),
    "a session of another address": ("other address", FORBIDDEN),
    "a sid without secret": ("half", None),
}


def session(place: Place, kind: str) -> dict[str, str]:
    """Return the credentials of a session of some kind; Alice's address is bound after that."""
    good = place.prove(client_secret="another")
    if kind == "expired":
        place.clock.advance(DAY)
    made: dict[str, Callable[[], dict[str, str]]] = {
        "none": dict,
        "half": lambda: {"sid": good["sid"]},
        "wrong secret": lambda: {**good, "client_secret": "nobodys"},
        "unknown": lambda: {**good, "sid": "nobody"},
        "unvalidated": lambda: {"sid": place.ask(client_secret="third").json()["sid"], "client_secret": "third"},
        "other address": lambda: place.prove(email="bob@example.org", client_secret="third"),
    }
    return made.get(kind, lambda: good)()


def header(place: Place, kind: str | None, body: dict[str, Any]) -> str | None:
    made = {
        "good": lambda: place.signed(body),
        "forged": lambda: place.signed(body, RequestSigner("hs.example.org", OTHERS)),
        "elsewhere": lambda: RequestSigner("hs.example.org", HS_KEY).sign(
            "POST", V2.path("/3pid/unbind"), "other.example", body
        ),
    }
    return made[kind]() if kind in made else kind


@pytest.mark.rule("REQ-ISUNBIND-2", "REQ-ISUNBIND-5", "REQ-ISUNBIND-6")
@pytest.mark.parametrize("signature", SIGNATURES)
@pytest.mark.parametrize("proof", SESSIONS)
def test_either_proof_is_enough(v2: Place, signature: str, proof: str) -> None:
    """A good signature or a good session unbinds, whatever stands beside it; without one nothing is unbound."""
    sent, unsigned = SIGNATURES[signature]
    kind, refused = SESSIONS[proof]
    body = wanted(**session(v2, kind))
    v2.publish()
    answer = v2.unbind(body, header(v2, sent, body))
    if sent == "good" or kind == "good":
        assert done(answer)
    else:
        assert refusal(answer) == (refused or unsigned)
    assert (v2.published() is None) == (answer.status == 200)


# -- who signed -------------------------------------------------------------------------------------


@pytest.mark.rule("REQ-ISUNBIND-3", "SEC-31")
@pytest.mark.parametrize(
    ("mxid", "origin", "may"),
    [
        ("@alice:hs.example.org", "hs.example.org", True),
        ("@alice:hs.example.org:8448", "hs.example.org:8448", True),
        ("@alice:[::1]:8448", "[::1]:8448", True),
        ("@alice:hs.example.org:8448", "hs.example.org", False),
        ("@alice:evil.example:hs.example.org", "hs.example.org", False),
        ("@alice:hs.example.org:8448", "8448", False),
        ("@alice:evilhs.example.org", "hs.example.org", False),
        ("@alice:HS.example.org", "hs.example.org", False),
        ("@alice:hs.example.org", "HS.example.org", False),
        ("@alice:hs.example.org", "evil.example", False),
    ],
)
def test_the_signer_must_be_the_user_s_own_homeserver(
    make_place: Callable[..., Place], mxid: str, origin: str, may: bool
) -> None:
    """The server is all that follows the first colon of the user id, letter by letter."""
    publisher = make_place(V1)
    publisher.keys.publish(origin, HS_KEY)
    publisher.publish(mxid)
    body = wanted(mxid)
    answer = publisher.unbind(body, publisher.signed(body, RequestSigner(origin, HS_KEY)))
    assert done(answer) if may else refusal(answer) == FORBIDDEN
    assert (publisher.published() is None) == may


@pytest.mark.rule("REQ-ISUNBIND-7", "REQ-ISUNBIND-8")
def test_an_association_of_somebody_else_stays(publisher: Place) -> None:
    """Unbinding what is not bound, or is bound to another user, is no error and removes nothing."""
    publisher.publish()
    for body in (wanted("@bob:hs.example.org"), wanted(address="nobody@example.org")):
        assert done(publisher.unbind(body, publisher.signed(body)))
    credentials = publisher.prove(client_secret="another")
    assert done(publisher.unbind(wanted(BOB, **credentials)))
    assert publisher.published() == ALICE


@pytest.mark.rule("REQ-ISUNBIND-2")
@pytest.mark.parametrize("typed", ["Alice@Example.ORG", " alice@example.org "])
def test_addresses_are_compared_in_their_canonical_form(publisher: Place, typed: str) -> None:
    """However a server or a person spells the address, it is the same one."""
    credentials = publisher.publish()
    assert done(publisher.unbind(wanted(address=typed, **credentials)))
    assert publisher.published() is None


@pytest.mark.parametrize("typed", ["+44 7700 900123", "447700900123", "+44-7700-900123"])
def test_numbers_are_compared_by_their_digits(publisher: Place, typed: str) -> None:
    """A number may be written as people write it, if it has its country code."""
    publisher.publish(medium="msisdn")
    body = wanted(medium="msisdn", address=typed)
    assert done(publisher.unbind(body, publisher.signed(body)))
    assert publisher.published("msisdn") is None


def test_an_intranet_s_address_can_be_taken_back(make_place: Callable[..., Place]) -> None:
    """What the policy lets in can leave."""
    place = make_place(V2, {"intranet_domains": ["corp"]})
    credentials = place.prove(email="alice@corp")
    place.bind(credentials)
    assert place.published(address="alice@corp") == ALICE
    body = wanted(address="alice@corp")
    assert done(place.unbind(body, place.signed(body)))
    assert place.published(address="alice@corp") is None


@pytest.mark.rule("REQ-ISUNBIND-4")
def test_terms_and_tokens_do_not_matter(make_place: Callable[..., Place]) -> None:
    """A good signature, or a good session, is never answered with a word about tokens or terms."""
    place = make_place(V2)
    place.publish()
    body, credentials = wanted(), place.prove(client_secret="another")
    strict = make_place(V2, callers=Strict(), sessions=place.homeserver.sessions)
    assert done(strict.unbind(body, strict.signed(body)))
    assert done(strict.unbind({**body, **credentials}))


# -- bodies -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"threepid": {"medium": "email", "address": ADDRESS}}, "M_MISSING_PARAMS"),
        ({"mxid": ALICE}, "M_MISSING_PARAMS"),
        ({"mxid": ALICE, "threepid": {"medium": "email"}}, "M_MISSING_PARAMS"),
        ({"mxid": ALICE, "threepid": {"address": ADDRESS}}, "M_MISSING_PARAMS"),
        ({"mxid": ALICE, "threepid": "email"}, "M_INVALID_PARAM"),
        (wanted(medium="post", address="a"), "M_INVALID_PARAM"),
        (wanted("alice"), "M_INVALID_PARAM"),
        (wanted(address="nope"), "M_INVALID_EMAIL"),
        ([], "M_BAD_JSON"),
        (b"{", "M_NOT_JSON"),
    ],
)
def test_a_bad_body_is_named(publisher: Place, body: Any, errcode: str) -> None:
    """Missing and wrong members are told apart, also inside ``threepid``."""
    assert refusal(publisher.unbind(body)) == (400, errcode)


@pytest.mark.rule("REQ-ISUNBIND-7")
def test_unbinding_twice_is_no_error(publisher: Place) -> None:
    """A retry after a lost answer succeeds."""
    publisher.publish()
    body = wanted()
    assert done(publisher.unbind(body, publisher.signed(body)))
    assert done(publisher.unbind(body, publisher.signed(body)))


@pytest.mark.rule("SEC-267")
def test_who_makes_the_server_call_out_is_limited(make_place: Callable[..., Place]) -> None:
    """Signed unbinds are counted by network before the signer's keys are asked for; other networks go on."""
    place = make_place(policy={"limits": Limits(call_outs=Limit(2, 0.1))})
    tarpit = 'X-Matrix origin="tarpit.example",key="ed25519:a",sig="c2ln"'
    statuses = [place.unbind(wanted(), tarpit).status for _ in range(4)]
    assert statuses == [403, 403, 429, 429]
    assert place.unbind(wanted(), tarpit, client="203.0.113.99").status == 403
