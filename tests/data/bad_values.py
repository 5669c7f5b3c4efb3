"""What a member of a body must not be, by what it must be; and good values to put it among."""

from __future__ import annotations

from typing import Any

from matrix_threepid.protocol.members import Nested
from matrix_threepid.protocol.rules import AnyText, Flag, Free, Ignored, Integer, ListOf, LooseInteger, OneOf, Text

MARK = "k7Qz93"
"""Stands in bad values, so that an answer that repeats one is seen."""
KNOWN = {"email": "known@example.org", "phone_number": "07700900999", "country": "GB"}
GOOD: dict[str, Any] = {
    "client_secret": "s",
    "sid": "123abc",
    "token": "t",
    "send_attempt": 1,
    "next_link": "https://app.example/",
    "id_server": "id.example",
    "id_access_token": "t",
    "email": "bob@example.org",
    "country": "GB",
    "phone_number": "07700900001",
    "medium": "email",
    "address": "bob@example.org",
    "bind": False,
    "auth": {},
    "mxid": "@bob:hs.example.org",
    "addresses": ["k" * 43],
    "algorithm": "sha256",
    "pepper": "p",
    "public_key": "k" * 43,
    "private_key": "A" * 43,
    "room_name": "Walk",
    "room_alias": "#walk:hs.example.org",
    "sender_display_name": "Al",
    "invites": [],
    "type": "m.room.member",
    "room_id": "!room:hs.example.org",
    "sender": "@alice:hs.example.org",
    "state_key": "@bob:hs.example.org",
    "content": {},
}
GOOD_ANSWERS = ("M_NO_VALID_SESSION", "M_THREEPID_AUTH_FAILED", "M_FORBIDDEN", "M_INVALID_PEPPER", "page")
"""What a good body of somebody without a session is answered."""
EXACT: tuple[Any, ...] = (
    "sid",
    "client_secret",
    "country",
    "medium",
    "next_link",
    "mxid",
    ("bind_threepid", "id_server"),
)
"""Members with a grammar. What people type may have white space around it, and what is ignored may be anything."""
NEVER_TEXT: dict[str, Any] = {
    "array": [MARK, MARK],
    "array of one": [f"{MARK}@example.org"],
    "array of nothing": [],
    "object": {"$ne": MARK},
    "object of nothing": {},
    "number": 739_173_917,
    "fraction": 7391.7391,
    "true": True,
    "false": False,
    "nested array": [[[MARK]]],
    "nested object": {"a": {"b": [MARK]}},
    "over-long": MARK * 1000,
    "lone surrogate": f"{MARK}\ud800",
    "empty": "",
}
ANY_TEXT = Text(r"[\s\S]{1,255}", "must be a string of 1 to 255 characters")
"""What a token may be: it is compared as it came."""

WITH_NUL = {"NUL": f"{MARK}\0", "NUL alone": "\0"}
_NEVER_INTEGER: dict[str, Any] = {
    **{name: NEVER_TEXT[name] for name in ("array", "object", "fraction", "true", "nested array", "over-long")},
    "text": MARK,
    "too large": 2**53,
    "far too large": 10**300,
    "too small": -(2**53),
}
NEVER: dict[type, dict[str, Any]] = {
    Text: {**NEVER_TEXT, **WITH_NUL},
    AnyText: {**NEVER_TEXT, **WITH_NUL},
    OneOf: {**NEVER_TEXT, **WITH_NUL},
    ListOf: {
        **{name: NEVER_TEXT[name] for name in ("object", "number", "true", "empty", "nested array")},
        "text": MARK,
    },
    Integer: {**_NEVER_INTEGER, "digits": "1"},
    LooseInteger: {
        **_NEVER_INTEGER,
        **{f"text {text!a}": text for text in ("", "1.5", "+1", " 1", "1\n", "1\0", "0x1", "1e3", "9" * 16, "\u0661")},
    },
    Flag: {**{name: NEVER_TEXT[name] for name in ("array", "object", "number", "empty")}, "text": MARK, "one": 1},
    Free: {**{name: NEVER_TEXT[name] for name in ("array", "number", "true", "empty")}, "text": MARK},
    Nested: {**{name: NEVER_TEXT[name] for name in ("array", "number", "true", "empty")}, "text": MARK},
    Ignored: {},
}
