"""Bodies that no client of ours sends: good ones with members spoilt, members at random, and bytes that are no JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

NAMES = (
    *("email", "country", "phone_number", "client_secret", "send_attempt", "next_link", "sid", "token", "mxid"),
    *("threepid", "medium", "address", "addresses", "algorithm", "pepper", "access_token", "matrix_server_name"),
    *("user_accepts", "public_key", "id_server", "room_id", "sender", "room_name", "private_key", "invites", "content"),
    *("type", "state_key", "signed", "signatures", "auth", "three_pid_creds", "__class__", ""),
)
TEXTS = (
    *("", " ", "a", "alice@example.org", "07700 900123", "GB", "email", "msisdn", "sha256", "none", "@a:b", "0", "-1"),
    *("!r:b", "@alice:hs.example.org", "hs.example.org", "[::1", "https://x/", "\x00", "\ud800", "\u202e", "é" * 300),
    *("a" * 70_000, "%00", "'; --", "{}", "a" * 43, "alice@example.org email", "alice@example.org carrier-pigeon"),
    *(
        "..",
        "//",
        "=",
        "-_",
        "+/",
        "%s%n{0}",
        "\r\nX: y",
        "\ufeff",
        "😀" * 99,
        "\u017f@\u212a.example",
        "@:",
        "!",
        "m.room.member",
    ),
)
_NUMBERS = (0, -1, 1, 2**53, 2**63, 2**70, 1.5, -0.0, 1e300, 10**40)


def hostile(random: Random, good: Mapping[str, Any] | None = None) -> Iterator[bytes]:
    """Yield hostile bodies.

    * ``good``: a body that is accepted; half of the bodies are made from it.
    """
    while True:
        members = {random.choice(NAMES): hostile_value(random) for _ in range(random.randrange(12))}
        if good and random.random() < 0.5:
            members = _spoilt(random, dict(good))
        raw = json.dumps(members).encode()
        cut = random.randrange(len(raw) + 1)
        twice = raw[:-1] + b"," + raw[1:]
        odd = (
            raw[:cut],
            raw + b"x",
            b"[" * 999,
            b"\xff" + raw,
            b"",
            b"null",
            b"1e999",
            twice,
            raw.decode().encode("utf-16"),
        )
        yield raw if random.random() < 0.6 else random.choice(odd)


def hostile_value(random: Random, depth: int = 3) -> Any:
    """Return a value of any JSON type."""
    kind = random.randrange(10 if depth else 6)
    if kind < 4:
        return random.choice(TEXTS)
    if kind == 4:
        return random.choice(_NUMBERS)
    if kind == 5:
        return random.choice((None, True, False))
    if kind < 8:
        return [hostile_value(random, depth - 1) for _ in range(random.randrange(4))]
    return {random.choice(NAMES): hostile_value(random, depth - 1) for _ in range(random.randrange(4))}


def _spoilt(random: Random, body: dict[str, Any]) -> dict[str, Any]:
    """Return a body with up to three of its members changed, taken away, or spoilt within, and one more at times."""
    for name in random.sample([*body], min(len(body), random.randrange(1, 4))):
        way = random.randrange(4)
        if way == 0:
            del body[name]
        elif isinstance(body[name], dict) and body[name] and way == 1:
            body[name] = _spoilt(random, dict(body[name]))
        elif isinstance(body[name], str) and way == 2:
            body[name] = random.choice((body[name] + random.choice(TEXTS), body[name][:-1], [body[name]]))
        else:
            body[name] = hostile_value(random)
    if random.random() < 0.3:
        body[random.choice(NAMES)] = hostile_value(random)
    return body
