"""A TLS server on loopback that answers as a test says: correctly, wrongly, endlessly, or not at all."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, BinaryIO

from attrs import Factory, define, field, frozen

from ..net.sockets import listener

PATIENCE = 30.0
"""Time, in s, after which the server stops waiting for a client that should have disconnected."""


@frozen
class Heard:
    """One request as it arrived: method, target, headers (lower-case names) and body."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


Act = Callable[[socket.socket], object]
"""Answers a connection in its own way."""
Said = bytes | Iterable[bytes] | Act
Answers = Callable[[Heard], Said]


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    """Return a function that sends a complete HTTP answer."""
    lines = (f"HTTP/1.1 {status} Status", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join((*lines, "", "")).encode() + body


def hang_up(sock: socket.socket) -> None:
    """Reset the connection."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silence(sock: socket.socket) -> None:
    """Send nothing until the client disconnects."""
    sock.recv(1)


def drip(first: bytes, again: bytes) -> Act:
    """Send some bytes, then a few bytes again and again, slowly, until the client disconnects."""

    def say(sock: socket.socket) -> None:
        sock.sendall(first)
        sock.settimeout(0.01)
        while True:
            sock.sendall(again)
            with suppress(TimeoutError):
                if not sock.recv(1):
                    return

    return say


def flood(first: bytes, again: bytes) -> Iterator[bytes]:
    """Send some bytes, then the same bytes again and again, as fast as the client reads."""
    yield first
    while True:
        yield again * (1 + 16_384 // len(again))


@cache
def authority() -> Any:
    """Return the certificate authority of this run of tests. Needs ``trustme``."""
    import trustme

    return trustme.CA()


@cache
def certified(*names: str) -> ssl.SSLContext:
    """Return the TLS context of a server with a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert(*names).configure_cert(context)
    return context


@define
class Names:
    """A resolver for tests.

    * ``asked``: the names that were resolved.
    * ``next``: answers that count once.
    """

    lead_to: dict[str, tuple[str, ...]]
    asked: list[str] = field(factory=list)
    next: list[tuple[str, ...]] = field(factory=list)

    def __call__(self, host: str, port: int) -> list[str]:
        """Return the addresses of a name. Raises ``OSError`` without any."""
        self.asked.append(host)
        found = self.next.pop(0) if self.next else self.lead_to.get(host, ())
        if not found:
            raise OSError(host)
        return list(found)


def _end_connections(rogue: RogueServer, _: object, context: ssl.SSLContext | None) -> ssl.SSLContext | None:
    if context is not rogue.context:
        rogue.hang_up()
    return context


@define
class RogueServer:
    """The server.

    After an answer made by ``answer`` it waits for the next request on the connection; after any other answer, and if
    the client asked for that, it closes the connection.

    * ``context``: what it serves with; ``None``: no TLS. It may be changed at any time; that ends open connections.
    * ``answers``: what it answers; it may be changed at any time.
    * ``heard``: the requests so far.
    * ``connections``: how many it has accepted so far.
    * ``at``: a port; 0, the default, takes a free one.
    """

    context: ssl.SSLContext | None = field(on_setattr=_end_connections)
    answers: Answers = lambda _: answer(200, b"{}")
    heard: list[Heard] = field(factory=list)
    connections: int = 0
    at: int = field(default=0, kw_only=True)
    _open: list[ssl.SSLSocket] = field(init=False, factory=list)
    _listener: socket.socket = field(init=False, default=Factory(lambda rogue: _listening(rogue.at), takes_self=True))
    _threads: list[threading.Thread] = field(init=False, factory=list)

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self._listener.getsockname()[1])

    @contextmanager
    def serving(self) -> Iterator[RogueServer]:
        """Serve in threads within the block; they have ended when the block has."""
        self._start(self._accept)
        try:
            yield self
        finally:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self.hang_up()
            for thread in list(self._threads):
                thread.join(PATIENCE)

    def hang_up(self) -> None:
        """End all connections, those that wait for a next request included."""
        for sock in list(self._open):
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # TLS is left alone: a thread may be using it

    def _start(self, work: Callable[..., object], *args: Any) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE)
        with suppress(OSError, ValueError), sock:
            if self.context is None:
                sock.sendall(b"220 this is not TLS\r\n")
                return
            with self.context.wrap_socket(sock, server_side=True) as secure:
                self._open.append(secure)
                try:
                    self._talk(secure)
                finally:
                    self._open.remove(secure)

    def _talk(self, sock: ssl.SSLSocket) -> None:
        with sock.makefile("rb") as reader:
            goes_on = True
            while goes_on:
                heard = _request(reader)
                self.heard.append(heard)
                said = self.answers(heard)
                _say(sock, said)
                goes_on = heard.headers.get("connection") != "close" and _is_whole(said)


def _listening(port: int) -> socket.socket:
    return listener("127.0.0.1", port)


def _say(sock: socket.socket, said: Said) -> None:
    if isinstance(said, bytes):
        sock.sendall(said)
    elif callable(said):
        said(sock)
    else:
        for piece in said:
            sock.sendall(piece)


def _is_whole(said: Said) -> bool:
    """Return whether this is an answer as ``answer`` makes them, so that another one may follow it."""
    if not isinstance(said, bytes):
        return False
    head, _, body = said.partition(b"\r\n\r\n")
    return b"Content-Length: %d" % len(body) in head.split(b"\r\n") and b"Connection: close" not in head


def _request(reader: BinaryIO) -> Heard:
    """Return the next request. Raises ``ValueError`` when the client has left."""
    method, target, _ = reader.readline().decode().split()
    headers: dict[str, str] = {}
    while line := reader.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Heard(method, target, headers, reader.read(int(headers.get("content-length", 0))))
