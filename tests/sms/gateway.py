"""A provider of SMS on loopback that answers as it is told, and messages for it."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matrix_threepid import Medium, Purpose
from matrix_threepid.model.message import Kind, TokenMessage
from matrix_threepid.senders.http_direct import DirectHttp
from matrix_threepid.testing.rogue import RogueServer, Said, answer, authority, certified

ACCOUNT, TOKEN, NUMBER = "AC" + "0" * 32, "an auth token", "+15005550006"
TO = "447700900001"
CREATED = answer(201, json.dumps({"sid": "SM1", "status": "queued"}).encode())


def told(**changes: Any) -> TokenMessage:
    """Return a message with a code, as the library hands it to senders."""
    usual = {
        "medium": Medium.MSISDN,
        "recipient": TO,
        "purpose": Purpose.ADD,
        "kind": Kind.TOKEN,
        "code": "123456",
        "server": "example.org",
        "host": "matrix.example.org",
        "requested_at": 1_700_000_000_000,
        "lifetime": 600_000,
        "deadline": 5_000,
    }
    return TokenMessage(**{**usual, **changes})


def error(status: int, code: int) -> bytes:
    """Return one of Twilio's errors."""
    body = {"code": code, "message": f"about {TO}", "status": status, "more_info": "https://example.org"}
    return answer(status, json.dumps(body).encode())


@contextmanager
def gateway(said: Said = CREATED) -> Iterator[RogueServer]:
    """Serve one answer, over TLS."""
    with RogueServer(certified("localhost"), lambda _: said).serving() as server:
        yield server


def trusting(**options: Any) -> DirectHttp:
    """Return a client that believes the gateway's certificate."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return DirectHttp(context=context, **options)
