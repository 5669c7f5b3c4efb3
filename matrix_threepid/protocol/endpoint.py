"""The declaration of an endpoint: method, paths by version, access, request, reply and errors (decision 3).

Routing, validation, the table in the docs and the OpenAPI document are read from the declaration, so they cannot
contradict each other. A declaration that cannot be right raises ``ConfigurationError`` when it is imported.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

import attrs
from attrs import field, frozen

from .errors import (
    BadJson,
    ChallengeRequired,
    ConfigurationError,
    Forbidden,
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
from .history import FederationHistory, History, IdentityHistory
from .members import members


class Access(Enum):
    """Who may call an endpoint.

    * ``ANYONE``: access tokens are not read.
    * ``OPTIONAL``: an access token is read, and one that is not valid counts as absent.
    * ``USER``: a valid access token of a user who is no guest is required.
    """

    ANYONE = "anyone"
    OPTIONAL = "anyone; an access token is noted"
    USER = "a user of this homeserver"


class Charged(Enum):
    """Which limits of the policy the handler charges; for the docs and the possible errors.

    * ``NOTHING``: none.
    * ``SENDING``: ``Limits.per_address``, ``per_client`` and ``per_user``.
    * ``CHANGES``: ``Limits.changes``.
    * ``BINDINGS``: ``Limits.bindings``.
    * ``AUTHENTICATING``: ``Limits.authentications`` and ``Limits.passwords``.
    """

    NOTHING = "not limited"
    SENDING = "sending: per address, client and user"
    CHANGES = "changes: per user"
    BINDINGS = "bindings: per user"
    AUTHENTICATING = "authentications: per client or user; passwords: per user"


Handler = Callable[..., Awaitable[object]]
"""Called with the role, the call, and the message: the body read as the request class, or ``None`` without one.

Each endpoint has types of its own for the three, which one table cannot express; so they are not named here.
"""


@frozen
class Endpoint:
    """One endpoint of one role.

    * ``method``: the HTTP method; HEAD is answered wherever GET is.
    * ``path``: the path below prefix and version, such as ``/account/3pid/add``. Its last step may be a name in
      braces, such as ``{keyId}``, and then stands for any one step; ``last_step`` returns it.
    * ``history``: the versions under which it is served.
    * ``handler``: makes the answer.
    * ``request``: the message class of the body; ``None`` (default) if the body is not read.
    * ``query``: the message class of the query parameters, for the docs; the handler reads them. Default ``None``.
    * ``reply``: the message class of the answer; ``None`` (default) for pages and answers made by the handler.
    * ``access``: who may call it; default ``Access.ANYONE``.
    * ``charged``: the limits that it charges; default ``Charged.NOTHING``.
    * ``uia``: whether it asks for user-interactive authentication; default ``False``.
    * ``form``: a second handler for bodies of HTML forms, called without a message; default ``None``.
    * ``redirects``: whether its page may send the browser on by 303, as a ``form`` does; for the docs. Default
      ``False``.
    * ``before_terms``: whether a user may call it who has not accepted the terms of an identity server; default
      ``False``.
    * ``loose``: whether members may also come as a form or in the query, as in version 1 of the identity API; default
      ``False``.
    * ``errors``: the errors it may answer besides those that ``possible_errors`` adds.
    * ``name``: unique in a table; the ``operationId`` of OpenAPI.
    * ``doc``: a description for the docs and OpenAPI.
    * ``offered``: called with the role; returns why the endpoint is off in this wiring, or ``None`` if it is on.
    * ``admits``: called with the role before the body is read; raises an error to refuse the call.
    * ``identifies``: awaited with the request before the body is read, in place of the role's access tokens; returns
      the ``Caller``, or raises an error to refuse the call. Default ``None``: ``access`` says who may call it.

    Raises ``ConfigurationError`` for a path without leading or with trailing slash, a history without versions, and
    user-interactive authentication without ``Access.USER``.
    """

    method: str
    path: str
    history: History | IdentityHistory | FederationHistory
    handler: Handler = field(repr=False)
    request: type[object] | None = None
    query: type[object] | None = None
    reply: type[object] | None = None
    access: Access = Access.ANYONE
    charged: Charged = Charged.NOTHING
    uia: bool = False
    form: Handler | None = field(default=None, repr=False)
    redirects: bool = False
    before_terms: bool = False
    loose: bool = False
    errors: tuple[type[MatrixError], ...] = ()
    name: str = ""
    doc: str = field(default="", repr=False)
    offered: Callable[[Any], str | None] = field(default=lambda _: None, repr=False)
    admits: Callable[[Any], None] = field(default=lambda _: None, repr=False)
    identifies: Callable[[Any], Awaitable[Any]] | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        if not self.path.startswith("/") or self.path.endswith("/"):
            raise ConfigurationError(f"{self.path}: a path must start with a slash and must not end with one")
        if not self.history.since:
            raise ConfigurationError(f"{self.path}: history must name at least one version")
        if self.uia and self.access is not Access.USER:
            raise ConfigurationError(f"{self.path}: user-interactive authentication needs Access.USER")
        # Reading the members checks their declarations, now and not at the first request.
        for message in filter(None, (self.request, self.query)):
            members(message)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path below the prefix of the role, in all versions."""
        return tuple(
            f"/{version}{path}" if version else path
            for path in (self.path, *self.history.also)
            for version in self.history.since
        )

    @property
    def possible_errors(self) -> tuple[type[MatrixError], ...]:
        """Every error that the endpoint can answer: ``errors``, and those that follow from the other fields."""
        # Every endpoint calls ports, and each port may raise ``Unavailable``.
        kind: list[type[MatrixError]] = [Unavailable]
        if self.request is not None:
            kind += [NotJson, BadJson, MissingParam, InvalidParam, TooLarge]
        if self.query is not None and self.reply is not None:  # else a page says what is wrong
            kind += [MissingParam, InvalidParam]
        if self.access is Access.USER:
            kind += [MissingToken, UnknownToken, UserLocked, GuestAccessForbidden]
        if self.uia:
            kind.append(UiaRequired)
        if self.charged is not Charged.NOTHING:
            kind.append(LimitExceeded)
        if self.charged is Charged.SENDING:
            kind += [Forbidden, ChallengeRequired]  # what the port ``Gate`` may answer
        # A dict keeps the order and drops what ``errors`` names as well.
        return tuple(dict.fromkeys((*self.errors, *kind)))


