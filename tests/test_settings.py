"""Sections that configuration files share, and what they become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from matrix_threepid import ConfigurationError
from matrix_threepid.commands.files.shared import Shared
from matrix_threepid.protocol.members import members
from matrix_threepid.senders import HttpSender, SmtpSender, TwilioSender, TwilioVerifySender
from matrix_threepid.settings import GatewaySettings, SmtpSettings, TwilioSettings, read

SMTP = {"host": "127.0.0.1", "from": "noreply@example.org"}


@pytest.mark.parametrize(
    ("given", "tls", "port"),
    [
        ({}, "starttls", 25),
        ({"starttls": False}, "off", 25),
        ({"tls": "starttls"}, "starttls", 587),
        ({"tls": "implicit"}, "implicit", 465),
        ({"tls": "off", "starttls": True}, "off", 25),
        ({"tls": "implicit", "port": 4650}, "implicit", 4650),
    ],
)
def test_the_way_to_a_mail_server(given: dict[str, Any], tls: str, port: int) -> None:
    """``tls`` counts before ``starttls`` and tells the port, unless that is named."""
    sender = read(SmtpSettings, {**SMTP, **given}).sender("example.org")
    assert (sender.tls, sender.address) == (tls, ("127.0.0.1", port))


_MADE_BY_US = {
    "channel": "verify_channel",
    "access_token": "access_token_file",
    "context": "ca_file",
    "fetch": "proxy",
    "offload": "",
    "sender": "from",
    "server_name": "",
    "service_sid": "verify_service_sid",
    "texts": "",
}
"""Arguments of senders under their names as settings; empty for what other parts of the file give."""


@pytest.mark.parametrize(
    ("sender", "settings"),
    [
        (SmtpSender, SmtpSettings),
        (TwilioSender, TwilioSettings),
        (TwilioVerifySender, TwilioSettings),
        (HttpSender, GatewaySettings),
    ],
)
def test_every_choice_of_a_sender_can_be_set(sender: type[Any], settings: type[Any]) -> None:
    """A sender has no argument that a file cannot give."""
    names = {field.alias: _MADE_BY_US.get(field.alias, field.alias) for field in attrs.fields(sender) if field.init}
    known = members(settings)
    assert [name for name, setting in names.items() if setting and setting not in known] == []


def test_twilio_verify_is_one_way_of_three() -> None:
    """With a Verify service Twilio makes the codes, and nothing else says what SMS are from."""
    account = {"account_sid": "AC0", "auth_token": "t", "verify_service_sid": "VA0"}
    assert isinstance(read(TwilioSettings, account).sender(), TwilioVerifySender)
    with pytest.raises(ConfigurationError, match="give one of from, messaging_service_sid and verify_service_sid"):
        read(TwilioSettings, {**account, "from": "+15005550006"}).sender()


def test_wordings_of_your_own_reach_every_sender(tmp_path: Path) -> None:
    """The folder ``texts`` counts for mails and SMS alike."""
    (tmp_path / "eo.po").write_text("")
    file = {
        "server_name": "a.example",
        "texts": str(tmp_path),
        "smtp": SMTP,
        "twilio": {"account_sid": "AC0", "auth_token": "t", "from": "+15005550006", "countries": ["GB"]},
    }
    senders = read(Shared, file).senders()
    assert all("eo" in sender.texts.languages for sender in senders.values())
    with pytest.raises(ConfigurationError, match="texts: there is no directory"):
        read(Shared, {**file, "texts": "/no/such/folder"}).senders()


def test_an_access_token_is_read_when_it_is_needed(tmp_path: Path) -> None:
    """Another program renews the file, so it is read at each login."""
    file = tmp_path / "token"
    given = {
        "host": "mail.example.org",
        "from": "noreply@example.org",
        "username": "bob",
        "access_token_file": str(file),
    }
    sender = read(SmtpSettings, given).sender("example.org")
    for token in ("one", "two"):
        file.write_text(f"{token}\n")
        assert sender.access_token is not None
        assert sender.access_token() == token
