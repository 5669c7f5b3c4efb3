"""``Service``: a request in, a response out. The one place where errors become replies."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from .endpoints.tables import DELEGATE, HOMESERVER, IDENTITY_SERVER
from .flows import send_message
from .flows.unbind_retry import retry_unbinds
from .housekeeping import Job
from .model.call import Call
from .ports import Caller
from .ports._checked import Checked
from .protocol import errors
from .protocol.body import read_object
from .protocol.endpoint import Access, Endpoint, Table
from .protocol.message import read, write
from .protocol.wire import ALLOW_HEADERS, CORS, Request, Response, json_response
from .roles.base import Role
from .roles.homeserver import Homeserver
from .roles.identity_server import Delegate, IdentityServer

_log = logging.getLogger("matrix_threepid")
_DAY = 86_400_000
_FEW, _MANY = 100, 1000
"""The messages or unbinds, and the rows of a table, that one run of a job takes."""
_PART = 100
"""So many rows one transaction of housekeeping deletes: requests wait for that, not for all of it."""
_TABLES = {Homeserver: HOMESERVER, IdentityServer: IDENTITY_SERVER, Delegate: DELEGATE}


class Service:
    """A role's endpoints over its wiring.

    ``handle`` answers any request, ``serves`` tells a host whether a path is ours, ``off`` lists which
    endpoints cannot work in this wiring and why, ``jobs`` are to be run beside the requests.
    """

    def __init__(self, role: Role, table: Table | None = None) -> None:
        if not isinstance(role.sessions, Checked):
            raise errors.ConfigurationError(f"{type(role).__name__}.__attrs_post_init__ must call that of its parent")
        self.role = role
        self.table = table or _table_of(role)
        self.off = {
            declared.name: reason for declared in self.table.endpoints if (reason := declared.offered(role)) is not None
        }

    def serves(self, path: str) -> bool:
        """Return whether an endpoint lives at ``path``."""
        return bool(self.table.at(path))

    async def handle(self, request: Request) -> Response:
        """Return the answer to a request. Only bugs and outages of the host's own ports raise."""
        try:
            response = await self._answer(request)
        except errors.MatrixError as error:
            if isinstance(error, errors.Unavailable) and error.__cause__ is not None:
                # By class only: the text of a driver may hold values.
                _log.warning("unavailable: %s", type(error.__cause__).__name__)
            response = json_response(error.status, self._body_of(error), *error.headers())
        response = self._allowing(response)
        return Response(response.status, response.headers) if request.method == "HEAD" else response

    def _allowing(self, response: Response) -> Response:
        """Return the answer with the request headers that this role's API allows web clients."""
        allowed = self.role.allow_headers
        if allowed is None:
            return response
        headers = ((name, allowed if name == ALLOW_HEADERS else value) for name, value in response.headers)
        return Response(response.status, tuple(headers), response.body)

    def _body_of(self, error: errors.MatrixError) -> dict[str, Any]:
        """Return the body of an error in the words of this role's API."""
        body = error.body()
        known = self.role.errcodes.get(body.get("errcode", ""))
        return {**body, "errcode": known} if known else body

    def jobs(
        self, *, deliver_every: int = 5_000, retry_every: int = 30_000, purge_every: int = 300_000
    ) -> tuple[Job, ...]:
        """Return what is to be run beside the requests, each at its own pace in ms; drivers are in the hosts.

        ``deliver_due``: sends messages that were put off or cut off.
        ``retry_unbinds``: asks identity servers again; only a homeserver with ``identity`` has it.
        ``purge``: deletes what is over.
        """
        role, clock = self.role, self.role.clock
        jobs = [Job(name="deliver_due", every=deliver_every, work=self.deliver_due, limit=_FEW, clock=clock)]
        if isinstance(role, Homeserver) and role.identity is not None:
            retry = partial(retry_unbinds, role, _FEW)
            jobs.append(Job(name="retry_unbinds", every=retry_every, work=retry, limit=_FEW, clock=clock))
        jobs.append(Job(name="purge", every=purge_every, work=self.purge, limit=_MANY, clock=clock))
        return tuple(jobs)

    async def deliver_due(self, limit: int = _FEW) -> int:
        """Send messages that were put off or cut off: one of the ``jobs``. Returns how many were tried.

        Of several roles that share a session store only one may, and it needs all the senders.
        """
        return await send_message.deliver_due(self.role, limit)

    async def purge(self, limit: int = _MANY) -> int:
        """Delete up to ``limit`` sessions, limits and binds each that came to nothing: one of the ``jobs``.

        Returns how many were deleted.
        """
        now = self.role.clock()
        purges = [partial(self.role.sessions.purge, now - _DAY), partial(self.role.limiter.purge, now)]
        if isinstance(self.role, Homeserver):
            purges.append(partial(self.role.bindings.purge, now - _DAY))
        return sum([await _in_parts(purge, limit) for purge in purges])

    async def _answer(self, request: Request) -> Response:
        declared = self._match(request)
        if declared is None:
            return Response(204, CORS)
        declared.admits(self.role)
        if declared.name in self.off:
            raise errors.Unrecognized
        return await self._perform(declared, request)

    def _match(self, request: Request) -> Endpoint | None:
        """Return the endpoint of a request, or ``None`` for the OPTIONS of a known path."""
        methods = self.table.at(request.path)
        if not methods:
            raise errors.Unrecognized
        if request.method == "OPTIONS":
            return None
        declared = methods.get("GET" if request.method == "HEAD" else request.method)
        if declared is None:
            raise errors.MethodNotAllowed(*methods)
        return declared

    async def _perform(self, declared: Endpoint, request: Request) -> Response:
        """Authenticate before parsing the body, then call the handler with what was asked for."""
        caller = await self._caller(declared, request)
        if len(request.body) > self.role.policy.max_body:
            raise errors.TooLarge
        handler, call, message = declared.handler, Call(request, caller), None
        if declared.form is not None and request.is_form:
            handler = declared.form
        elif declared.request is not None:
            call = Call(request, caller, self._body(declared, request))
            message = read(declared.request, call.body)
        reply = await handler(self.role, call, message)
        return reply if isinstance(reply, Response) else json_response(200, write(reply))

    def _body(self, declared: Endpoint, request: Request) -> Mapping[str, Any]:
        """Return the members of a request: of its JSON body, or from wherever a loose endpoint takes them."""
        max_body = self.role.policy.max_body
        if not declared.loose:
            return read_object(request.body, max_body)
        inner = request.form if request.is_form else read_object(request.body or b"{}", max_body)
        return {**request.parameters, **inner}

    async def _caller(self, declared: Endpoint, request: Request) -> Caller | None:
        if declared.access is Access.ANYONE:
            return None
        try:
            caller = await self.role.identify(request)
        except (errors.UnknownToken, errors.UserLocked):
            if declared.access is Access.USER:
                raise
            return None  # endpoints that need no token treat an invalid one as absent
        if declared.access is Access.USER:
            if caller is None:
                raise errors.MissingToken
            if caller.guest:
                raise errors.GuestAccessForbidden
        return caller


async def _in_parts(purge: Callable[[int], Awaitable[int]], limit: int) -> int:
    """Delete up to ``limit`` rows, few at a time; return how many."""
    gone, part = 0, _PART
    while gone < limit and part == _PART:
        part = await purge(min(_PART, limit - gone))
        gone += part
    return gone


def _table_of(role: Role) -> Table:
    """Return the endpoints of a role, also of a host's own kind of it."""
    for kind, table in _TABLES.items():
        if isinstance(role, kind):
            return table
    raise errors.ConfigurationError(f"{type(role).__name__} has no endpoints of its own: give a table")
