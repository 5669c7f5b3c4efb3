"""Answers of identity servers: to unbinds, by their meaning, and to other calls, those that must not be accepted."""

from __future__ import annotations

import json
from socket import socket
from typing import Any

from ...model.identity import Done, NotSupported, ServerRefused, Unreachable
from ..identity import FAKE_KEY
from ..rogue import Said, answer, drip, flood, hang_up, silence

_MANY = "x" * 65_537
_TEXT = {"error": "text"}
UNRECOGNIZED = {"errcode": "M_UNRECOGNIZED", **_TEXT}
UNBIND: dict[str, tuple[int, Any, Any]] = {
    "200, an object": (200, {}, Done()),
    "200, empty": (200, None, Done()),
    "200, HTML": (200, "<html>ok</html>", Done()),
    "200, larger than is read": (200, _MANY, Done()),
    "204": (204, None, Done()),
    "400, text": (400, "nope", NotSupported()),
    "400, empty": (400, None, NotSupported()),
    "400, HTML": (400, "<html></html>", NotSupported()),
    "400, larger than is read": (400, _MANY, NotSupported()),
    "404, empty": (404, None, NotSupported()),
    "404, JSON without errcode": (404, {"detail": "Not Found"}, NotSupported()),
    "404, unrecognized": (404, UNRECOGNIZED, NotSupported()),
    "405, text": (405, "Method Not Allowed", NotSupported()),
    "405, unrecognized": (405, UNRECOGNIZED, NotSupported()),
    "501, text": (501, "nope", NotSupported()),
    "501, empty": (501, None, NotSupported()),
    "501, HTML": (501, "<html></html>", NotSupported()),
    "501, a list": (501, [], NotSupported()),
    "501, errcode that is no text": (501, {"errcode": 5, "error": "x"}, NotSupported()),
    "501, unrecognized": (501, UNRECOGNIZED, NotSupported()),
    "400, errcode alone": (400, {"errcode": "M_INVALID_PARAM"}, NotSupported()),
    "404, errcode alone": (404, {"errcode": "M_X"}, NotSupported()),
    "501, errcode alone": (501, {"errcode": "M_INVALID_PARAM"}, NotSupported()),
    "200, an error": (200, {"errcode": "M_FORBIDDEN", **_TEXT}, (400, "M_FORBIDDEN")),
    "500, an error": (500, {"errcode": "M_FORBIDDEN", **_TEXT}, (502, "M_FORBIDDEN")),
    "503, an error": (503, {"errcode": "M_UNKNOWN", **_TEXT}, (502, "M_UNKNOWN")),
    "501, an error": (501, {"errcode": "M_FORBIDDEN", **_TEXT}, (501, "M_FORBIDDEN")),
    "403, terms": (403, {"errcode": "M_TERMS_NOT_SIGNED", **_TEXT}, (403, "M_TERMS_NOT_SIGNED")),
    "401, unknown token": (
        401,
        {"errcode": "M_UNKNOWN_TOKEN", **_TEXT, "soft_logout": False},
        (403, "M_UNAUTHORIZED"),
    ),
    "401, like user-interactive authentication": (
        401,
        {"flows": [{"stages": ["m.login.password"]}], "session": "x", "params": {}},
        (502, "M_UNKNOWN"),
    ),
    "403, consent": (
        403,
        {"errcode": "M_CONSENT_NOT_GIVEN", **_TEXT, "consent_uri": "https://evil.example"},
        (403, "M_UNAUTHORIZED"),
    ),
    "429": (429, {"errcode": "M_LIMIT_EXCEEDED", **_TEXT, "retry_after_ms": 2000}, (429, "M_LIMIT_EXCEEDED")),
    "403, an errcode that is none": (403, {"errcode": "<script>", **_TEXT}, (403, "M_UNKNOWN")),
    "500, text": (500, "boom", Unreachable),
    "503, empty": (503, None, Unreachable),
    "302": (302, None, Unreachable),
}
"""Status, body, and meaning: a value; ``ServerRefused`` with this status and errcode; or a class of value."""

