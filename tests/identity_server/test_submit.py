"""submitToken and getValidated3pid of the identity API (REQ-ISREQ, REQ-ISVAL)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from matrix_threepid.events import ThreepidValidated

from .acting import CANONICAL, DAY, FORM, MINUTE, Place, refusal
from .apis import DELEGATE, V1, V2, Api

MEDIA = pytest.mark.parametrize("medium", ["email", "msisdn"])


def submit_path(medium: str) -> str:
    return f"/validate/{medium}/submitToken"


@MEDIA
def test_the_right_token_validates(validator: Place, medium: str) -> None:
    """The token of the message validates, and again; what was validated can be asked as often as one likes."""
    sid = validator.ask(medium).json()["sid"]
    triple = validator.triple(sid, medium)
    at = validator.clock.now
    for _ in range(2):
        answer = validator.post(submit_path(medium), triple)
        assert (answer.status, answer.json()) == (200, {"success": True})
        validator.clock.advance(MINUTE)
    for _ in range(3):
        proved = validator.validated({"sid": sid, "client_secret": "secret"})
        assert proved.json() == {"medium": medium, "address": CANONICAL[medium], "validated_at": at}
    assert len(validator.events.of(ThreepidValidated)) == 1


def test_the_page_behind_a_mail_validates_on_post_only(validator: Place) -> None:
    """Opening the mail's link shows a page; pressing its button validates."""
    sid = validator.ask().json()["sid"]
    path, _, query = str(validator.outbox.last.link).removeprefix("https://id.example.org").partition("?")
    credentials = {"sid": sid, "client_secret": "secret"}
    assert validator.call("GET", path, query=query, user=None).status == 200
    assert refusal(validator.validated(credentials)) == (400, "M_SESSION_NOT_VALIDATED")
    assert validator.press(validator.outbox.last).status == 303
    assert validator.validated(credentials).status == 200


@MEDIA
@pytest.mark.parametrize("next_link", [None, "https://app.example.org/done?a=b"])
def test_get_validates_at_once(validator: Place, medium: str, next_link: str | None) -> None:
    """GET with all three values validates without a token, and shows a page or goes on to the session's link."""
    sid = validator.ask(medium, **({"next_link": next_link} if next_link else {})).json()["sid"]
    values = {
        **validator.triple(sid, medium),
        "next_link": "https://evil.example.org/",
        "nextLink": "https://x.example",
    }
    answer = validator.get(submit_path(medium), values, user=None)
    if next_link is None:
        assert (answer.status, answer.header("Content-Type")) == (200, "text/html; charset=utf-8")
    else:
        assert (answer.status, answer.header("Location")) == (303, f"{next_link}&sid={sid}")
    assert validator.validated({"sid": sid, "client_secret": "secret"}).status == 200


@pytest.mark.parametrize("changes", [{"token": "000000"}, {"client_secret": "other"}, {"sid": "nobody"}, {"token": ""}])
def test_get_with_a_wrong_value_shows_a_page(validator: Place, changes: dict[str, str]) -> None:
    """A link that does not fit is a page with a 4xx, goes nowhere and validates nothing."""
    sid = validator.ask(next_link="https://app.example.org/").json()["sid"]
    answer = validator.get(submit_path("email"), {**validator.triple(sid), **changes}, user=None)
    assert (answer.status, answer.header("Location")) == (400, None)
    assert str(answer.header("Content-Type")).startswith("text/html")
    assert refusal(validator.validated({"sid": sid, "client_secret": "secret"})) == (400, "M_SESSION_NOT_VALIDATED")


@pytest.mark.rule("SEC-130")
def test_head_validates_nothing(validator: Place) -> None:
    """Programs that look at links ask with HEAD; only GET and POST confirm."""
    sid = validator.ask().json()["sid"]
    answer = validator.call("HEAD", submit_path("email"), query=urlencode(validator.triple(sid)), user=None)
    assert (answer.status, answer.body) == (405, b"")
    assert refusal(validator.validated({"sid": sid, "client_secret": "secret"})) == (400, "M_SESSION_NOT_VALIDATED")


WRONG = [
    ({"token": "000000"}, (400, "M_TOKEN_INCORRECT")),
    ({"client_secret": "other"}, (404, "M_NO_VALID_SESSION")),
    ({"sid": "nobody"}, (404, "M_NO_VALID_SESSION")),
]


def not_done(api: Api, status: int, errcode: str) -> tuple[int, dict[str, Any]]:
    """Return how an API says that a token did not validate, sentence aside."""
    return (200, {"success": False, "errcode": errcode}) if api is DELEGATE else (status, {"errcode": errcode})


def told(answer: Any) -> tuple[int, dict[str, Any]]:
    return answer.status, {name: value for name, value in answer.json().items() if name != "error"}


@MEDIA
@pytest.mark.parametrize(("changes", "refused"), WRONG)
def test_a_wrong_value_is_refused(
    validator: Place, medium: str, changes: dict[str, str], refused: tuple[int, str]
) -> None:
    """A wrong token has its errcode; unknown session and wrong secret look alike. The delegate answers 200 with it."""
    sid = validator.ask(medium).json()["sid"]
    answer = validator.post(submit_path(medium), {**validator.triple(sid, medium), **changes})
    assert told(answer) == not_done(validator.api, *refused)
    assert refusal(validator.validated({"sid": sid, "client_secret": "secret"})) == (400, "M_SESSION_NOT_VALIDATED")


