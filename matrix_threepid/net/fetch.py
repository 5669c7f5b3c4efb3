"""The one HTTP port identity servers are reached through: a request out, a reply or a failure back."""

from __future__ import annotations

from collections.abc import Awaitable
from enum import Enum
from typing import Protocol
from urllib.parse import urlsplit

from attrs import field, frozen

from ..protocol.members import redacted

Headers = tuple[tuple[str, str], ...]


@frozen(kw_only=True)
class HttpRequest:
    """One HTTPS request. ``host``: a name or an address, IPv6 without brackets; ``authority``: as URLs write both."""

    method: str
    host: str
    port: int
    authority: str
    path: str
    query: str = field(default="", repr=redacted)
    headers: Headers = field(default=(), repr=redacted)
    body: bytes | None = field(default=None, repr=redacted)

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
    REFUSED = "no connection"
    TLS = "no secure connection"
    TIMEOUT = "out of time"
    LOST = "the connection was lost"
    ODD = "the answer makes no sense"


@frozen
class HttpFailure:
    """No reply, or no whole one; ``detail`` is for the operator and repeats nothing the server wrote.

    ``waited``: the ms of the deadline that had passed when the host was called, because others came first.
    """

    kind: Failure
    detail: str = ""
    waited: int = field(default=0, eq=False)

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.detail}" if self.detail else self.kind.value


@frozen
class HttpReply:
    """An answer. ``body`` as it was sent, never decompressed; ``cut``: why it is not whole.

    ``headers``: as they came, or none; answers that differ in nothing else are equal.
    """

    status: int
    body: bytes = field(default=b"", repr=False)
    cut: HttpFailure | None = None
    headers: Headers = field(default=(), eq=False, repr=False)


class Fetch(Protocol):
    """Makes HTTPS requests to hosts that users name; ``SafeFetchContract`` tells whether it is safe to."""

    def fetch(self, request: HttpRequest, deadline: int) -> Awaitable[HttpReply | HttpFailure]:
        """Return what came of it within ``deadline`` ms; never raise for what a server does. Follow no redirect."""


def place(server: str, default_port: int = 443) -> tuple[str, int, str, str]:
    """Return host, port, authority and path of ``host[:port][/path]``, which ``normal_id_server`` has checked."""
    parts = urlsplit(f"https://{server}")
    return parts.hostname or "", parts.port or default_port, parts.netloc, parts.path
