"""One HTTPS exchange with one checked address: blocking, under one deadline, with a limit to every length.

Imported when the first request is made: ``http.client`` and ``ssl`` are heavy.
"""

from __future__ import annotations

import errno
import io
import socket
import ssl
from collections.abc import Sequence
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from typing import Any, cast

from attrs import frozen

from .deadline import Deadline
from .fetch import Failure, HttpFailure, HttpReply, HttpRequest
from .sockets import connected

CONNECT_PATIENCE = 3.0
"""The s one address may take to accept a connection before the next is tried."""
_READ_AHEAD = io.DEFAULT_BUFFER_SIZE
_KINDS: tuple[tuple[type[Exception], Failure], ...] = (
    (TimeoutError, Failure.TIMEOUT),
    (socket.gaierror, Failure.NAME),
    (ssl.SSLError, Failure.TLS),
    (OSError, Failure.REFUSED),
)


@cache
def default_context() -> ssl.SSLContext:
    """Return a context that verifies certificates and host names, from TLS 1.2 on; made once."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@frozen
class Exchange:
    """What all exchanges of one client share. ``max_headers``, ``max_body``: bytes that are read of an answer."""

    context: ssl.SSLContext
    max_headers: int
    max_body: int

    def run(self, request: HttpRequest, addresses: Sequence[str], deadline: Deadline) -> HttpReply | HttpFailure:
        """Make the request to the first address that takes it. Raises ``OSError`` before anything is sent."""
        with _connected(addresses, request.port, deadline) as plain:
            plain.settimeout(deadline.left())
            with self.context.wrap_socket(plain, server_hostname=request.host) as secure:
                return self._talk(request, Line(secure, deadline, self.max_headers + _READ_AHEAD))

    def _talk(self, request: HttpRequest, line: Line) -> HttpReply | HttpFailure:
        try:
            response = _response(request, line)
        except (OSError, HTTPException, ValueError) as error:
            return line.ended or failure(error, sent=True)
        if line.over:
            # http.client takes the end of the connection for the end of the headers
            return line.ended or HttpFailure(Failure.LOST, "the headers ended early")
        line.allowance = self.max_headers + self.max_body
        body, whole = self._body(response, line)
        cut = None if whole else line.ended or HttpFailure(Failure.LOST, "the body ended early")
        if len(body) > self.max_body:
            cut = HttpFailure(Failure.ODD, "the body is too large")
        return HttpReply(response.status, body[: self.max_body], cut, tuple(response.getheaders()))

    def _body(self, response: HTTPResponse, line: Line) -> tuple[bytes, bool]:
        """Return the body up to one byte over the limit, and whether nothing of it is missing."""
        try:
            body = response.read(self.max_body + 1)
        except IncompleteRead as error:
            return error.partial, False
        except (OSError, HTTPException, ValueError):
            return b"", False
        return body, not response.length and line.ended is None


class Line(io.RawIOBase):
    """A connection as ``http.client`` reads it; ``over``: it was read to its end.

    Whatever goes wrong is the end of it as well, and ``ended`` says what.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline, allowance: int) -> None:
        self._sock, self._deadline, self.allowance = sock, deadline, allowance
        self.ended: HttpFailure | None = None
        self.over = False
        self._kept = bytearray()

    def makefile(self, *_: Any) -> io.BufferedReader:
        """Return the reading side."""
        return io.BufferedReader(self, _READ_AHEAD)

    def sendall(self, data: bytes) -> None:
        """Keep it for ``send_kept``: ``http.client`` writes head and body apart."""
        self._kept += data

    def send_kept(self) -> None:
        """Send what was written so far, in one piece, before the deadline."""
        rest = memoryview(bytes(self._kept))
        self._kept.clear()
        while rest:
            self._sock.settimeout(self._deadline.left())
            rest = rest[self._sock.send(rest) :]

    def close(self) -> None:
        """Do nothing: the socket is closed by who opened it."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            received = self._receive(memoryview(buffer))
        except OSError as error:
            self.ended, received = failure(error, sent=True), 0
        self.over = not received
        return received

    def _receive(self, buffer: memoryview) -> int:
        if self.allowance <= 0:
            raise OSError(errno.EMSGSIZE, "the answer is too large")
        self._sock.settimeout(self._deadline.left())
        received = self._sock.recv_into(buffer[: self.allowance])
        self.allowance -= received
        return received


def failure(error: Exception, *, sent: bool = False) -> HttpFailure:
    """Return what went wrong, in words that repeat nothing the server wrote."""
    kind = next((kind for kinds, kind in _KINDS if isinstance(error, kinds)), Failure.ODD)
    if isinstance(error, OSError) and error.errno == errno.EMSGSIZE:
        kind = Failure.ODD
    lost = sent and kind in (Failure.TLS, Failure.REFUSED)
    return HttpFailure(Failure.LOST if lost else kind, _detail(error))


def _detail(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return error.reason or ""
    return errno.errorcode.get(error.errno or 0, "") if isinstance(error, OSError) else type(error).__name__


def _connected(addresses: Sequence[str], port: int, deadline: Deadline) -> socket.socket:
    """Connect to the first address that answers. They are addresses, so nothing is looked up again."""
    lost = OSError(errno.EHOSTUNREACH, "the host has no address")
    for address in addresses:
        try:
            return connected(address, port, min(CONNECT_PATIENCE, deadline.left()))
        except OSError as error:  # noqa: PERF203  each address has its own chance
            lost = error
    raise lost


def _response(request: HttpRequest, line: Line) -> HTTPResponse:
    """Send the request and read an answer up to its headers; no proxy, no cookie, no compression, no second request."""
    talk = HTTPConnection(request.host)
    talk.sock = cast("socket.socket", line)  # it has all that is needed of one
    talk.auto_open = 0
    headers = {"Host": request.authority, "Connection": "close", **dict(request.headers)}
    talk.request(request.method, request.target, request.body, headers)
    line.send_kept()
    return talk.getresponse()
