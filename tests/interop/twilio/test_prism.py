"""Every request the sender makes is one that Twilio's own description of its API allows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sms.gateway import ACCOUNT, NUMBER, TO, TOKEN, told

from matrix_threepid import Purpose, run_sync
from matrix_threepid.model.message import Accepted, RefusedForNow
from matrix_threepid.net.direct_https import DirectHttp, request_to
from matrix_threepid.net.fetch import HttpReply
from matrix_threepid.senders.twilio.sender import TwilioSender
from matrix_threepid.senders.twilio.verify import TwilioVerifySender

from ..programs import WORK, MissingProgramError, Program, free_port, listens

PLACE = WORK / "twilio"
SPECIFICATIONS = PLACE / "node_modules" / "@twilio-alpha" / "mcp" / "twilio-oai" / "spec" / "json"
SERVICE = "MG" + "0" * 32


@contextmanager
def described(api: str, folder: Path) -> Iterator[str]:
    """Run Prism over the description of an API; yield the URL it answers at."""
    if not (PLACE / "complete").exists():
        raise MissingProgramError(f"Prism is not in {PLACE}: run tests/interop/prepare.sh")
    port, command = free_port(), str(PLACE / "node_modules" / ".bin" / "prism")
    arguments = ("mock", "-h", "127.0.0.1", "-p", str(port), "--errors", str(SPECIFICATIONS / f"twilio_{api}.json"))
    program = Program((command, *arguments), folder)
    with program.running(lambda: listens(port)):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Prism over the API messages are sent through."""
    with described("api_v2010", tmp_path_factory.mktemp("prism")) as url:
        yield url


@pytest.mark.rule("SEC-263")
@pytest.mark.parametrize("origin", [{"sender": NUMBER}, {"sender": "Example"}, {"messaging_service_sid": SERVICE}])
@pytest.mark.parametrize("purpose", Purpose, ids=lambda purpose: purpose.value)
def test_the_description_allows_our_messages(prism: str, origin: dict[str, Any], purpose: Purpose) -> None:
    """Prism checks path, authentication and form of each message, and takes it."""
    sender = TwilioSender(ACCOUNT, TOKEN, base_url=prism, **origin)
    assert isinstance(run_sync(sender.send(told(purpose=purpose, deadline=20_000))), Accepted)


def test_the_description_allows_our_check(prism: str) -> None:
    """The look at the account is a request Prism knows: it answers with an example, whatever its status."""
    sender = TwilioSender(ACCOUNT, TOKEN, base_url=prism, sender=NUMBER)
    assert run_sync(sender.check()) in (None, "the account is not active")


def test_the_description_allows_our_verifications(tmp_path: Path) -> None:
    """Prism knows both requests of Verify; whether its example says approved is not ours to tell."""
    with described("verify_v2", tmp_path) as url:
        sender = TwilioVerifySender(ACCOUNT, TOKEN, base_url=url, service_sid="VA" + "0" * 32)
        assert isinstance(run_sync(sender.send(told(deadline=20_000))), Accepted)
        assert run_sync(sender.verify(TO, "123456", 20_000)) is not None


def test_the_description_is_looked_at(prism: str) -> None:
    """What the description forbids is turned away: no recipient, no authentication, no such account."""
    assert isinstance(run_sync(sender_of_nobody(prism)), RefusedForNow)
    for headers, expected in (((), 401), ((("Authorization", "Basic eDp5"),), 422)):
        form = (("Content-Type", "application/x-www-form-urlencoded"), *headers)
        url = f"{prism}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        reply = run_sync(DirectHttp(tls=False).fetch(request_to("POST", url, form, b"Body=x"), 20_000))
        assert isinstance(reply, HttpReply)
        assert reply.status == expected


def sender_of_nobody(prism: str) -> Any:
    """Return a sending for an account whose id has not the form of one."""
    sender = TwilioSender("AC1", TOKEN, base_url=prism, sender=NUMBER)
    return sender.send(told(recipient=TO, deadline=20_000))
