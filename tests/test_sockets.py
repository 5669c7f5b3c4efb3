"""Sockets of ours send what is written at once: ``TCP_NODELAY`` is on, whoever accepts or opens them."""

from __future__ import annotations

import asyncio
import gc
import ssl
from collections.abc import Iterator
from contextlib import closing
from socket import IPPROTO_TCP, TCP_NODELAY, socket
from typing import Any, NoReturn

import pytest

from examples.homeserver.config import Config
from examples.homeserver.server import running
from matrix_threepid import ConfigurationError, run_sync
from matrix_threepid.net.direct_https import DirectHttp
from matrix_threepid.net.fetch import HttpRequest
from matrix_threepid.net.safe_https import PinnedHttps
from matrix_threepid.net.sockets import connected, listener
from matrix_threepid.senders.smtp.sender import SmtpSender
from matrix_threepid.testing.rogue import PATIENCE

HERE = "127.0.0.1"


def prompt(sock: Any) -> bool:
    """Return whether a socket sends what is written at once."""
    return bool(sock.getsockopt(IPPROTO_TCP, TCP_NODELAY))


@pytest.fixture
def listening() -> Iterator[socket]:
    """A socket that listens on loopback."""
    with listener(HERE, 0) as listening:
        yield listening


def test_accepted_connections_are_prompt(listening: socket) -> None:
    """A server of threads gets the option with the connection, and asyncio knows the listener for TCP."""
    with connected(*listening.getsockname(), PATIENCE) as ours, listening.accept()[0] as theirs:
        assert (prompt(ours), prompt(theirs)) == (True, True)
    assert listening.proto == IPPROTO_TCP


def test_a_port_that_is_taken_is_said(listening: socket) -> None:
    """Nobody can listen where somebody does, and the error names the setting."""
    with pytest.raises(ConfigurationError, match="listen: Address already in use"):
        listener(*listening.getsockname())


def test_the_example_answers_promptly() -> None:
    """What a client connects to at the example homeserver has the option on."""

    async def ask() -> bool:
        async with running(Config(listen=f"{HERE}:0", server_name="hs.example.org")) as url:
            reader, writer = await asyncio.open_connection(HERE, int(url.rpartition(":")[2]))
            with closing(writer):
                writer.write(b"GET /_matrix/client/versions HTTP/1.1\r\nHost: hs.example.org\r\n\r\n")
                await reader.readuntil(b"\r\n")
                (accepted,) = accepted_from(writer.get_extra_info("sockname"))
                return prompt(accepted)

    assert asyncio.run(ask())


def accepted_from(peer: Any) -> list[socket]:
    """Return the sockets of this process that lead to an address."""
    found = [each for each in gc.get_objects() if isinstance(each, socket) and each.fileno() >= 0]
    return [each for each in found if peer_of(each) == peer]


def peer_of(sock: socket) -> Any:
    try:
        return sock.getpeername()
    except OSError:
        return None


class Looking(ssl.SSLContext):
    """Looks at the sockets it is to secure, and secures none. ``seen``: whether they are prompt."""

    seen: list[bool]

    def wrap_socket(self, sock: Any, *_: Any, **__: Any) -> NoReturn:  # type: ignore[override]
        self.seen.append(prompt(sock))
        raise ConnectionResetError("seen enough")


@pytest.fixture
def looking() -> Looking:
    """What senders and clients are given for a TLS context."""
    made = Looking(ssl.PROTOCOL_TLS_CLIENT)
    made.seen = []
    return made


def test_connections_we_open_are_prompt(listening: socket, looking: Looking) -> None:
    """Requests to identity servers and providers, and mails, wait for no delayed ACK."""
    port = listening.getsockname()[1]
    request = HttpRequest(method="GET", host=HERE, port=port, authority=HERE, path="/")
    run_sync(PinnedHttps(ports=[port], allow_addresses=[HERE], context=looking).fetch(request, 30_000))
    run_sync(DirectHttp(context=looking).fetch(request, 30_000))
    mail = SmtpSender(HERE, port, tls="implicit", context=looking, sender="a@example.org", server_name="example.org")
    assert run_sync(mail.check()) is not None
    assert looking.seen == [True] * 3
