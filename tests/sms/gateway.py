"""A provider of SMS on loopback that answers as it is told, and messages for it."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matrix_threepid import Medium, Purpose, run_sync
from matrix_threepid.model.message import MessageKind, Outcome, TokenMessage
from matrix_threepid.net.direct_https import DirectHttp
from matrix_threepid.senders.twilio.sender import TwilioSender
from matrix_threepid.testing.rogue import RogueServer, Said, answer, authority, certified

ACCOUNT, TOKEN, NUMBER = "AC" + "0" * 32, "an auth token", "+15005550006"
TO = "447700900001"
HTML = b"<html><body>Bad Gateway</body></html>"
CREATED = answer(201, json.dumps({"sid": "SM1", "status": "queued"}).encode())


def told(**changes: Any) -> TokenMessage:
    """Return a message with a code, as the library hands it to senders."""
    usual = {
        "medium": Medium.MSISDN,
        "recipient": TO,
        "purpose": Purpose.ADD,
        "kind": MessageKind.TOKEN,
        "code": "123456",
        "server": "example.org",
        "host": "matrix.example.org",
        "requested_at": 1_700_000_000_000,
        "lifetime": 600_000,
        "deadline": 5_000,
    }
    return TokenMessage(**{**usual, **changes})


def error(status: int, code: object, *headers: str) -> bytes:
    """Return one of Twilio's errors."""
    body = {"code": code, "message": f"about {TO}", "status": status, "more_info": "https://example.org"}
    return answer(status, json.dumps(body).encode(), *headers)


WAITS: dict[str, tuple[bytes, int | None]] = {
    "429 in seconds": (error(429, 20429, "Retry-After: 7"), 7_000),
    "429 in another spelling": (error(429, 20429, "retry-after: 30"), 30_000),
    "429 without": (error(429, 20429), 60_000),
    "429 with a date": (error(429, 20429, "Retry-After: Fri, 31 Dec 2027 23:59:59 GMT"), 60_000),
    "429 with a minus": (error(429, 20429, "Retry-After: -1"), 60_000),
    "429 at once": (error(429, 20429, "Retry-After: 0"), 1_000),
    "429 for a year": (error(429, 20429, "Retry-After: 31536000"), 3_600_000),
    "429 for ever": (error(429, 20429, f"Retry-After: {'9' * 5000}"), 3_600_000),
    "503 in seconds": (error(503, 20503, "Retry-After: 120"), 120_000),
    "503 without": (error(503, 20503), None),
    "400 in seconds": (error(400, 99999, "Retry-After: 7"), None),
}
"""Answers that say when to come back, or do not, and the ms to wait."""


@contextmanager
def gateway(said: Said = CREATED) -> Iterator[RogueServer]:
    """Serve one answer, over TLS."""
    with RogueServer(certified("localhost"), lambda _: said).serving() as server:
        yield server


def trusting(**options: Any) -> DirectHttp:
    """Return a client that believes the gateway's certificate."""
    context = ssl.create_default_context(cadata=authority().cert_pem.bytes().decode())
    return DirectHttp(context=context, **options)


def through(server: RogueServer, **options: Any) -> TwilioSender:
    """Return a sender whose Twilio is the stand-in."""
    usual = {"sender": NUMBER, "fetch": trusting(), "base_url": f"https://localhost:{server.port}"}
    return TwilioSender(ACCOUNT, TOKEN, **{**usual, **options})


def outcome_of(said: Any, **changes: Any) -> tuple[Outcome, int]:
    """Return what became of a message, and how many requests were made for it."""
    with gateway(said) as server:
        return run_sync(through(server).send(told(**changes))), len(server.heard)
