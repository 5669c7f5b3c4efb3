"""Sections that configuration files share, and what they become."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_threepid.settings import SmtpSettings, read

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
