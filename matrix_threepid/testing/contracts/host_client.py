"""An HTTP client for tests of hosts: it sends exactly the given bytes and returns exactly what came back."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPResponse
from io import BufferedReader
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen

from ...net.sockets import connected as connect
from ...protocol.wire import Response

Headers = Iterable[tuple[str, str]]
PROXY = "X-Forwarded-For"
LIST = "/_matrix/client/v3/account/3pid"
ASK = f"{LIST}/email/requestToken"
ADD = f"{LIST}/add"
NOWHERE = "/elsewhere"


def length_of(body: bytes) -> tuple[str, str]:
    """Return the header that announces a body."""
    return ("Content-Length", str(len(body)))


def chunked(*parts: bytes) -> bytes:
    """Return a body in chunks, without the end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


CHUNKED = ("Transfer-Encoding", "chunked")
END = b"0\r\n\r\n"


class _Reader(BufferedReader):
    """A reader that stays open after one answer, so that buffered bytes behind it are not lost."""

    def close(self) -> None:
        """Do nothing."""


@frozen
class Connection:
    """One connection, for one request."""

    socket: socket.socket = field(repr=False)
    _reader: _Reader = field(init=False, repr=False)

    @_reader.default
    def _read_by(self) -> _Reader:
        return _Reader(socket.SocketIO(self.socket, "r"))

    def makefile(self, mode: str) -> BufferedReader:
        """Return the file that answers are read from (the name is that of ``http.client``)."""
        return self._reader

    def answer(self, method: str) -> Response:
        """Return the answer. For HEAD, everything behind the headers is returned as the body."""
        connected: Any = self
        with HTTPResponse(connected, method="GET" if method == "HEAD" else method) as response:
            response.begin()
            body = self.rest() if method == "HEAD" else response.read()
            return Response(response.status, tuple(response.getheaders()), body)

    def rest(self) -> bytes:
        """Return all that comes until the server closes the connection."""
        parts: list[bytes] = []
        with suppress(ConnectionResetError):
            while part := self._reader.read1(65_536):
                parts.append(part)
        return b"".join(parts)

    def hang_up(self) -> None:
        """Close the sending side, as a client that disconnects."""
        self.socket.shutdown(socket.SHUT_WR)


@frozen
class Client:
    """A client of the server at a base URL.

    * ``patience``: s that it waits for an answer.
    """

    url: str
    patience: float = 30

    @contextmanager
    def sent(self, method: str, target: str, headers: Headers = (), body: bytes = b"") -> Iterator[Connection]:
        """Send a request unchanged, without adding its length; the connection lasts for the block."""
        parts = urlsplit(self.url)
        every = (("Host", parts.netloc), ("Connection", "close"), *headers)
        head = "".join(f"{name}: {value}\r\n" for name, value in every)
        with connect(parts.hostname or "", parts.port or 80, self.patience) as connected:
            connected.sendall(f"{method} {parts.path.rstrip('/')}{target} HTTP/1.1\r\n{head}\r\n".encode() + body)
            yield Connection(connected)

    def ask(self, method: str, target: str, headers: Headers = (), body: bytes = b"") -> Response:
        """Make a request, with the length of its body, and return the answer."""
        with self.sent(method, target, [*headers, length_of(body)] if body else headers, body) as connection:
            return connection.answer(method)
