"""``TwilioSender`` against a stand-in that answers as Twilio does, well and badly."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
import trio
from looping import LOOPS, Loop, Port

from matrix_threepid import ConfigurationError, Medium, run_sync
from matrix_threepid.identity.http import HttpReply
from matrix_threepid.model.message import Accepted, Kind, Outcome, RefusedForever, RefusedForNow, Unknown
from matrix_threepid.senders.http_direct import DirectHttp
from matrix_threepid.senders.twilio import TwilioSender
from matrix_threepid.senders.twilio_verdicts import VERDICTS
from matrix_threepid.testing import World
from matrix_threepid.testing.rogue import RogueServer, answer, hang_up, silence

from .acting import ask, texting
from .acting import outcome as answered
from .gateway import ACCOUNT, CREATED, NUMBER, TO, TOKEN, error, gateway, told, trusting

HTML = b"<html><body>Bad Gateway</body></html>"


def sender(server: RogueServer, **options: Any) -> TwilioSender:
    """Return a sender whose Twilio is the stand-in."""
    usual = {"sender": NUMBER, "fetch": trusting(), "base_url": f"https://localhost:{server.port}"}
    return TwilioSender(ACCOUNT, TOKEN, **{**usual, **options})


def outcome_of(said: Any, **changes: Any) -> tuple[Outcome, int]:
    """Return what became of a message, and how many requests were made for it."""
    with gateway(said) as server:
        return run_sync(sender(server).send(told(**changes))), len(server.heard)


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
        assert run_sync(sender(server, **origin).send(told())) == Accepted("SM1")
    (request,) = server.heard
    assert (request.method, request.target) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
    assert request.headers["authorization"] == "Basic " + b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    form = {name: value for name, (value,) in parse_qs(request.body.decode()).items()}
    text = form.pop("Body")
    assert form == {"To": f"+{TO}", member[0]: member[1]}
    assert text.splitlines()[-1] == "@matrix.example.org #123456"


@pytest.mark.parametrize("code", VERDICTS)
def test_a_known_error_has_its_outcome(code: int) -> None:
    """An error code says whether the number or the moment is to blame; the SMS is not tried again."""
    outcome, requests = outcome_of(error(429 if code == 20429 else 400, code))
    assert isinstance(outcome, RefusedForever if VERDICTS[code].final else RefusedForNow)
    assert outcome.reason == f"Twilio {code}: {VERDICTS[code].words}"
    assert requests == 1


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (error(400, 99999), RefusedForNow),
        (answer(400, b"[]"), RefusedForNow),
        (answer(401, HTML), RefusedForNow),
        (error(429, 20429), RefusedForNow),
        (answer(429, b""), RefusedForNow),
        (answer(503, HTML), RefusedForNow),
        (answer(302, b"", "Location: https://localhost/"), RefusedForNow),
        (error(500, 20500), Unknown),
        (answer(500, b""), Unknown),
        (answer(502, HTML, "Content-Type: text/html"), Unknown),
        (answer(504, HTML), Unknown),
        (answer(201, HTML), Unknown),
        (answer(201, b"[]"), Unknown),
        (CREATED[:-5], Unknown),
        (b"HTTP/1.1 2", Unknown),
        (b"what?\r\n\r\n", Unknown),
        (hang_up, Unknown),
        (silence, Unknown),
    ],
)
def test_an_answer_has_its_outcome(said: Any, kind: type) -> None:
    """What Twilio turned away was not sent; what it broke off may have been, so nobody sends it again."""
    outcome, requests = outcome_of(said, deadline=500)
    assert isinstance(outcome, kind)
    assert requests == 1


def test_too_many_requests_says_when_to_come_back() -> None:
    """A 429 is worth another try, after a pause."""
    outcome, _ = outcome_of(error(429, 20429))
    assert isinstance(outcome, RefusedForNow)
    assert outcome.retry_after == 60_000


@pytest.mark.parametrize("trouble", ["nobody there", "another name", "an authority of its own"])
def test_what_never_reached_twilio_was_not_sent(trouble: str) -> None:
    """Without a connection, or without one to Twilio itself, nothing was sent and another try makes sense."""
    with gateway() as server:
        host = "127.0.0.1" if trouble == "another name" else "localhost"
        fetch = DirectHttp() if trouble == "an authority of its own" else trusting()
        port = 1 if trouble == "nobody there" else server.port
        outcome = run_sync(sender(server, fetch=fetch, base_url=f"https://{host}:{port}").send(told()))
    assert isinstance(outcome, RefusedForNow)
    assert server.heard == []


def test_a_message_without_a_code_is_not_sent() -> None:
    """Notices and links are no text messages."""
    outcome, requests = outcome_of(CREATED, kind=Kind.IN_USE, code=None)
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
    ("offload", "run"), [(asyncio.to_thread, asyncio.run), (trio.to_thread.run_sync, None)], ids=["asyncio", "trio"]
)
def test_the_built_in_client_leaves_the_loop_free(offload: Any, run: Any) -> None:
    """The blocking exchange runs where the host says."""
    with gateway() as server:
        sending = sender(server, fetch=trusting(offload=offload))
        assert (run(sending.send(told())) if run else trio.run(sending.send, told())) == Accepted("SM1")


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
        assert run_sync(sender(server).check()) == found
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
        sending = sender(server)
        shown = f"{run_sync(sending.send(told()))!r} {sending!r} {caplog.text}"
    assert not [secret for secret in ("123456", TO, TOKEN) if secret in shown]


@pytest.mark.answers_5xx(503)
@pytest.mark.parametrize(
    ("said", "first", "again"),
    [
        (CREATED, 200, 1),
        (error(400, 21211), (400, "M_INVALID_PARAM"), 2),
        (error(400, 21408), (400, "M_INVALID_PARAM"), 2),
        (error(401, 20003), (503, "M_UNKNOWN"), 2),
        (error(429, 20429), (503, "M_UNKNOWN"), 2),
        (answer(503), (503, "M_UNKNOWN"), 2),
        (error(500, 20500), 200, 1),
        (answer(502, HTML), 200, 1),
        (hang_up, 200, 1),
    ],
    ids=["201", "21211", "21408", "20003", "429", "503", "500", "502 in HTML", "lost"],
)
def test_the_client_hears_what_the_docs_say(
    make_world: Callable[..., World], said: Any, first: Any, again: int
) -> None:
    """What was not sent is an error and may be asked for again; what may have been sent is not sent twice."""
    with gateway(said) as server:
        world = texting(make_world)
        world.rewire(senders={Medium.MSISDN: sender(server)})
        assert [answered(ask(world)), answered(ask(world))] == [first, first]
    assert len(server.heard) == again
