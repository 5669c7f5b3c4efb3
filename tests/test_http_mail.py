"""Mail through a provider's HTTP interface."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
from sms.gateway import gateway, trusting
from smtp.messages import LINK, told

from matrix_threepid import ConfigurationError, run_sync
from matrix_threepid.model.message import Accepted, Outcome, RefusedForever, RefusedForNow, Unknown
from matrix_threepid.senders import HttpMailSender, mailgun, postmark, sendgrid
from matrix_threepid.testing.rogue import Heard, Said, answer, hang_up

WHO = {"sender": "Example <noreply@example.org>", "server_name": "example.org"}


def sent(make: Callable[..., HttpMailSender], said: Said, **changes: Any) -> tuple[Outcome, list[Heard]]:
    """Send one mail through a stand-in of a provider; return the outcome and the requests."""
    with gateway(said) as server:
        sender = make(url=f"https://localhost:{server.port}/send", fetch=trusting(), **WHO)
        return run_sync(sender.send(told(**changes))), list(server.heard)


def by_postmark(**options: Any) -> HttpMailSender:
    return postmark("token", **options)


def by_mailgun(**options: Any) -> HttpMailSender:
    return mailgun("mg.example.org", "key", **options)


def by_sendgrid(**options: Any) -> HttpMailSender:
    return sendgrid("key", **options)


def test_postmark_gets_its_members() -> None:
    """One JSON object with both parts, and no tracking."""
    outcome, (request,) = sent(by_postmark, answer(200, b'{"ErrorCode": 0, "MessageID": "1"}'))
    body = json.loads(request.body)
    assert outcome == Accepted()
    assert request.headers["x-postmark-server-token"] == "token"
    assert (body["From"], body["To"]) == (WHO["sender"], "bob@example.org")
    assert (body["TrackOpens"], body["TrackLinks"]) == (False, "None")
    assert LINK in body["TextBody"]
    assert LINK.replace("&", "&amp;") in body["HtmlBody"]


def test_mailgun_gets_its_form() -> None:
    """One form with the key as basic authentication, and no tracking."""
    outcome, (request,) = sent(by_mailgun, answer(200, b'{"id": "<1@mg>", "message": "Queued. Thank you."}'))
    form = {name: value for name, (value,) in parse_qs(request.body.decode()).items()}
    assert outcome == Accepted()
    assert request.headers["authorization"] == "Basic " + b64encode(b"api:key").decode()
    assert (form["from"], form["to"], form["o:tracking"]) == (WHO["sender"], "bob@example.org", "no")
    assert LINK in form["text"]


def test_sendgrid_gets_its_members() -> None:
    """One JSON object with address and name apart, and no tracking."""
    outcome, (request,) = sent(by_sendgrid, answer(202, b""))
    body = json.loads(request.body)
    assert outcome == Accepted()
    assert request.headers["authorization"] == "Bearer key"
    assert body["from"] == {"email": "noreply@example.org", "name": "Example"}
    assert body["personalizations"] == [{"to": [{"email": "bob@example.org"}]}]
    assert [part["type"] for part in body["content"]] == ["text/plain", "text/html"]
    assert not any(each["enable"] for each in body["tracking_settings"].values())


@pytest.mark.rule("SEC-120")
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (answer(422, b'{"ErrorCode": 406}'), RefusedForever("the answer 422 says in ErrorCode: refused for ever")),
        (answer(401, b'{"ErrorCode": 10}'), RefusedForNow("the gateway answered 401")),
        (answer(429, b"", "Retry-After: 7"), RefusedForNow("the gateway answered 429", 7_000)),
        (answer(500, b"oops"), RefusedForNow("the gateway answered 500")),
        (answer(200, b"what?"), Unknown("the gateway answered 200, and no rule holds for the rest")),
    ],
)
def test_answers_become_outcomes(said: Said, expected: Outcome) -> None:
    """A provider out of order refuses for now, since a second mail does no harm; an inactive recipient is final."""
    assert sent(by_postmark, said)[0] == expected


def test_without_an_answer_nobody_knows() -> None:
    """The provider may have taken the mail."""
    assert isinstance(sent(by_postmark, hang_up)[0], Unknown)


@pytest.mark.rule("SEC-15")
@pytest.mark.parametrize(
    "recipient", ["bob@example.org, eve@example.org", "Bob <bob@example.org>", "b\r\nob@example.org"]
)
def test_a_recipient_that_is_no_plain_address_is_not_sent(recipient: str) -> None:
    """A provider would read another recipient out of it."""
    outcome, requests = sent(by_postmark, answer(200), recipient=recipient)
    assert isinstance(outcome, RefusedForever)
    assert requests == []


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: postmark("t\u00f6ken", **WHO), "server_token"),
        (lambda: mailgun("mg.example.org", "", **WHO), "api_key"),
        (lambda: sendgrid("a\nkey", **WHO), "api_key"),
        (lambda: sendgrid("key", sender="nobody", server_name="example.org"), "sender"),
        (
            lambda: HttpMailSender("https://mail.example.org/", {"to": "$number"}, **WHO),
            "template: unknown placeholder",
        ),
    ],
)
def test_what_could_never_be_sent_is_refused_when_wired(make: Callable[[], object], named: str) -> None:
    """The error names the argument."""
    with pytest.raises(ConfigurationError, match=named):
        make()


def test_no_key_is_shown() -> None:
    """Keys are in headers, which ``repr`` hides."""
    assert "s3cret" not in repr(postmark("s3cret", **WHO)) + repr(sendgrid("s3cret", **WHO))