def endpoint(
    method: str, path: str, history: History | IdentityHistory | FederationHistory, **declared: Any
) -> Callable[[Handler], Endpoint]:
    """Return a decorator that makes a handler an ``Endpoint``, with the handler's name and docstring.

    * ``method``, ``path``, ``history``: as in ``Endpoint``.
    * ``declared``: its other fields.

    >>> @endpoint("GET", "/example", History(v3="v1.1"))
    ... async def show(role, call, message):
    ...     '''Show an example.'''
    >>> show.paths
    ('/v3/example', '/unstable/example')
    """

    def declare(handler: Handler) -> Endpoint:
        # ``declared`` last, so that endpoints made in a loop over media can have names of their own.
        name, doc = handler.__name__, (handler.__doc__ or "").strip()
        return Endpoint(method, path, history, handler, **{"name": name, "doc": doc, **declared})

    return declare


class Table:
    """The endpoints of one role under one prefix, by path and method.

    * ``prefix``: the start of every path, such as ``/_matrix/client``.
    * ``endpoints``: the endpoints. Raises ``ConfigurationError`` if two have one name, or one method and path.
    * ``browsers``: whether pages of other sites may call them, as web clients do; without it answers have no CORS
      headers, and OPTIONS is answered as any other method that is not declared. Default ``True``.
    * ``max_body``: the bytes that a body may have; ``None`` (default) for ``Policy.max_body``.
    * ``errcodes``: the errcodes that its API names otherwise, as ``Role.errcodes``; for the docs. Default none.
    """

    def __init__(
        self,
        prefix: str,
        endpoints: tuple[Endpoint, ...],
        *,
        browsers: bool = True,
        max_body: int | None = None,
        errcodes: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.prefix = prefix
        self.endpoints = endpoints
        self.browsers, self.max_body, self.errcodes = browsers, max_body, errcodes
        self._routes: dict[str, dict[str, Endpoint]] = {}
        self._open: dict[str, str] = {}
        names = [declared.name for declared in endpoints]
        if len(set(names)) < len(names):
            raise ConfigurationError(f"{prefix}: two endpoints have one name")
        for declared in endpoints:
            for path in declared.paths:
                self._add(prefix + path, declared)

    @property
    def paths(self) -> Mapping[str, Mapping[str, Endpoint]]:
        """The endpoints by path and method, for hosts that register paths one by one."""
        return self._routes

    def _add(self, path: str, declared: Endpoint) -> None:
        methods = self._routes.setdefault(path, {})
        # The later one would silently replace the earlier one.
        if declared.method in methods:
            raise ConfigurationError(f"{declared.method} {path} is declared twice")
        methods[declared.method] = declared
        head, _, step = path.rpartition("/")
        if step.startswith("{"):
            self._open[head] = path

    def at(self, path: str) -> Mapping[str, Endpoint]:
        """Return the endpoints at a path by method; empty if there are none.

        * ``path``: the whole path. One superfluous slash at its start or its end is ignored. A path that is declared
          as it stands comes before one whose last step is open.
        """
        # Clients whose base URL ends with a slash send paths that begin with two.
        bare = path[1:] if path.startswith("//") else path
        bare = bare.removesuffix("/")
        return self._routes.get(path) or self._routes.get(bare) or self._routes.get(self._open.get(_head(bare), ""), {})


def last_step(path: str) -> str:
    """Return the last step of a request's path, decoded, for an endpoint whose last step is open."""
    return unquote(path.rstrip("/").rpartition("/")[2])


def _head(path: str) -> str:
    return path.rpartition("/")[0]


def on(declared: Endpoint, **changes: Any) -> Endpoint:
    """Return an endpoint with some of its fields changed, for hosts that offer it in another way."""
    return attrs.evolve(declared, **changes)