_GOOD = {"medium": "email", "address": "alice@example.org", "mxid": "@alice:hs.example.org"}
ODD: dict[str, Any] = {
    "nothing": None,
    "HTML": "<html>",
    "a list": [],
    "a text": '"ok"',
    "null": "null",
    "no members": {},
    "NaN": '{"medium": NaN}',
    "another medium": {**_GOOD, "medium": "fax"},
    "a medium that is a list": {**_GOOD, "medium": ["email"]},
    "no address": {**_GOOD, "address": None},
    "a long address": {**_GOOD, "address": "a" * 500 + "@example.org"},
    "more than is read": {**_GOOD, "padding": _MANY},
}
"""Bodies of a 200 that tell nothing about an address."""

_DETAILS = {"lookup_pepper": "matrixrocks", "algorithms": ["sha256"]}
ODD_DETAILS: dict[str, Any] = {
    "a list": [],
    "no members": {},
    "another algorithm": {**_DETAILS, "algorithms": ["md5"]},
    "algorithms that are a text": {**_DETAILS, "algorithms": "sha256"},
    "a pepper that is a number": {**_DETAILS, "lookup_pepper": 5},
    "a long pepper": {**_DETAILS, "lookup_pepper": "x" * 256},
}
"""Bodies that tell nothing about how addresses are hashed."""
ODD_LOOK_UPS: dict[str, Any] = {
    "a local part": "alice",
    "a number": 5,
    "an object": {},
    "a long user id": f"@{'a' * 255}:hs.example.org",
    "a room": "#room:hs.example.org",
}
"""What stands in a mapping and is no user id."""
_KEY = {"public_key": FAKE_KEY, "key_validity_url": "https://id.example/_matrix/identity/v2/pubkey/isvalid"}
STORED: dict[str, Any] = {"token": "a-token", "display_name": "a...", "public_keys": [_KEY]}
ODD_STORED: dict[str, Any] = {
    "an empty token": {"token": ""},
    "a token with a space": {"token": "a b"},
    "a long token": {"token": "a" * 256},
    "a token that is a number": {"token": 5},
    "no display name": {"display_name": None},
    "no keys": {"public_keys": []},
    "keys that are an object": {"public_keys": _KEY},
    "a key without a URL": {"public_keys": [{"public_key": FAKE_KEY}]},
    "a key that is none": {"public_keys": [{**_KEY, "public_key": "AAAA"}]},
    "a key with another kind of URL": {"public_keys": [{**_KEY, "key_validity_url": "http://id.example/isvalid"}]},
    "a number among the keys": {"public_keys": [_KEY, 7]},
}
"""Changes that make a stored invitation useless."""
ODD_URLS = (
    "http://HERE/isvalid",
    "https://user@HERE/isvalid",
    "https://HERE/is valid",
    "https://HERE/isvalid\r\nX-Injected: yes",
    "https:///isvalid",
    "isvalid",
    "file:///etc/passwd",
    f"https://HERE/{'a' * 2048}",
)
"""What may stand in an invitation in place of a URL; ``HERE`` becomes host and port of the server."""
ODD_KEYS: dict[str, Any] = {
    "no members": {},
    "a list": [],
    "a text": {"valid": "true"},
    "a number": {"valid": 1},
    "null": {"valid": None},
}
"""Bodies that tell nothing about a key."""

_OK = b"HTTP/1.1 200 OK\r\n"


def _flood(sock: socket) -> None:
    for piece in flood(_OK, b"A: b\r\n"):
        sock.sendall(piece)


TROUBLES: dict[str, Said] = {
    "reset": hang_up,
    "hung up": b"",
    "no HTTP": b"hello\r\n\r\n",
    "10 000 headers": _OK + b"A: b\r\n" * 10_000 + b"\r\n{}",
    "a status that is none": b"HTTP/1.1 abc OK\r\n\r\n{}",
    "silence": silence,
    "slow headers": drip(_OK, b"A: b\r\n"),
    "endless headers": _flood,
}
"""Broken answers, each over and over again. The last three never end."""
ENDLESS = ("silence", "slow headers", "endless headers")


def said(status: int, body: Any) -> bytes:
    """Return an answer; ``body``: ``None`` for none, a text as it is, anything else as JSON."""
    raw = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return answer(status, raw)


def means(result: object, expected: Any) -> bool:
    """Return whether an answer has the meaning of a row of ``UNBIND``."""
    if isinstance(expected, tuple):
        return isinstance(result, ServerRefused) and (result.status, result.errcode) == expected
    return isinstance(result, expected) if isinstance(expected, type) else result == expected
