"""Hostile bodies at every operation of an identity server: a Matrix error or a success, never a failure of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from matrix_threepid.endpoints import IDENTITY_SERVER
from matrix_threepid.identity import OpenIdLookup
from matrix_threepid.policy import LookupRules
from matrix_threepid.stores import MemoryAssociations

from .acting import Place
from .apis import V2
from .test_accounts import Homeservers

MANY = 40
"""The bodies for each operation here; ``python -m tests.identity_server.test_hostile`` tries 10,000."""
_NAMES = (
    *("email", "country", "phone_number", "client_secret", "send_attempt", "next_link", "sid", "token", "mxid"),
    *("threepid", "medium", "address", "addresses", "algorithm", "pepper", "access_token", "matrix_server_name"),
    *("user_accepts", "public_key", "id_server", "room_id", "sender", "room_name", "private_key"),
)
_TEXTS = (
    *(
        "",
        " ",
        "a",
        "alice@example.org",
        "07700 900123",
        "GB",
        "email",
        "msisdn",
        "sha256",
        "none",
        "@a:b",
        "0",
        "-1",
        "!r:b",
        "@alice:hs.example.org",
    ),
    *(
        "hs.example.org",
        "[::1",
        "https://x/",
        "\x00",
        "\ud800",
        "\u202e",
        "é" * 300,
        "a" * 70_000,
        "%00",
        "'; --",
        "{}",
    ),
    *("a" * 43, "alice@example.org email", "alice@example.org carrier-pigeon", "..", "//", "=", "-_", "+/"),
)


def hostile(random: Random) -> Iterator[bytes]:
    """Yield bodies that clients of ours never send."""
    while True:
        members = {random.choice(_NAMES): _value(random, 3) for _ in range(random.randrange(12))}
        raw = json.dumps(members).encode()
        cut = random.randrange(len(raw) + 1)
        yield random.choice((raw, raw, raw, raw[:cut], raw + b"x", b"[" * 999, b"\xff" + raw, b"", b"null", b"1e999"))


def _value(random: Random, depth: int) -> Any:
    kind = random.randrange(10 if depth else 6)
    if kind < 4:
        return random.choice(_TEXTS)
    if kind == 4:
        return random.choice((0, -1, 2**53, 2**70, 1.5, 1e300, 10**40))
    if kind == 5:
        return random.choice((None, True, False))
    if kind < 8:
        return [_value(random, depth - 1) for _ in range(random.randrange(4))]
    return {random.choice(_NAMES): _value(random, depth - 1) for _ in range(random.randrange(4))}


def refused_wrongly(place: Place, seed: int, count: int) -> list[tuple[str, int, bytes]]:
    """Return the requests that were answered with anything but success or a Matrix error of the client."""
    random, wrong = Random(seed), []  # noqa: S311  the same bodies in every run
    bodies = hostile(random)
    for path, methods in IDENTITY_SERVER.paths.items():
        for method in methods:
            for _ in range(count):
                body = next(bodies)
                query = body[:200].decode("latin-1").encode("ascii", "ignore").decode() if method == "GET" else ""
                answer = place.call(method, path, b"" if method == "GET" else body, query=query)
                page = (answer.header("content-type") or "").startswith("text/html")
                fine = answer.status < 400 or page or {"errcode", "error"} <= answer.json().keys()
                if not fine or answer.status >= 500:
                    wrong.append((f"{method} {path}", answer.status, body[:80]))
    return wrong


def test_no_body_makes_the_server_fail() -> None:
    """Whatever a body holds, the answer is a success or names what is wrong; nothing is published."""
    published = MemoryAssociations()
    place = Place(V2, {"lookup": LookupRules(algorithms=["sha256", "none"])}, serve_v1=True, associations=published)
    assert refused_wrongly(place, 1, MANY) == []
    assert published._rows == {}


def test_no_openid_token_makes_the_server_fail() -> None:
    """Whatever is sent to register an account, the answer is a success or names what is wrong."""
    openid = OpenIdLookup(fetch=Homeservers())
    assert refused_wrongly(Place(V2, callers=None, openid=openid), 1, MANY // 4) == []


if __name__ == "__main__":
    found = refused_wrongly(Place(V2, {"lookup": LookupRules(algorithms=["sha256", "none"])}, serve_v1=True), 2, 10_000)
    raise SystemExit(f"wrong: {found[:9]}" if found else 0)
