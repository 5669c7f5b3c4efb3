"""An endpoint is one declaration: its paths through history, who may call it, what goes in and out.

Routing, validation, the table of the docs and the OpenAPI document are read from it; nothing about
an endpoint is written anywhere else. A declaration that cannot be right stops the import.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Any

import attrs
from attrs import field, frozen

from .errors import (
    BadJson,
    ConfigurationError,
    GuestAccessForbidden,
    InvalidParam,
    LimitExceeded,
    MatrixError,
    MissingParam,
    MissingToken,
    NotJson,
    TooLarge,
    UiaRequired,
    Unavailable,
    UnknownToken,
    UserLocked,
)
from .history import History, IdentityHistory
from .message import members


class Access(Enum):
    """Who may call an endpoint."""

    ANYONE = "anyone"
    OPTIONAL = "anyone; an access token is noted"
    USER = "a user of this homeserver"


class Charged(Enum):
    """Which of the policy's limits a call counts against."""

    NOTHING = "not limited"
    SENDING = "sending: per address, client and user"
    CHANGES = "changes: per user"


Handler = Callable[[Any, Any, Any], Awaitable[Any]]
"""Called with the role, the call, and the message: the request read as its class, or ``None`` without one."""


@frozen
class Endpoint:
    """One endpoint of one role.

    ``request``, ``query``: message classes of body and query parameters, or ``None``; ``reply``: message class, or
    ``None`` for pages; ``errors``: what it may answer beside the errors of its kind; ``offered``: says why the
    endpoint is off in a wiring (``None`` when it is on); ``admits``: a check made before the body is read;
    ``form``: handler of HTML forms, which is given no message; ``loose``: members may also come
    as a form or in the query (identity API v1).
    """

    method: str
    path: str
    history: History | IdentityHistory
    handler: Handler = field(repr=False)
    request: type[Any] | None = None
    query: type[Any] | None = None
    reply: type[Any] | None = None
    access: Access = Access.ANYONE
    charged: Charged = Charged.NOTHING
    uia: bool = False
    form: Handler | None = field(default=None, repr=False)
    loose: bool = False
    errors: tuple[type[MatrixError], ...] = ()
    name: str = ""
    doc: str = field(default="", repr=False)
    offered: Callable[[Any], str | None] = field(default=lambda _: None, repr=False)
    admits: Callable[[Any], None] = field(default=lambda _: None, repr=False)

    def __attrs_post_init__(self) -> None:
        if not self.path.startswith("/") or self.path.endswith("/"):
            raise ConfigurationError(f"{self.path}: a path starts with a slash and does not end with one")
        if not self.history.since:
            raise ConfigurationError(f"{self.path}: lives under no version")
        if self.uia and self.access is not Access.USER:
            raise ConfigurationError(f"{self.path}: user-interactive authentication needs a user")
        for message in filter(None, (self.request, self.query)):
            members(message)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path below the role's prefix, all versions included."""
        return tuple(
            f"/{version}{path}" if version else path
            for path in (self.path, *self.history.also)
            for version in self.history.since
        )

    @property
    def possible_errors(self) -> tuple[type[MatrixError], ...]:
        """Every error a client can get here: the listed ones and those of its kind."""
        kind: list[type[MatrixError]] = [Unavailable]
        if self.request is not None:
            kind += [NotJson, BadJson, MissingParam, InvalidParam, TooLarge]
        if self.access is Access.USER:
            kind += [MissingToken, UnknownToken, UserLocked, GuestAccessForbidden]
        if self.uia:
            kind.append(UiaRequired)
        if self.charged is not Charged.NOTHING:
            kind.append(LimitExceeded)
        return tuple(dict.fromkeys((*self.errors, *kind)))


def endpoint(
    method: str, path: str, history: History | IdentityHistory, **declared: Any
) -> Callable[[Handler], Endpoint]:
    """Make the decorated handler an ``Endpoint``; its name and docstring become the endpoint's."""

    def declare(handler: Handler) -> Endpoint:
        name, doc = handler.__name__, (handler.__doc__ or "").strip()
        return Endpoint(method, path, history, handler, **{"name": name, "doc": doc, **declared})

    return declare


class Table:
    """The endpoints of one role under one prefix, found by method and path."""

    def __init__(self, prefix: str, endpoints: tuple[Endpoint, ...]) -> None:
        self.prefix = prefix
        self.endpoints = endpoints
        self._routes: dict[str, dict[str, Endpoint]] = {}
        names = [declared.name for declared in endpoints]
        if len(set(names)) < len(names):
            raise ConfigurationError(f"two endpoints of {prefix} have one name")
        for declared in endpoints:
            for path in declared.paths:
                self._add(prefix + path, declared)

    @property
    def paths(self) -> Mapping[str, Mapping[str, Endpoint]]:
        """Every path, and the endpoints there by method; for hosts that register paths one by one."""
        return self._routes

    def _add(self, path: str, declared: Endpoint) -> None:
        methods = self._routes.setdefault(path, {})
        if declared.method in methods:
            raise ConfigurationError(f"{declared.method} {path} is declared twice")
        methods[declared.method] = declared

    def at(self, path: str) -> Mapping[str, Endpoint]:
        """Return the endpoints at ``path`` by method; empty when there is none.

        One slash too many is forgiven: at the end, and at the start, where bases that end with one put it.
        """
        bare = path[1:] if path.startswith("//") else path
        return self._routes.get(path) or self._routes.get(bare.removesuffix("/"), {})


def on(declared: Endpoint, **changes: Any) -> Endpoint:
    """Return ``declared`` with some of its facts changed."""
    return attrs.evolve(declared, **changes)
