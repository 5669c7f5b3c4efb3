"""One request and its answer over one connection: blocking, under one deadline, with a limit to every length.

Imported when the first request is made, in its thread: ``ssl`` and ``h11`` take long to import.
"""

from __future__ import annotations

import errno
import ssl
from typing import TYPE_CHECKING, Any

import h11
from attrs import define, field, frozen

from .deadline import Deadline
from .failures import failure
from .fetch import Failure, Headers, HttpFailure, HttpReply, HttpRequest

if TYPE_CHECKING:
    import socket

_AT_ONCE = 16_384
"""Bytes of one read: a TLS record."""
_VERSIONS = (b"1.0", b"1.1")
_BODILESS = (204, 304)
_ENDED = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


@frozen
class Limits:
    """Bytes that are read of an answer.

    * ``max_headers``: of status line and headers, interim answers included.
    * ``max_body``: of the body.
    """

    max_headers: int
    max_body: int


@define(eq=False)
class Exchange:
    """One request over one connection.

    * ``sock``: the connection.
    * ``limits``: bytes that are read.
    * ``until``: the deadline.
    * ``sent``: whether the system accepted any byte of the request.
    * ``heard``: whether any byte of an answer came.
    * ``over``: whether the connection was ended by the other side.
    * ``reusable``: whether another request may be sent over the connection: the answer was complete, its length was
      unambiguous, nothing came after it, and both sides want to go on. What is left could be taken for the next answer.
    """

    sock: socket.socket = field(repr=False)
    limits: Limits
    until: Deadline
    sent: bool = field(init=False, default=False)
    heard: bool = field(init=False, default=False)
    over: bool = field(init=False, default=False)
    reusable: bool = field(init=False, default=False)
    _talk: h11.Connection = field(init=False, repr=False)
    _allowance: int = field(init=False, default=0)

    def run(self, request: HttpRequest) -> HttpReply | HttpFailure:
        """Make the request. It never raises for what a server does."""
        self._talk = h11.Connection(h11.CLIENT, max_incomplete_event_size=self.limits.max_headers)
        self._allowance = self.limits.max_headers + _AT_ONCE
        try:
            self._send(_bytes_of(self._talk, request))
            response = self._response()
        except (OSError, ValueError, h11.ProtocolError) as error:
            return self._failure(error, "no answer")
        self._allowance = self.limits.max_headers + self.limits.max_body
        body, cut = self._body()
        self.reusable = cut is None and self._is_ready(response)
        return HttpReply(response.status_code, body, cut, _headers_of(response))

    def _send(self, data: bytes) -> None:
        """Send head and body in one piece: a second write would wait for the other side's delayed ACK."""
        rest = memoryview(data)
        while rest:
            self.sock.settimeout(self.until.left())
            rest = rest[self.sock.send(rest) :]
            self.sent = True

    def _response(self) -> h11.Response:
        """Read up to the end of the headers, past interim answers."""
        while True:
            event = self._next()
            if isinstance(event, h11.Response | h11.InformationalResponse) and event.http_version not in _VERSIONS:
                raise h11.RemoteProtocolError("the version of HTTP")
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise h11.RemoteProtocolError("no answer")

    def _body(self) -> tuple[bytes, HttpFailure | None]:
        """Return the body up to the limit, and why it is not whole."""
        body = bytearray()
        try:
            while isinstance(event := self._next(), h11.Data):
                body += event.data
                if len(body) > self.limits.max_body:
                    return bytes(body[: self.limits.max_body]), HttpFailure(Failure.ODD, "the body is too large")
        except (OSError, h11.RemoteProtocolError) as error:
            return bytes(body), self._failure(error, "the body ended early")
        return bytes(body), None

    def _next(self) -> Any:
        while (event := self._talk.next_event()) is h11.NEED_DATA:
            self._talk.receive_data(self._received())
        return event

    def _received(self) -> bytes:
        if self._allowance <= 0:
            raise OSError(errno.EMSGSIZE, "the answer is too large")
        self.sock.settimeout(self.until.left())
        data = self.sock.recv(min(_AT_ONCE, self._allowance))
        self._allowance -= len(data)
        self.heard, self.over = self.heard or bool(data), not data
        return data

    def _failure(self, error: Exception, where: str) -> HttpFailure:
        if self.over:  # h11 takes the end of a connection for a mistake in what was sent before
            return HttpFailure(Failure.LOST, where)
        self.over = isinstance(error, _ENDED)
        return failure(error, sent=True)

    def _is_ready(self, response: h11.Response) -> bool:
        talk, names = self._talk, {name for name, _ in response.headers}
        length = next((value for name, value in response.headers if name == b"content-length"), b"0")
        # Exactly one of both: with none the body ends with the connection, with two they may contradict each other.
        framed = len({b"content-length", b"transfer-encoding"} & names) == 1
        # h11 reads no body after these, whatever their headers say; a body may still be on its way.
        empty = b"transfer-encoding" not in names and length == b"0"
        framed = empty if response.status_code in _BODILESS else framed
        done = (talk.our_state, talk.their_state) == (h11.DONE, h11.DONE)
        return framed and done and not self.over and not talk.trailing_data[0] and not self._pending()

    def _pending(self) -> int:
        """Return how many bytes TLS has decrypted that nobody has read."""
        return int(getattr(self.sock, "pending", int)())


def _headers_of(response: h11.Response) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw_items())


def _bytes_of(talk: h11.Connection, request: HttpRequest) -> bytes:
    """Return head and body; no cookie, no compression. Raises ``LocalProtocolError`` for what HTTP does not allow."""
    headers = [("Host", request.authority), ("Accept-Encoding", "identity"), *request.headers]
    body = request.body
    if body is not None or request.method not in ("GET", "HEAD"):
        headers.append(("Content-Length", str(len(body or b""))))
    events: list[Any] = [h11.Request(method=request.method, target=request.target, headers=headers)]
    if body:
        events.append(h11.Data(data=body))
    return b"".join(talk.send(event) or b"" for event in [*events, h11.EndOfMessage()])