def test_a_session_is_of_one_medium(validator: Place) -> None:
    """The path of the other medium does not know the session."""
    sid = validator.ask("email").json()["sid"]
    answer = validator.post(submit_path("msisdn"), validator.triple(sid))
    assert told(answer) == not_done(validator.api, 404, "M_NO_VALID_SESSION")


@MEDIA
def test_a_late_token_is_refused(validator: Place, medium: str) -> None:
    """A code lives ten minutes, a link a day; then the session has expired."""
    sid = validator.ask(medium).json()["sid"]
    validator.clock.advance(10 * MINUTE if medium == "msisdn" else DAY)
    answer = validator.post(submit_path(medium), validator.triple(sid, medium))
    assert told(answer) == not_done(validator.api, 400, "M_SESSION_EXPIRED")


def test_a_code_takes_five_guesses(validator: Place) -> None:
    """The sixth guess of a code is not compared, be it right."""
    sid = validator.ask("msisdn").json()["sid"]
    right = validator.triple(sid, "msisdn")
    for _ in range(5):
        wrong = {**right, "token": f"{(int(right['token']) + 1) % 10**6:06}"}
        assert told(validator.post(submit_path("msisdn"), wrong)) == not_done(validator.api, 400, "M_TOKEN_INCORRECT")
    answer = validator.post(submit_path("msisdn"), right)
    assert told(answer) == not_done(validator.api, 400, "M_SESSION_EXPIRED")


@pytest.mark.rule("REQ-SUBMIT-4")
def test_every_api_reads_codes_and_numbers_as_people_paste_them(validator: Place) -> None:
    """A number copied out of an address book gets its code, and the code may be pasted with what surrounds it."""
    sid = validator.ask("msisdn", country="", phone_number="\u202atel:+44\u202f7700-900123\u202c").json()["sid"]
    pasted = validator.triple(sid, "msisdn", token=f" #{validator.token('msisdn')}\u00a0")
    assert validator.post(submit_path("msisdn"), pasted).json() == {"success": True}
    proved = validator.validated({"sid": sid, "client_secret": "secret"}).json()
    assert proved["address"] == CANONICAL["msisdn"]


def test_missing_values_are_named_in_any_mode(validator: Place) -> None:
    """What a caller left out is an error of 400 also where wrong tokens are none."""
    assert refusal(validator.post(submit_path("email"), {"sid": "a"})) == (400, "M_MISSING_PARAMS")


def test_an_identity_server_can_answer_as_older_clients_want(make_place: Callable[..., Place]) -> None:
    """With ``submit_answers="compat"`` a wrong token is a 200 that says so."""
    place = make_place(V2, {"submit_answers": "compat"})
    sid = place.ask().json()["sid"]
    answer = place.post(submit_path("email"), place.triple(sid, token="000000"))
    assert told(answer) == (200, {"success": False, "errcode": "M_TOKEN_INCORRECT"})


@pytest.mark.parametrize("api", [V1, DELEGATE], ids=lambda api: api.name)
def test_version_1_reads_forms_and_parameters(make_place: Callable[..., Place], api: Api) -> None:
    """v1 takes the three values from a form or from the query of a POST as well."""
    for as_form in (True, False):
        place = make_place(api)
        encoded = urlencode(place.triple(place.ask().json()["sid"]))
        if as_form:
            answer = place.post(submit_path("email"), encoded.encode(), headers=FORM)
        else:
            answer = place.call("POST", submit_path("email"), query=encoded)
        assert answer.json() == {"success": True}


def test_version_2_reads_json_only(v2: Place) -> None:
    """v2 takes the three values of a POST from its JSON body alone."""
    encoded = urlencode(v2.triple(v2.ask().json()["sid"]))
    assert refusal(v2.post(submit_path("email"), encoded.encode(), headers=FORM)) == (400, "M_NOT_JSON")
    assert refusal(v2.call("POST", submit_path("email"), b"{}", query=encoded)) == (400, "M_MISSING_PARAMS")


@pytest.mark.rule("REQ-SUBMIT-10")
@pytest.mark.parametrize("api", [V2, V1, DELEGATE], ids=lambda api: api.name)
@pytest.mark.parametrize("proof", ["code", "both"])
def test_a_mail_may_hold_a_code(make_place: Callable[..., Place], api: Api, proof: str) -> None:
    """With ``mail_proof`` the code of a mail is submitted where clients submit every token of the identity API."""
    place = make_place(api, {"mail_proof": proof})
    sid = place.ask().json()["sid"]
    assert (place.outbox.last.link is None) is (proof == "code")
    mistyped = place.post(submit_path("email"), {**place.triple(sid), "token": "000"})
    assert mistyped.json()["errcode"] == "M_TOKEN_INCORRECT"
    assert place.post(submit_path("email"), place.triple(sid)).json() == {"success": True}
    assert place.validated({"sid": sid, "client_secret": "secret"}).status == 200
