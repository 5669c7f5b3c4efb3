"""``TwilioSender`` against a stand-in that answers as Twilio does, well and badly."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from typing import Any
from urllib.parse import parse_qs

import pytest
import trio
from looping import LOOPS, Loop, Port, run_trio

from matrix_threepid import ConfigurationError, run_sync
from matrix_threepid.model.message import Accepted, MessageKind, RefusedForever
from matrix_threepid.net.fetch import HttpReply
from matrix_threepid.senders.twilio.sender import TwilioSender
from matrix_threepid.testing.rogue import answer, hang_up

from .gateway import ACCOUNT, CREATED, HTML, NUMBER, TO, TOKEN, error, gateway, outcome_of, through, told, trusting


@pytest.mark.parametrize(
    ("origin", "member"),
    [
        ({"sender": NUMBER}, ("From", NUMBER)),
        ({"sender": "Example"}, ("From", "Example")),
        ({"sender": None, "messaging_service_sid": "MG1"}, ("MessagingServiceSid", "MG1")),
    ],
    ids=["number", "name", "messaging service"],
)
def test_a_message_is_one_authenticated_request(origin: dict[str, Any], member: tuple[str, str]) -> None:
    """The message goes to the account's Messages with recipient, origin and text; the outcome names its SID."""
    with gateway() as server:
        assert run_sync(through(server, **origin).send(told())) == Accepted("SM1")
    (request,) = server.heard
    assert (request.method, request.target) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
    assert request.headers["authorization"] == "Basic " + b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    form = {name: value for name, (value,) in parse_qs(request.body.decode()).items()}
    text = form.pop("Body")
    assert form == {"To": f"+{TO}", member[0]: member[1]}
    assert text.splitlines()[-1] == "@matrix.example.org #123456"


def test_a_message_without_a_code_is_not_sent() -> None:
    """Notices and links are no text messages."""
    outcome, requests = outcome_of(CREATED, kind=MessageKind.IN_USE, code=None)
    assert isinstance(outcome, RefusedForever)
    assert requests == 0


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.name)
def test_one_coroutine_serves_every_loop(loop: Loop) -> None:
    """Twilio's client runs under asyncio, trio and Twisted and with no loop, over whatever the HTTP port returns."""
    twilio = Port(Answers(), loop.answer)
    assert loop.run(TwilioSender(ACCOUNT, TOKEN, sender=NUMBER, fetch=twilio).send(told())) == Accepted("SM1")


class Answers:
    """A ``Fetch`` that knows one answer."""

    async def fetch(self, request: Any, deadline: int) -> HttpReply:
        assert (request.authority, deadline) == ("api.twilio.com", 5_000)
        return HttpReply(201, CREATED.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize(
    ("offload", "run"),
    [(None, asyncio.run), (None, run_trio), (asyncio.to_thread, asyncio.run), (trio.to_thread.run_sync, run_trio)],
    ids=["asyncio", "trio", "asyncio's threads", "trio's threads"],
)
def test_the_built_in_client_works_on_every_loop(offload: Any, run: Any) -> None:
    """The blocking exchange runs in threads of its own, or where the host says."""
    with gateway() as server:
        sending = through(server, fetch=trusting(offload=offload))
        assert run(sending.send(told())) == Accepted("SM1")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (answer(200, b'{"status": "active"}'), None),
        (answer(200, b'{"status": "suspended"}'), "the account is not active"),
        (error(401, 20003), "Twilio 20003: the account or its token is wrong"),
        (answer(502, HTML), "Twilio answered 502"),
        (answer(200, HTML), "the answer makes no sense"),
    ],
)
def test_check_says_what_is_wrong_with_the_account(said: bytes, found: str | None) -> None:
    """Before the first user asks, the operator learns whether the credentials are good; nothing is sent."""
    with gateway(said) as server:
        assert run_sync(through(server).check()) == found
    assert [request.method for request in server.heard] == ["GET"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sender": NUMBER, "messaging_service_sid": "MG1"},
        {"sender": "15005550006x and more"},
        {"sender": "+0500"},
        {"messaging_service_sid": "AC1"},
        {"sender": NUMBER, "account_sid": "SK1"},
        {"sender": NUMBER, "auth_token": ""},
        {"sender": NUMBER, "base_url": "http://sms.example.org"},
        {"sender": NUMBER, "base_url": "https://user@example.org"},
    ],
)
def test_what_cannot_work_is_refused_at_once(options: dict[str, Any]) -> None:
    """A sender that could never send is not made."""
    given = {"account_sid": ACCOUNT, "auth_token": TOKEN, **options}
    with pytest.raises(ConfigurationError):
        TwilioSender(given.pop("account_sid"), given.pop("auth_token"), **given)


def test_the_environment_chooses_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables Twilio's client would read have no say."""
    for name in ("REGION", "EDGE", "ACCOUNT_SID", "AUTH_TOKEN"):
        monkeypatch.setenv(f"TWILIO_{name}", "elsewhere")
    fetch = Answers()
    assert run_sync(TwilioSender(ACCOUNT, TOKEN, sender=NUMBER, fetch=fetch).send(told())) == Accepted("SM1")


@pytest.mark.parametrize(
    "said", [CREATED, error(400, 21211), error(500, 20500), hang_up], ids=["201", "400", "500", "lost"]
)
def test_nothing_secret_is_logged_or_shown(said: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Neither code, number nor token reach a log, the outcome or the sender's repr, whatever Twilio says."""
    caplog.set_level(logging.DEBUG)
    with gateway(said) as server:
        sending = through(server)
        shown = f"{run_sync(sending.send(told()))!r} {sending!r} {caplog.text}"
    assert not [secret for secret in ("123456", TO, TOKEN) if secret in shown]
