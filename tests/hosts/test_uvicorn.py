"""The ASGI application under a real server, over a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from matrix_threepid.hosts.asgi import Asgi
from matrix_threepid.testing import ALICE, World

from .driving import ASK, BODY, LIST
from .serving import uvicorn_serving


@pytest.fixture
def connection(app: Asgi) -> Iterator[HTTPConnection]:
    with uvicorn_serving(app) as url:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
        yield connection
        connection.close()


def ask(
    connection: HTTPConnection, method: str, path: str, body: bytes | Iterable[bytes] | None = None, **headers: str
) -> tuple[int, bytes]:
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response.status, response.read()


def test_a_journey_over_a_real_socket(connection: HTTPConnection, world: World) -> None:
    """Bodies with a length and in chunks, HEAD and OPTIONS all work, one after the other on one connection."""
    status, body = ask(connection, "POST", ASK, BODY)
    assert (status, list(json.loads(body))) == (200, ["sid"])
    assert ask(connection, "POST", ASK, iter([BODY[:9], BODY[9:]])) == (200, body)
    assert ask(connection, "OPTIONS", ASK) == (204, b"")
    assert ask(connection, "HEAD", LIST, Authorization=f"Bearer {ALICE}") == (200, b"")
    assert ask(connection, "GET", LIST, Authorization=f"Bearer {ALICE}") == (200, b'{"threepids":[]}')
    assert len(world.outbox.messages) == 1


@pytest.mark.parametrize("announced", [True, False])
def test_too_much_is_refused_over_a_real_socket(connection: HTTPConnection, announced: bool) -> None:
    """A body over the limit is refused, and the next request is not taken for its rest."""
    large = b" " * 20_000
    status, body = ask(connection, "POST", ASK, large if announced else iter([large]))
    assert (status, json.loads(body)["errcode"]) == (413, "M_TOO_LARGE")
    assert ask(connection, "GET", "/elsewhere")[0] == 404
