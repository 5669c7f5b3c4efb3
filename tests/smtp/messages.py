"""A message to send, and what an independent parser reads in a mail."""

from __future__ import annotations

from email import message_from_bytes, message_from_string
from email.message import EmailMessage
from email.policy import default
from typing import Any

from matrix_threepid.model.message import MessageKind, TokenMessage
from matrix_threepid.model.threepid import Medium, Purpose

LINK = "https://hs.example.org/_matrix/client/v3/submit?sid=abc&token=s3cret-of-the-link"
SENDER = "noreply@hs.example.org"
SERVER_NAME = "hs.example.org"


def told(**changes: Any) -> TokenMessage:
    """Return a message to bob with a link; ``changes`` have the last word."""
    usual = {
        "medium": Medium.EMAIL,
        "recipient": "bob@example.org",
        "purpose": Purpose.ADD,
        "kind": MessageKind.TOKEN,
        "link": LINK,
        "account": "@bob:hs.example.org",
        "origin": "203.0.113.*",
        "requested_at": 1_700_000_000_000,
        "lifetime": 3_600_000,
        "deadline": 5_000,
    }
    return TokenMessage(**{**usual, **changes})


def parsed(content: bytes) -> EmailMessage:
    """Return a mail as Python's parser reads it."""
    if content.isascii():
        return message_from_bytes(content, policy=default)  # type: ignore[return-value]
    return message_from_string(content.decode(), policy=default)  # type: ignore[return-value]


def part(content: bytes, subtype: str) -> str:
    """Return the text of one of the two parts."""
    found = parsed(content).get_body((subtype,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


def link_in(content: bytes) -> str:
    """Return the line of the text part that is a link, as a person finds it."""
    (link,) = (line for line in part(content, "plain").splitlines() if line.startswith("http"))
    return link
