"""The ASGI application under a real server, over a real socket."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Iterable, Iterator
from http.client import HTTPConnection
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection, create_server, socket
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from uvicorn.server import ServerState

from matrix_threepid.hosts.asgi import Asgi
from matrix_threepid.hosts.uvicorn import UvicornHttp, served_by_uvicorn
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


def test_connections_are_prompt_whatever_uvicorn_listens_on(app: Asgi) -> None:
    """A connection has ``TCP_NODELAY`` although its listener names no protocol, as with ``uvicorn --workers``."""
    with create_server(("127.0.0.1", 0)) as listening, uvicorn_serving(app, listening) as url:
        client = HTTPConnection(urlsplit(url).netloc, timeout=30)
        assert ask(client, "GET", "/elsewhere")[0] == 404
        (accepted,) = _leading_to(client.sock.getsockname())
        assert (listening.proto, accepted.getsockopt(IPPROTO_TCP, TCP_NODELAY)) == (0, 1)
        client.close()


def test_uvicorn_serves_in_a_loop_of_the_callers(app: Asgi) -> None:
    """While the block runs requests are answered, promptly as well; after it nobody accepts connections."""

    async def asked(listening: socket) -> tuple[int, list[int]]:
        async with served_by_uvicorn(app, listening):
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            writer.write(b"GET /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n")
            status = int((await reader.readline()).split()[1])
            found = _leading_to(writer.get_extra_info("sockname"))
            writer.close()
            await writer.wait_closed()
            return status, [each.getsockopt(IPPROTO_TCP, TCP_NODELAY) for each in found]

    with create_server(("127.0.0.1", 0)) as listening:
        place = listening.getsockname()
        assert asyncio.run(asked(listening)) == (404, [1])
    with pytest.raises(ConnectionRefusedError):
        create_connection(place)


def _leading_to(peer: Any) -> list[socket]:
    """Return the sockets of this process that lead to an address."""
    return [each for each in gc.get_objects() if isinstance(each, socket) and _peer_of(each) == peer]


def _peer_of(sock: socket) -> Any:
    try:
        return sock.getpeername()
    except OSError:
        return None


class _Recording(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """Read nothing in any case."""

    resume_reading = pause_reading


@pytest.mark.parametrize("more", ["", "Connection: close\r\n"])
def test_an_answer_is_one_write(app: Asgi, more: str) -> None:
    """Head and body of an answer leave in one write, also before the connection is closed."""
    ask = f"POST {ASK} HTTP/1.1\r\nHost: x\r\n{more}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY
    written = asyncio.run(_writes(app, ask))
    assert [(each[:15], each[-2:]) for each in written] == [(b"HTTP/1.1 200 OK", b'"}')]


def test_a_long_answer_is_not_gathered_in_memory() -> None:
    """What an application sends in one turn of the loop is written as it comes once it is much."""

    async def long(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for more in (True, True, True, False):
            await send({"type": "http.response.body", "body": b"*" * 50_000, "more_body": more})

    written = asyncio.run(_writes(long, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
    assert len(written) > 1
    assert max(map(len, written)) < 150_000
    assert b"".join(written).count(b"*") == 200_000


async def _writes(app: Any, request: bytes) -> list[bytes]:
    """Return what is written in answer to a request."""
    config = uvicorn.Config(app, http=UvicornHttp, log_config=None, lifespan="off", proxy_headers=False)
    config.load()
    state, transport = ServerState(), _Recording()
    protocol: Any = UvicornHttp(config, state, {}, asyncio.get_running_loop())
    protocol.connection_made(transport)
    protocol.data_received(request)
    await asyncio.gather(*state.tasks)
    await asyncio.sleep(0)
    protocol.connection_lost(None)
    return transport.writes
