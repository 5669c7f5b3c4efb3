"""``HttpSender`` against a gateway that answers well and badly, and the client it shares with ``TwilioSender``."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import date
from typing import Any
from urllib.parse import parse_qs

import pytest

from matrix_threepid import ConfigurationError, run_sync
from matrix_threepid.model.message import Accepted, MessageKind, Outcome, RefusedForever, RefusedForNow, Unknown
from matrix_threepid.net.direct_https import DirectHttp, request_to
from matrix_threepid.net.fetch import Failure, HttpFailure, HttpReply
from matrix_threepid.senders.gateway.sender import HttpSender
from matrix_threepid.testing.rogue import PATIENCE, RogueServer, answer, hang_up, silence

from .gateway import WAITS, gateway, told, trusting

TEMPLATE = {"to": "$number", "content": {"text": "$text"}, "tags": ["otp", "${digits}"], "unicode": False}


def send(server: RogueServer, template: Any = TEMPLATE, **options: Any) -> Outcome:
    """Send one message through a gateway."""
    url = f"https://localhost:{server.port}/send?key=1"
    changes = options.pop("changes", {})
    return run_sync(HttpSender(url, template, {"X-Key": "secret"}, trusting(), **options).send(told(**changes)))


def test_a_template_becomes_a_json_body() -> None:
    """Every text of the template is filled; the headers are sent along."""
    with gateway(answer(202)) as server:
        assert send(server) == Accepted()
    (request,) = server.heard
    body = json.loads(request.body)
    text = body["content"].pop("text")
    assert body == {"to": "+447700900001", "content": {}, "tags": ["otp", "447700900001"], "unicode": False}
    assert text.endswith("@matrix.example.org #123456")
    assert (request.method, request.target, request.headers["x-key"]) == ("POST", "/send?key=1", "secret")
    assert request.headers["content-type"] == "application/json"


def test_a_template_becomes_a_form() -> None:
    """Gateways that want forms get forms."""
    with gateway(answer(200, b"queued")) as server:
        assert send(server, {"dst": "$digits", "pin": "$code"}, body="form") == Accepted()
    assert parse_qs(server.heard[0].body.decode()) == {"dst": ["447700900001"], "pin": ["123456"]}


@pytest.mark.rule("SEC-120")
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (answer(204), Accepted),
        (answer(400), RefusedForNow),
        (answer(401), RefusedForNow),
        (answer(422), RefusedForever),
        (answer(451), RefusedForever),
        (answer(429), RefusedForNow),
        (answer(302), RefusedForNow),
        (answer(503), RefusedForNow),
        (answer(500), Unknown),
        (answer(502, b"<html>"), Unknown),
        (hang_up, Unknown),
        (silence, Unknown),
    ],
)
def test_an_answer_has_its_outcome(said: Any, kind: type) -> None:
    """Only what the operator names is final; what was broken off may have been sent."""
    with gateway(said) as server:
        became = send(server, refused_for_ever={422}, denied={451}, changes={"deadline": 500})
    assert isinstance(became, kind)
    assert getattr(became, "denied", False) is (said == answer(451))
    assert len(server.heard) == 1


@pytest.mark.parametrize(("said", "wait"), WAITS.values(), ids=WAITS)
def test_a_gateway_says_when_to_come_back(said: bytes, wait: int | None) -> None:
    """A pause is read from ``Retry-After`` as Twilio's is."""
    with gateway(said) as server:
        became = send(server)
    assert isinstance(became, RefusedForNow)
    assert became.retry_after == wait


def test_a_message_without_a_code_is_not_sent() -> None:
    """Notices are no text messages."""
    with gateway() as server:
        assert isinstance(send(server, changes={"kind": MessageKind.IN_USE, "code": None}), RefusedForever)
    assert server.heard == []


@pytest.mark.parametrize(
    ("url", "template", "options"),
    [
        ("http://sms.example.org", {}, {}),
        ("sms.example.org", {}, {}),
        ("https://sms.example.org", {"to": "$nobody"}, {}),
        ("https://sms.example.org", {"price": "5 $"}, {}),
        ("https://sms.example.org", {"on": date(2026, 1, 1)}, {}),
    ],
)
def test_what_cannot_work_is_refused_at_once(url: str, template: Any, options: Any) -> None:
    """A sender that could never send is not made."""
    with pytest.raises(ConfigurationError):
        HttpSender(url, template, **options)


def test_secrets_are_not_shown() -> None:
    """Headers and the query of the URL carry keys, so neither is printed."""
    shown = repr(
        HttpSender("https://sms.example.org/send?key=very-secret", {}, {"Authorization": "Bearer very-secret"})
    )
    assert "very-secret" not in shown
    assert "https://sms.example.org/send" in shown


@pytest.mark.rule("SEC-51")
def test_without_tls_nothing_leaves_this_machine() -> None:
    """A client without TLS talks to this very machine only."""
    request = request_to("GET", "http://192.0.2.1/", (), None)
    assert run_sync(DirectHttp(tls=False).fetch(request, 1000)) == HttpFailure(Failure.BLOCKED, "no TLS")


def test_a_call_that_gets_no_turn_sends_nothing() -> None:
    """While 16 calls are under way one more waits, until its deadline; what was not sent is not an unknown outcome."""
    entered, go_on = threading.Semaphore(0), threading.Event()

    def answers(_: object) -> bytes:
        entered.release()
        go_on.wait(PATIENCE)
        return answer(200, b"{}")

    async def calls(url: str) -> list[object]:
        fetch, request = trusting(), request_to("POST", url, (), b"")
        under_way = [asyncio.ensure_future(fetch.fetch(request, 30_000)) for _ in range(16)]
        for _ in under_way:
            assert await asyncio.to_thread(entered.acquire, timeout=PATIENCE)
        late = await fetch.fetch(request, 1)
        go_on.set()
        return [late, *await asyncio.gather(*under_way)]

    with gateway() as server:
        server.answers = answers
        late, *others = asyncio.run(calls(f"https://localhost:{server.port}/"))
    assert late == HttpFailure(Failure.BUSY, "out of time")
    assert others == [HttpReply(200, b"{}")] * 16
    assert len(server.heard) == 16
