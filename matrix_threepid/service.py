"""``Service``: answers the requests of a role. Errors become responses here and nowhere else."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial

from .accounts import ACCOUNTS
from .endpoints.tables import DELEGATE, HOMESERVER, IDENTITY_SERVER
from .flows import purging, send_message
from .flows.health import Health, health_of
from .flows.lookup import rotate
from .flows.onbind import OnbindQueue
from .flows.unbind_retry import UnbindQueue
from .housekeeping import Job
from .logs import Throttle
from .model.call import Call
from .model.threepid import Medium
from .ports import Caller
from .ports._checked import Checked
from .protocol import errors
from .protocol.endpoint import Access, Endpoint, Table
from .protocol.message import read, write
from .protocol.wire import CORS, Request, Response, allowing, json_response, read_object, without_cors
from .protocol.wiring import demand
from .roles.base import Role
from .roles.context import ANSWERING, Answering
from .roles.homeserver import Homeserver
from .roles.identity_server import Delegate, IdentityServer

_log = logging.getLogger("matrix_threepid")
_BUG = 500
"""The status that a host answers to an exception that is no ``MatrixError``."""
_NO_BODY: Mapping[str, object] = {}
_FEW, _MANY = 100, 1000
"""The largest number of messages or unbinds, and of rows of a table, in one run of a job."""
_SENDINGS, _UNBINDS = 4, 16
"""The numbers of messages of one medium, and of unbinds, that a job sends at once."""
_TABLES = {Homeserver: HOMESERVER, IdentityServer: IDENTITY_SERVER, Delegate: DELEGATE}


class Service:
    """The endpoints of a role, called with requests.

    * ``role``: a ``Homeserver``, ``IdentityServer`` or ``Delegate``.
    * ``table``: the endpoints; default all of the role.
    * ``off``: an attribute: the names of the endpoints that cannot work in this wiring, each with the reason.

    Raises ``ConfigurationError`` for a role without a table, and for one whose own ``__attrs_post_init__`` does not
    call that of its parent.

    >>> from matrix_threepid import Request, run_sync
    >>> from matrix_threepid.testing import World
    >>> service = Service(World().homeserver)
    >>> service.serves("/_matrix/client/v3/account/3pid")
    True
    >>> run_sync(service.handle(Request("GET", "/_matrix/client/v3/account/3pid"))).status
    401
    """

    def __init__(self, role: Role, table: Table | None = None) -> None:
        demand("Service", role, lambda given: isinstance(given, Role), "must be given an instance of a role")
        demand("Service: table", table, lambda given: isinstance(given, Table | None), "must be a Table, or left out")
        # Without the parent's method no port is wrapped, and wrong answers of ports would go unnoticed.
        if not isinstance(role.sessions, Checked):
            raise errors.ConfigurationError(f"{type(role).__name__}.__attrs_post_init__ must call that of its parent")
        self.role = role
        self.table = table or _table_of(role)
        self._throttle = Throttle()
        self._watched: Callable[[str | None, int, float], None] | None = getattr(role.listener, "answered", None)
        # For all media, with a sender or not: a message whose sender was removed has to be settled as well.
        self._deliveries = tuple(send_message.Delivery(role, medium) for medium in Medium)
        self.off = {
            declared.name: reason for declared in self.table.endpoints if (reason := declared.offered(role)) is not None
        }

    def serves(self, path: str) -> bool:
        """Return whether this service answers requests for ``path``, so that a host can pass others on."""
        return bool(self.table.at(path))

    async def handle(self, request: Request) -> Response:
        """Return the response to a request.

        Every ``MatrixError`` becomes a response. Other exceptions are bugs of the library or of a port, and are raised.
        """
        answering, begun = Answering(request), time.perf_counter()
        ANSWERING.set(answering)
        status = _BUG
        try:
            response = await self._respond(request, answering)
            status = response.status
        finally:
            # Not what was there before: where one thread steps several requests in turn, that may be another's.
            ANSWERING.set(None)
            if self._watched is not None:
                self._watched(answering.endpoint, status, time.perf_counter() - begun)
        return Response(response.status, response.headers) if request.method == "HEAD" else response

    async def _respond(self, request: Request, answering: Answering) -> Response:
        try:
            response = await self._answer(request, answering)
        except errors.MatrixError as error:
            if isinstance(error, errors.Unavailable) and error.__cause__ is not None:
                self._log_unavailable(error.__cause__)
            response = json_response(error.status, self._body_of(error), *error.headers())
        # After errors as well: a web client can read an error only if CORS allows it.
        return self.allowing(response)

    def _log_unavailable(self, cause: BaseException) -> None:
        """Log, once a minute, why a port could not answer: in an outage every request asks."""
        # Only the class is logged: the text of a driver's exception may hold addresses (SEC-19).
        name = type(cause).__name__
        more = self._throttle.passes(name)
        if more is not None:
            _log.warning("unavailable: %s%s", name, f" ({more} more)" if more else "")

    @property
    def max_body(self) -> int:
        """The bytes that a body may have: those of the table, else ``Policy.max_body``."""
        return self.role.policy.max_body if self.table.max_body is None else self.table.max_body

    def allowing(self, response: Response) -> Response:
        """Return the response with the CORS headers of the role, or with none if the table is not for browsers."""
        return allowing(response, self.role.allow_headers) if self.table.browsers else without_cors(response)

    def _body_of(self, error: errors.MatrixError) -> dict[str, object]:
        """Return the body of an error with the errcode that the API of this role has for it (REQ-ISREQ-2)."""
        body = error.body()
        known = self.role.errcodes.get(str(body.get("errcode")))
        return {**body, "errcode": known} if known else body

    def jobs(
        self,
        *,
        deliver_every: int = 5_000,
        retry_every: int = 30_000,
        purge_every: int = 300_000,
        rehash_every: int = 60_000,
    ) -> tuple[Job, ...]:
        """Return the jobs that a host must run beside the requests (decision 39); ``hosts`` has drivers for them.

        * ``deliver_every``: the pause in ms of ``deliver_due``, which sends notices and deferred or interrupted
          messages; each medium has a job of its own, and four messages are sent at once; default 5 s. Also that of
          ``tell_homeservers``, which only an identity server with ``onbind`` has.
        * ``retry_every``: the pause in ms of ``retry_unbinds``, which only a homeserver with ``identity`` has; users
          are served in turn, 16 unbinds at once; default 30 s.
        * ``purge_every``: the pause in ms of ``purge``, which deletes what has ended; default 5 minutes.
        * ``rehash_every``: the pause in ms of ``rotate_lookup_pepper``, which only an identity server has; it hashes
          associations with a new pepper, 10 in each transaction; default 1 minute.
        """
        role, clock = self.role, self.role.clock
        jobs = [
            Job(
                name=f"deliver_due {each.medium.value}",
                every=deliver_every,
                work=each.one,
                limit=_FEW,
                at_once=_SENDINGS,
                clock=clock,
            )
            for each in self._deliveries
        ]
        if isinstance(role, Homeserver) and role.identity is not None:
            retry = UnbindQueue(role).one
            name, limit = "retry_unbinds", _FEW
            jobs.append(Job(name=name, every=retry_every, work=retry, limit=limit, at_once=_UNBINDS, clock=clock))
        if isinstance(role, IdentityServer):
            name, pieces = "rotate_lookup_pepper", partial(rotate, role)
            jobs.append(Job(name=name, every=rehash_every, work=pieces, limit=_FEW, at_once=1, clock=clock))
        if isinstance(role, IdentityServer) and role.onbind is not None:
            name, tell, most = "tell_homeservers", OnbindQueue(role, role.onbind).one, _SENDINGS
            jobs.append(Job(name=name, every=deliver_every, work=tell, limit=_FEW, at_once=most, clock=clock))
        jobs.append(Job(name="purge", every=purge_every, work=self.purge, limit=_MANY, clock=clock))
        return tuple(jobs)

    async def health(self) -> Health:
        """Return whether the stores can be used; senders and identity servers are not asked.

        A store in a database is asked by its method ``check``, each database once; one in memory is always ready. The
        answer takes as long as the database: give it a deadline.
        """
        return await health_of(self.role)

    async def deliver_due(self, limit: int = _FEW) -> int:
        """Send up to ``limit`` messages that are due, notices among them; return how many were leased.

        For hosts that do not run the ``jobs``, which send several at once. After a sending that timed out, a call sends
        no more messages of its medium. If several roles share a session store,
        only one of them may deliver, the homeserver if there is one, and it needs the senders of all.
        """
        return await send_message.deliver_due(self._deliveries, limit)

    async def purge(self, limit: int = _MANY) -> int:
        """Delete sessions, logins and invitations that have ended, full limits, old intents and lost unbinds.

        * ``limit``: the largest number of rows of each; default 1000.

        Returns how many rows were deleted. One of the ``jobs``.
        """
        return await purging.purge(self.role, limit)

    async def _answer(self, request: Request, answering: Answering) -> Response:
        declared = self._match(request)
        if declared is None:
            return Response(204, CORS)
        answering.endpoint = declared.name
        # Before ``off``: it may have a better error than "unrecognized", such as an unsupported medium (REQ-REQTOK-6).
        declared.admits(self.role)
        if declared.name in self.off:
            raise errors.Unrecognized
        return await self._perform(declared, request, answering)

    def _match(self, request: Request) -> Endpoint | None:
        """Return the endpoint of a request; ``None`` for OPTIONS of a known path, which web clients send first.

        See https://spec.matrix.org/latest/client-server-api/#web-browser-clients.
        """
        methods = self.table.at(request.path)
        if not methods:
            raise errors.Unrecognized
        if request.method == "OPTIONS" and self.table.browsers:
            return None
        declared = methods.get("GET" if request.method == "HEAD" else request.method)
        if declared is None:
            raise errors.MethodNotAllowed(*methods)
        return declared

    async def _perform(self, declared: Endpoint, request: Request, answering: Answering) -> Response:
        """Authenticate, read the body, and call the handler."""
        # In this order: a body is parsed only for callers who may use the endpoint.
        caller = await self._caller(declared, request)
        answering.caller = None if caller is None else caller.user_id
        # Here for all bodies: forms and bodies that no endpoint reads never get to ``read_object``, which checks too.
        if len(request.body) > self.max_body:
            raise errors.TooLarge
        handler, body, message = declared.handler, _NO_BODY, None
        if declared.form is not None and request.is_form:
            handler = declared.form
        elif declared.request is not None:
            body = self._body(declared, request)
            message = read(declared.request, body)
        reply = await handler(self.role, Call(request, caller, body), message)
        return reply if isinstance(reply, Response) else json_response(200, write(reply))

    def _body(self, declared: Endpoint, request: Request) -> Mapping[str, object]:
        """Return the members of a request: those of its JSON body; for a loose endpoint of form and query as well."""
        max_body = self.max_body
        if not declared.loose:
            return read_object(request.body, max_body)
        inner = request.form if request.is_form else read_object(request.body or b"{}", max_body)
        # A member of the body wins, as the body is what a client of today sends.
        return {**request.parameters, **inner}

    async def _caller(self, declared: Endpoint, request: Request) -> Caller | None:
        """Return the caller as ``Access`` requires. Raises ``MissingToken``, ``UnknownToken`` and the like."""
        if declared.identifies is not None:
            caller: Caller | None = await declared.identifies(request)
            return caller
        if declared.access is Access.ANYONE:
            return None
        try:
            caller = await self.role.identify(request)
        except (errors.UnknownToken, errors.UserLocked):
            if declared.access is Access.USER:
                raise
            return None  # ``Access.OPTIONAL``: a token that is not valid counts as absent
        if declared.access is Access.USER:
            if caller is None:
                raise errors.MissingToken
            if caller.guest:
                raise errors.GuestAccessForbidden
            if not declared.before_terms:
                await self.role.check_terms(caller)
        return caller


def _table_of(role: Role) -> Table:
    """Return the table of a role, also for a subclass made by a host."""
    for kind, table in _TABLES.items():
        if isinstance(role, kind):
            keeps = isinstance(role, Homeserver) and role.keeper is not None
            # A table of its own, since ``serves`` must not claim ``/register`` of a host that answers it itself.
            return Table(table.prefix, (*table.endpoints, *ACCOUNTS)) if keeps else table
    raise errors.ConfigurationError(f"{type(role).__name__} has no endpoints of its own: pass table=")
