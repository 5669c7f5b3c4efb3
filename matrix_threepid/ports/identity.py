"""What the identity API takes: a client for identity servers, and signatures made and checked."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, Protocol

from attrs import field, frozen

from ..model.identity import BindAnswer, ProvedAnswer, UnbindAnswer
from ..model.threepid import Medium
from ..protocol.members import redacted
from ..protocol.wire import Request


@frozen
class Credentials:
    """A session of an identity server and its secret."""

    sid: str
    client_secret: str = field(repr=redacted)


class IdentityServerClient(Protocol):
    """Talks to identity servers; never raises for what they do. ``deadline``: ms one whole call may take."""

    def proved(
        self, id_server: str, access_token: str, credentials: Credentials, deadline: int
    ) -> Awaitable[ProvedAnswer]:
        """Ask which address a session has proved (``getValidated3pid``)."""

    def bind(
        self, id_server: str, access_token: str, credentials: Credentials, user_id: str, deadline: int
    ) -> Awaitable[BindAnswer]:
        """Publish the address of a session for a user."""

    def unbind(
        self, id_server: str, user_id: str, medium: Medium, address: str, deadline: int
    ) -> Awaitable[UnbindAnswer]:
        """Take a binding back, signed by this homeserver."""


class ObjectSigner(Protocol):
    """Signs JSON objects with the server's key."""

    def sign(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``value`` with the server's signature under ``signatures``."""


class RequestVerifier(Protocol):
    """Checks the signatures of homeservers."""

    def origin(self, request: Request, body: Mapping[str, Any]) -> Awaitable[str]:
        """Return the server that signed a request for us; raise ``Unauthorized`` for any signature that is not good."""
