"""requestToken of the identity API: what it takes, sends and refuses (REQ-ISREQ)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import Limit
from matrix_threepid.model.message import RefusedForever, RefusedForNow
from matrix_threepid.policy import Limits

from .acting import ADDRESS, NUMBER, TARGETS, Place, refusal
from .apis import DELEGATE, V1, V2, Api

EMAIL, SMS = "/validate/email/requestToken", "/validate/msisdn/requestToken"
BODY: dict[str, Any] = {"client_secret": "secret", "send_attempt": 1, **TARGETS["email"]}
NUMBERED = {"client_secret": "secret", "send_attempt": 1, **TARGETS["msisdn"]}


def test_a_mail_leads_to_our_page(validator: Place) -> None:
    """A mail's link leads to a page of this server and carries no client secret; the answer is the ``sid`` alone."""
    answer = validator.ask()
    assert (answer.status, list(answer.json())) == (200, ["sid"])
    version = validator.homeserver.submit_version
    page = f"https://id.example.org/_matrix/identity{version}/threepid/email/submit_token?"
    assert str(validator.outbox.last.link).startswith(page)
    assert "secret" not in str(validator.outbox.last.link)
    assert validator.outbox.last.recipient == ADDRESS


@pytest.mark.rule("REQ-ISREQ-4")
def test_an_sms_holds_a_code(validator: Place) -> None:
    """An SMS holds six digits; the answer has the number in both its forms."""
    answer = validator.ask("msisdn").json()
    sid = answer.pop("sid")
    assert sid
    assert answer == {"success": True, "msisdn": NUMBER, "intl_fmt": "+44 7700 900123"}
    assert len(str(validator.sms.last.code)) == 6
    assert validator.sms.last.recipient == NUMBER


@pytest.mark.parametrize("attempt", ["1", 1])
def test_an_attempt_may_be_a_string(validator: Place, attempt: object) -> None:
    """Web clients send ``send_attempt`` as a string; it counts like the number."""
    sid = validator.ask().json()["sid"]
    assert validator.ask(send_attempt=attempt).json() == {"sid": sid}
    assert len(validator.outbox.messages) == 1
    validator.ask(send_attempt="2")
    assert len(validator.outbox.messages) == 2


@pytest.mark.rule("REQ-ISREQ-2")
@pytest.mark.parametrize("name", BODY)
def test_a_missing_member_is_named(validator: Place, name: str) -> None:
    """The identity API calls it ``M_MISSING_PARAMS``."""
    answer = validator.post(EMAIL, {key: value for key, value in BODY.items() if key != name})
    assert refusal(answer) == (400, "M_MISSING_PARAMS")
    assert name in answer.json()["error"]


@pytest.mark.rule("REQ-ISREQ-2")
@pytest.mark.parametrize(
    ("path", "changes", "errcode"),
    [
        (EMAIL, {"email": "nope"}, "M_INVALID_EMAIL"),
        (EMAIL, {"email": "a@b.example, c@d.example"}, "M_INVALID_EMAIL"),
        (EMAIL, {"email": 1}, "M_INVALID_PARAM"),
        (EMAIL, {"send_attempt": "one"}, "M_INVALID_PARAM"),
        (EMAIL, {"send_attempt": 1.5}, "M_INVALID_PARAM"),
        (EMAIL, {"client_secret": "don'tT3ll"}, "M_INVALID_PARAM"),
        (EMAIL, {"next_link": "javascript:alert(1)"}, "M_INVALID_PARAM"),
        (SMS, {"phone_number": "12"}, "M_INVALID_ADDRESS"),
        (SMS, {"country": "99"}, "M_INVALID_ADDRESS"),
        (SMS, {"phone_number": "call me"}, "M_INVALID_ADDRESS"),
    ],
)
def test_a_wrong_member_is_refused(validator: Place, path: str, changes: dict[str, Any], errcode: str) -> None:
    """Addresses have errcodes of their own, other members are ``M_INVALID_PARAM``; nothing is sent."""
    body = BODY if path == EMAIL else NUMBERED
    assert refusal(validator.post(path, {**body, **changes})) == (400, errcode)
    assert validator.outbox.messages == validator.sms.messages == []


@pytest.mark.parametrize(("body", "errcode"), [(b"{", "M_NOT_JSON"), (b"[]", "M_BAD_JSON")])
def test_a_body_that_is_no_object_is_refused(validator: Place, body: bytes, errcode: str) -> None:
    """Not JSON, and JSON that is no object, are told apart."""
    assert refusal(validator.post(EMAIL, body)) == (400, errcode)


@pytest.mark.rule("REQ-ISREQ-2")
@pytest.mark.parametrize("outcome", [RefusedForever("no such box"), RefusedForNow("busy")])
@pytest.mark.parametrize(("medium", "errcode"), [("email", "M_EMAIL_SEND_ERROR"), ("msisdn", "M_SEND_ERROR")])
def test_a_failed_sending_is_told(validator: Place, medium: str, errcode: str, outcome: Any) -> None:
    """A message that could not be sent is a 400 with an errcode of its own, and the same attempt may be made again."""
    outbox = validator.outbox if medium == "email" else validator.sms
    outbox.outcomes.append(outcome)
    assert refusal(validator.ask(medium)) == (400, errcode)
    assert validator.ask(medium).status == 200
    assert len(outbox.messages) == 2


@pytest.mark.parametrize(
    ("medium", "address", "refused"),
    [("email", ADDRESS, (403, "M_THREEPID_DENIED")), ("msisdn", NUMBER, (400, "M_DESTINATION_REJECTED"))],
)
def test_addresses_the_host_refuses_get_nothing(
    validator: Place, medium: str, address: str, refused: tuple[int, str]
) -> None:
    """The host's rules are asked before anything is sent."""
    validator.rules.denied.add(address)
    assert refusal(validator.ask(medium)) == refused
    assert validator.outbox.messages == validator.sms.messages == []


@pytest.mark.parametrize("api", [V2, V1, DELEGATE], ids=lambda api: api.name)
def test_sending_is_limited(make_place: Callable[..., Place], api: Api) -> None:
    """What costs money is limited per address, client and user, and says when to come back."""
    place = make_place(api, {"limits": Limits(per_address=Limit(1, 0.001))})
    assert place.ask("msisdn").status == 200
    answer = place.ask("msisdn", send_attempt=2)
    assert refusal(answer) == (429, "M_LIMIT_EXCEEDED")
    assert answer.json()["retry_after_ms"] > 0
    assert len(place.sms.messages) == 1


@pytest.mark.rule("SEC-115")
def test_lifetimes_are_those_of_the_identity_api(validator: Place) -> None:
    """A session may be validated for 24 hours, and then lives another 24."""
    day = 86_400_000
    sid = validator.ask().json()["sid"]
    validator.clock.advance(day - 1)
    assert validator.post("/validate/email/submitToken", validator.triple(sid)).json() == {"success": True}
    credentials = {"sid": sid, "client_secret": "secret"}
    validator.clock.advance(day - 1)
    assert validator.validated(credentials).status == 200
    validator.clock.advance(1)
    assert refusal(validator.validated(credentials)) == (400, "M_SESSION_EXPIRED")
