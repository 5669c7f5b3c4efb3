"""The ASGI host reads bodies and headers strictly, and believes no header it was not told to."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_threepid.hosts.asgi import Asgi
from matrix_threepid.testing import World

from .driving import ASK, BODY, LIST, asked_of, chunks, run, scope_of


def test_a_body_may_come_in_pieces(app: Asgi) -> None:
    """Chunks, empty ones among them, are one body."""
    assert run(app, scope_of("POST", ASK), *chunks(BODY[:7], b"", BODY[7:])).status == 200


def test_a_message_without_body_is_an_empty_one(app: Asgi) -> None:
    """``body`` and ``more_body`` are optional in ASGI."""
    assert run(app, scope_of("POST", ASK), {"type": "http.request"}).errcode == "M_NOT_JSON"


def test_a_body_announced_as_too_large_is_not_read(app: Asgi, world: World) -> None:
    """A Content-Length over the limit is refused with 413 before a byte is read."""
    length = str(world.homeserver.policy.max_body + 1)
    exchange = run(app, scope_of("POST", ASK, ("content-length", length)), *chunks(b"x"))
    assert (exchange.status, exchange.errcode, exchange.unread) == (413, "M_TOO_LARGE", 1)


def test_a_body_that_turns_out_too_large_is_read_no_further(app: Asgi, world: World) -> None:
    """Reading stops with the chunk that passes the limit, whatever was announced."""
    half = b" " * (world.homeserver.policy.max_body // 2 + 1)
    exchange = run(app, scope_of("POST", ASK, ("content-length", "5")), *chunks(half, half, half, half))
    assert (exchange.status, exchange.unread) == (413, 2)


def test_a_body_of_just_the_limit_is_taken(app: Asgi, world: World) -> None:
    """The limit itself is allowed."""
    body = BODY.ljust(world.homeserver.policy.max_body)
    assert run(app, scope_of("POST", ASK, ("content-length", str(len(body)))), *chunks(body)).status == 200


def test_half_a_body_is_no_request(app: Asgi, world: World) -> None:
    """A client that goes away while it sends gets no answer, and nothing happens in its name."""
    exchange = run(app, scope_of("POST", ASK), *chunks(BODY, b"")[:1], {"type": "http.disconnect"})
    assert exchange.sent == []
    assert world.outbox.messages == []


def test_two_authorization_headers_are_no_token(world: World) -> None:
    """Of two tokens neither wins: the host's ``callers`` see both, which is no token they know."""
    asked = asked_of(world)
    run(Asgi(world.service), scope_of("GET", LIST, ("authorization", "Bearer a"), ("authorization", "Bearer b")))
    assert asked[0].headers["authorization"] == "Bearer a, Bearer b"


@pytest.mark.parametrize(
    ("client", "client_header", "headers", "seen"),
    [
        (("198.51.100.1", 5000), None, [], "198.51.100.1"),
        (("198.51.100.1", 5000), None, ["203.0.113.9"], "198.51.100.1"),
        (("198.51.100.1", 5000), "X-Forwarded-For", [], "198.51.100.1"),
        (("198.51.100.1", 5000), "X-Forwarded-For", [""], "198.51.100.1"),
        (("198.51.100.1", 5000), "X-Forwarded-For", ["203.0.113.9"], "203.0.113.9"),
        (("198.51.100.1", 5000), "X-Forwarded-For", ["10.0.0.1, 203.0.113.9"], "203.0.113.9"),
        (("198.51.100.1", 5000), "X-Forwarded-For", ["10.0.0.1", "203.0.113.9"], "203.0.113.9"),
        (("198.51.100.1", 5000), "X-Forwarded-For", ["203.0.113.9:4711"], "203.0.113.9"),
        (("198.51.100.1", 5000), "X-Forwarded-For", ["2001:db8::1"], "2001:db8::1"),
        (("198.51.100.1", 5000), "X-Forwarded-For", ["[2001:db8::1]"], "2001:db8::1"),
        (("198.51.100.1", 5000), "X-Forwarded-For", ["10.0.0.1, [2001:db8::1]:4711"], "2001:db8::1"),
        (("::1", 5000), None, [], "::1"),
        (None, None, [], None),
    ],
)
def test_the_clients_address(
    world: World, client: Any, client_header: str | None, headers: list[str], seen: str | None
) -> None:
    """The peer's address counts, or the last entry of the header a trusted proxy writes; ports do not."""
    asked = asked_of(world)
    forwarded = [("x-forwarded-for", value) for value in headers]
    run(Asgi(world.service, client_header=client_header), scope_of("GET", LIST, *forwarded, client=client))
    assert asked[0].client == seen


def test_callers_see_the_hosts_own_request(world: World) -> None:
    """A host's ports find the scope, its path and the raw query in the request."""
    asked, scope = asked_of(world), scope_of("GET", LIST, query_string=b"a=%20b")
    run(Asgi(world.service), scope)
    assert (asked[0].native is scope, asked[0].path, asked[0].query) == (True, LIST, "a=%20b")
