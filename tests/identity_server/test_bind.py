"""bind at an identity server: what is published, signed, and refused (REQ-ISBIND, REQ-SIGN-2)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from signedjson.key import decode_verify_key_base64
from signedjson.sign import SignatureVerifyException, verify_signed_json

from matrix_threepid.testing import ALICE, BOB

from .acting import CANONICAL, DAY, FORM, KEY, NAME, Place, refusal
from .apis import V1, V2

PUBLIC = decode_verify_key_base64("ed25519", "0", KEY.public)


@pytest.mark.parametrize("medium", ["email", "msisdn"])
def test_an_association_is_published_and_signed(publisher: Place, medium: str) -> None:
    """The answer says what is published since when, with a signature of this server that others can verify."""
    answer = publisher.bind(publisher.prove(medium))
    association, now = answer.json(), publisher.clock.now
    assert answer.status == 200
    verify_signed_json(association, NAME, PUBLIC)
    assert list(association.pop("signatures")) == [NAME]
    until = association.pop("not_after")
    assert type(until) is int
    assert until > now + 10 * 365 * DAY
    named = {"medium": medium, "address": CANONICAL[medium], "mxid": ALICE}
    assert association == {**named, "ts": now, "not_before": now}
    assert publisher.published(medium) == ALICE


def test_a_changed_association_does_not_verify(publisher: Place) -> None:
    """The signature covers every member."""
    association = publisher.bind(publisher.prove()).json()
    for name in set(association) - {"signatures"}:
        with pytest.raises(SignatureVerifyException):
            verify_signed_json({**association, name: "another"}, NAME, PUBLIC)


@pytest.mark.rule("REQ-ISBIND-1")
def test_a_later_bind_replaces_an_earlier_one(publisher: Place) -> None:
    """An address is one user's: whoever proves it last."""
    publisher.publish()
    credentials = publisher.prove(client_secret="another")
    assert publisher.bind(credentials, BOB, user=BOB if publisher.api.user else None).status == 200
    assert publisher.published() == BOB


def test_binding_again_is_the_same_answer(publisher: Place) -> None:
    """A session may be used again while it lives, for an answer that got lost."""
    credentials = publisher.publish()
    assert publisher.bind(credentials).status == 200
    assert publisher.published() == ALICE


@pytest.mark.rule("REQ-ISBIND-1")
def test_version_2_binds_for_its_caller_only(make_place: Callable[..., Place]) -> None:
    """The token's owner must be the user who is bound; v1 knows no tokens and binds for anyone."""
    v2 = make_place(V2, serve_v1=True)
    credentials = v2.prove()
    assert refusal(v2.bind(credentials, BOB)) == (403, "M_UNAUTHORIZED")
    assert v2.published() is None
    assert v2.post(V1.path("/3pid/bind"), {**credentials, "mxid": BOB}, user=None).status == 200
    assert v2.published() == BOB


@pytest.mark.parametrize("token", [None, "nonsense"])
def test_version_2_wants_a_token(v2: Place, token: str | None) -> None:
    """Without a good token nothing is bound."""
    assert refusal(v2.bind(v2.prove(), user=token)) == (401, "M_UNAUTHORIZED")
    assert v2.published() is None


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"sid": "nobody"}, (404, "M_NO_VALID_SESSION")),
        ({"client_secret": "other"}, (404, "M_NO_VALID_SESSION")),
        ({"mxid": "alice"}, (400, "M_INVALID_PARAM")),
        ({"mxid": "@alice"}, (400, "M_INVALID_PARAM")),
        ({"mxid": "@alice:hs example"}, (400, "M_INVALID_PARAM")),
        ({"mxid": None}, (400, "M_INVALID_PARAM")),
        ({"sid": ["a"]}, (400, "M_INVALID_PARAM")),
    ],
)
def test_a_wrong_member_binds_nothing(publisher: Place, changes: dict[str, object], refused: tuple[int, str]) -> None:
    """A session nobody knows, a wrong secret and a user id that is none are refused."""
    body = {**publisher.prove(), "mxid": ALICE, **changes}
    assert refusal(publisher.post("/3pid/bind", body)) == refused
    assert publisher.published() is None


@pytest.mark.parametrize("name", ["sid", "client_secret", "mxid"])
def test_a_missing_member_is_named(publisher: Place, name: str) -> None:
    """All three are needed."""
    body = {"sid": "a", "client_secret": "b", "mxid": ALICE}
    del body[name]
    assert refusal(publisher.post("/3pid/bind", body)) == (400, "M_MISSING_PARAMS")


def test_only_a_live_validated_session_binds(publisher: Place) -> None:
    """An unvalidated session binds nothing, an expired one neither."""
    unproved = {"sid": publisher.ask().json()["sid"], "client_secret": "secret"}
    assert refusal(publisher.bind(unproved)) == (400, "M_SESSION_NOT_VALIDATED")
    proved = publisher.prove(client_secret="another")
    publisher.clock.advance(DAY)
    assert refusal(publisher.bind(proved)) == (400, "M_SESSION_EXPIRED")
    assert publisher.published() is None


def test_a_refused_session_binds_nothing(publisher: Place) -> None:
    """Whoever got the mail can call the session off, before and after it was confirmed."""
    credentials = publisher.prove()
    page, _, query = str(publisher.outbox.last.link).removeprefix(f"https://{NAME}").partition("?")
    assert publisher.call("POST", page, f"{query}&answer=refuse".encode(), headers=FORM).status == 200
    assert refusal(publisher.bind(credentials)) == (400, "M_SESSION_EXPIRED")


def test_a_bind_may_be_a_form_in_version_1(make_place: Callable[..., Place]) -> None:
    """v1 takes the members from a form."""
    place = make_place(V1)
    credentials = place.prove()
    body = f"sid={credentials['sid']}&client_secret=secret&mxid=%40alice%3Ahs.example.org".encode()
    assert place.post("/3pid/bind", body, headers=FORM).json()["mxid"] == ALICE
