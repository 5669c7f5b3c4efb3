"""The one HTTP port identity servers are reached through: a request out, a reply or a failure back."""

from __future__ import annotations

from collections.abc import Awaitable
from enum import Enum
from typing import Protocol
from urllib.parse import urlsplit

from attrs import Factory, field, frozen

from ..protocol.members import redacted

Headers = tuple[tuple[str, str], ...]


def _is_safe(request: HttpRequest) -> bool:
    return request.method in ("GET", "HEAD")


@frozen(kw_only=True)
class HttpRequest:
    """One HTTPS request.

    * ``method``: the HTTP method, in capital letters.
    * ``host``: a name or an address, IPv6 without brackets; the certificate must be for it.
    * ``port``: the TCP port.
    * ``authority``: host and port as URLs write both, for the ``Host`` header.
    * ``path``: the path, beginning with a slash.
    * ``query``: the query without its question mark; empty by default.
    * ``headers``: further headers; none by default.
    * ``body``: bytes; ``None`` by default.
    * ``repeatable``: whether making the request twice does the same as making it once, so that it may be sent again
      over a new connection when a kept one was closed before any answer (RFC 9110, 9.2.2); by default true of ``GET``.
    * ``caller``: for whom the request is made, such as a user id, so that nobody takes more than a share of what all
      need. It is never sent. ``None`` by default: unknown.
    * ``connect``: the host whose addresses are called, for a server that an SRV record names; ``None``, the default:
      ``host``.
    """

    method: str
    host: str
    port: int
    authority: str
    path: str
    query: str = field(default="", repr=redacted)
    headers: Headers = field(default=(), repr=redacted)
    body: bytes | None = field(default=None, repr=redacted)
    repeatable: bool = field(default=Factory(_is_safe, takes_self=True))
    caller: str | None = field(default=None, repr=redacted)
    connect: str | None = None

    @property
    def target(self) -> str:
        """Path and query, as they stand in the request line."""
        return f"{self.path}?{self.query}" if self.query else self.path


class Failure(Enum):
    """Why there is no reply. After ``LOST``, ``ODD`` and ``TIMEOUT`` the request may have been carried out."""

    BLOCKED = "the address is not allowed"
    BUSY = "too many calls wait for this host"
    CIRCUIT_OPEN = "it failed several times, and is left alone for a while"
    NAME = "the name leads nowhere"
    NO_DNS = "the name cannot be looked up now"
    REFUSED = "no connection"
    TLS = "no secure connection"
    TIMEOUT = "out of time"
    LOST = "the connection was lost"
    ODD = "the answer makes no sense"


@frozen
class HttpFailure:
    """No reply, or no whole one.

    * ``kind``: why.
    * ``detail``: more for the operator; it repeats nothing the server wrote.
    * ``waited``: ms of the deadline that passed while the call waited for its turn, so that the server is not blamed.
    """

    kind: Failure
    detail: str = ""
    waited: int = field(default=0, eq=False)

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.detail}" if self.detail else self.kind.value


@frozen
class HttpReply:
    """An answer. Answers that differ in their headers only are equal.

    * ``status``: the HTTP status code.
    * ``body``: as it was sent, never decompressed.
    * ``cut``: why the body is not whole; ``None``: it is.
    * ``headers``: names and values as they came; a ``Fetch`` may leave them out.
    """

    status: int
    body: bytes = field(default=b"", repr=False)
    cut: HttpFailure | None = None
    headers: Headers = field(default=(), eq=False, repr=False)


class Fetch(Protocol):
    """Makes HTTPS requests to hosts that users name; ``SafeFetchContract`` tests whether it is safe to use there."""

    def fetch(self, request: HttpRequest, deadline: int) -> Awaitable[HttpReply | HttpFailure]:
        """Return what came of it within ``deadline`` ms; never raise for what a server does. Follow no redirect."""


A_FETCH = "must be an object with the method fetch, such as DirectHttp()"
"""What an argument for a ``Fetch`` must be, for messages about one that is not."""


def place(server: str, default_port: int = 443) -> tuple[str, int, str, str]:
    """Return host, port, authority and path of ``host[:port][/path]``, which ``normal_id_server`` has checked."""
    parts = urlsplit(f"https://{server}")
    return parts.hostname or "", parts.port or default_port, parts.netloc, parts.path
