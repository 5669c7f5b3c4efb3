"""``serve`` records what becomes of messages, where its file says so."""

from __future__ import annotations

import asyncio
import hmac
import json
from base64 import b64encode
from hashlib import sha1
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from operations.test_serve import TOKEN, delegate, written
from sms.plain import provider

from matrix_threepid import ConfigurationError
from matrix_threepid.commands.serving.parts import opened
from matrix_threepid.commands.serving.settings import ServeSettings
from matrix_threepid.protocol.wire import Request
from matrix_threepid.settings import DeliverySettings, read, read_file

URL = "https://reports.example.org/_threepid/callbacks/twilio"
ASK = "/_matrix/identity/api/v1/validate/msisdn/requestToken"
BODY = {"client_secret": "secret", "country": "GB", "phone_number": "07700900123", "send_attempt": 1}


def reporting(folder: Path, url: str, **changes: Any) -> ServeSettings:
    """Return the settings of a delegate whose Twilio reports."""
    settings = delegate(folder, url, **changes)
    settings["sms"]["twilio"]["status_callback"] = URL
    return read_file(ServeSettings, Path(written(folder, settings)))


async def _told(settings: ServeSettings, heard: list[Any]) -> list[str]:
    """Ask for an SMS, report that it arrived as Twilio does, and return what is recorded of it."""
    async with opened(settings) as served:
        assert served.delegate is not None
        answer = await served.delegate.handle(Request("POST", ASK, body=json.dumps(BODY).encode()))
        assert answer.status == 200
        (called,) = parse_qs(heard[-1][2].decode())["StatusCallback"]
        fields = {"MessageSid": "SM1", "MessageStatus": "delivered"}
        text = called + "".join(f"{name}{value}" for name, value in sorted(fields.items()))
        signature = b64encode(hmac.digest(TOKEN.encode(), text.encode(), sha1)).decode()
        parts = urlsplit(called)
        report = Request(
            "POST", parts.path, {"x-twilio-signature": signature}, parts.query, urlencode(fields).encode()
        )  # fmt: skip
        assert served.callbacks is not None
        assert (await served.callbacks.handle(report)).status == 200
        messages = served.delegate.role.messages
        assert messages is not None
        (stored,) = await messages.of_session(answer.json()["sid"])
        return [event.status.value for event in stored.events]


@pytest.mark.rule("SEC-146")
def test_an_sms_is_known_to_have_arrived(tmp_path: Path) -> None:
    """With ``delivery`` and ``status_callback`` Twilio is told where to report, and believed there by its signature."""
    with provider(201) as server:
        settings = reporting(tmp_path, server.url, delivery={})
        assert asyncio.run(_told(settings, server.heard)) == ["handed_over", "delivered"]


def test_nothing_is_recorded_by_default(tmp_path: Path) -> None:
    """Without ``delivery`` no message is recorded, and no report is received."""

    async def served_without() -> None:
        async with opened(reporting(tmp_path, "http://127.0.0.1:9")) as served:
            assert served.delegate is not None
            assert (served.callbacks, served.delegate.role.messages) == (None, None)

    asyncio.run(served_without())


def test_every_provider_can_be_named() -> None:
    """The section names providers by how they prove themselves; what could never work is refused by name."""
    named = {
        "mailgun_signing_key": "key",
        "ses_topic_arn": "arn:aws:sns:eu-west-1:123456789012:bounces",
        "postmark": {"secret": "s" * 22, "username": "postmark", "password": "p" * 12},
    }
    providers = read(DeliverySettings, named).providers()
    assert [each.name for each in providers] == ["mailgun", "ses", "postmark"]
    with pytest.raises(ConfigurationError, match="delivery: public_key"):
        read(DeliverySettings, {"sendgrid_public_key": "no key"}).providers()
