"""Messages carry their id to the provider, so that its reports find them; without an id nothing is said."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from sms.gateway import gateway, trusting
from smtp.messages import SENDER, SERVER_NAME, told
from smtp.scripted import scripted
from smtp.sink import Sink, sink

from matrix_threepid import ConfigurationError, Peppers, run_sync
from matrix_threepid.callbacks.return_path import id_in_address
from matrix_threepid.endpoints import METADATA
from matrix_threepid.model.delivery import new_message_id, signed_message_id
from matrix_threepid.senders import HttpMailSender, SmtpSender, TwilioSender, mailgun, postmark, sendgrid
from matrix_threepid.testing.rogue import answer

SIGNED = signed_message_id(Peppers.of(bytes(32)), new_message_id(bytes(16)))
WHO = {"sender": SENDER, "server_name": SERVER_NAME}


def envelope(server: Sink, message_id: str | None, **options: Any) -> tuple[str, list[str]]:
    """Send a mail; return the sender of its envelope and the options of MAIL."""
    sender = SmtpSender("localhost", server.port, tls="off", **WHO, **options)
    run_sync(sender.send(told(message_id=message_id)))
    sender.close()
    return str(server.mails[-1].mail_from), list(server.mails[-1].mail_options)


@pytest.mark.rule("SEC-147")
def test_a_return_path_holds_the_id() -> None:
    """With ``return_path`` the sender of the envelope is that address with the id, and a report goes there."""
    with sink() as server:
        path, _ = envelope(server, SIGNED, return_path="bounces@example.org")
        assert (path, id_in_address(path)) == (f"bounces+{SIGNED}@example.org", SIGNED)
        assert envelope(server, None, return_path="bounces@example.org")[0] == "bounces@example.org"
        assert envelope(server, SIGNED)[0] == SENDER


@pytest.mark.rule("SEC-147")
@pytest.mark.parametrize("offered", [True, False])
@pytest.mark.parametrize("message_id", [SIGNED, None])
def test_an_envelope_id_goes_to_servers_that_report(offered: bool, message_id: str | None) -> None:
    """A server that offers DSN is given the id, and asked to return headers only; another one is not."""
    ehlo = b"250-localhost\r\n250 DSN\r\n" if offered else b"250-localhost\r\n250 SIZE\r\n"
    with scripted({"EHLO": ehlo}) as server:
        sender = SmtpSender("localhost", server.port, tls="off", **WHO)
        run_sync(sender.send(told(message_id=message_id)))
        sender.close()
        (mail,) = [line.decode().strip() for line in server.lines if line.startswith(b"MAIL")]
    asked = f" RET=HDRS ENVID={message_id}" if offered and message_id else ""
    assert mail == f"MAIL FROM:<{SENDER}>{asked}"


def _postmark(**options: Any) -> HttpMailSender:
    return postmark("token", **options)


def _mailgun(**options: Any) -> HttpMailSender:
    return mailgun("mg.example.org", "key", **options)


def _sendgrid(**options: Any) -> HttpMailSender:
    return sendgrid("key", **options)


@pytest.mark.parametrize("make", [_postmark, _mailgun, _sendgrid])
@pytest.mark.parametrize("message_id", [SIGNED, None])
def test_a_provider_keeps_the_id(make: Any, message_id: str | None) -> None:
    """Providers of mail are given the id as metadata, under the name by which their reports are read."""
    with gateway(answer(200, b'{"ErrorCode": 0}')) as server:
        sender = make(url=f"https://localhost:{server.port}/send", fetch=trusting(), **WHO)
        run_sync(sender.send(told(message_id=message_id)))
        (heard,) = server.heard
    if make is _mailgun:
        kept = parse_qs(heard.body.decode()).get(f"v:{METADATA}", [None])[0]
    else:
        body = json.loads(heard.body)
        kept = body.get("Metadata", body.get("custom_args", {})).get(METADATA)
    assert kept == message_id
    assert METADATA.encode() in heard.body or message_id is None


@pytest.mark.parametrize("message_id", [SIGNED, None])
def test_twilio_is_told_where_to_report(message_id: str | None) -> None:
    """An SMS names the URL for reports with its id in it."""
    url = "https://hs.example.org/_threepid/callbacks/twilio"
    with gateway(answer(201, b'{"sid": "SM1"}')) as server:
        sender = TwilioSender(
            "AC1", "token", sender="+15005550006", fetch=trusting(), base_url=f"https://localhost:{server.port}",
            status_callback=url,
        )  # fmt: skip
        run_sync(sender.send(told(message_id=message_id, recipient="447700900123", link=None, code="123456")))
        (heard,) = server.heard
    expected = [f"{url}?{METADATA}={message_id}"] if message_id else None
    assert parse_qs(heard.body.decode()).get("StatusCallback") == expected


@pytest.mark.rule("SEC-136")
@pytest.mark.parametrize(
    "wrong",
    [
        lambda: SmtpSender("localhost", return_path="Bounces <bounces@example.org>", **WHO),
        lambda: SmtpSender("localhost", return_path="bounces+mail@example.org", **WHO),
        lambda: SmtpSender("localhost", return_path=f"{'b' * 22}@example.org", **WHO),
        lambda: TwilioSender("AC1", "token", sender="+15005550006", status_callback="https://hs.example.org/a?b=c"),
    ],
)
def test_a_place_for_reports_that_could_never_work_is_refused(wrong: Any) -> None:
    """A return path without room for an id, and a URL with a query of its own, are refused by name."""
    with pytest.raises(ConfigurationError, match=r"return_path|status_callback"):
        wrong()
