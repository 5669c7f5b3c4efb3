"""The endpoints of administrators: a table of its own, off unless a host mounts it behind its own ``Authorisation``.

No page of another site can call them: they have no CORS headers, and cookies are not looked at (SEC-161).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from attrs import evolve

from .. import ports
from ..model.call import Call, Caller
from ..ports._checked import checked
from ..protocol import errors
from ..protocol.endpoint import Access, Endpoint, Table, endpoint
from ..protocol.history import History
from ..protocol.wire import Request
from ..protocol.wiring import demand
from ..roles.base import Role
from .bodies import (
    Bindings,
    Done,
    Explained,
    Export,
    Messages,
    PublishedAndReason,
    Sessions,
    SidAndReason,
    Subject,
    SubjectAndReason,
    SubjectOrAfter,
    Suppressions,
    UnboundResult,
    UserAndReason,
    UserOnly,
)
from .desk import Administration

PREFIX = "/_threepid/admin"
"""The start of the paths, unless a host wants another one."""
MAX_BODY = 4096
_UNVERSIONED = History(unstable=False, bare=True)
_BY_SID = (errors.NoValidSession,)
_OF_SESSION = (
    *_BY_SID,
    errors.SessionExpired,
    errors.ThreepidDenied,
    errors.ThreepidInUse,
    errors.LimitExceeded,
)


def administration_table(authorisation: ports.Authorisation, audit: ports.AuditLog, *, prefix: str = PREFIX) -> Table:
    """Return the endpoints of administrators, to be mounted with ``Service(role, table)``.

    * ``authorisation``: the host's check of who is an administrator.
    * ``audit``: where each deed is written down before it is done, such as ``SqlAudit``.
    * ``prefix``: the start of the paths; default ``/_threepid/admin``. Keep it from the public proxy.

    Raises ``ConfigurationError`` for an ``authorisation`` without ``administrator``, or an ``audit`` without
    ``record``.
    """
    for name, part, method in (("authorisation", authorisation, "administrator"), ("audit", audit, "record")):
        demand(name, part, partial(_has, method), f"must have an async method {method}()")
    judge = cast("ports.Authorisation", checked(ports.Authorisation, authorisation))

    async def identify(request: Request) -> Caller:
        # A browser adds passwords that it keeps, and its certificates, to requests of any page.
        if request.is_of_other_site:
            raise errors.Forbidden("Pages of other sites may not do this")
        # Without cookies: a browser sends them with a form of any site, and the host could take it for the person.
        headers = {name: value for name, value in request.headers.items() if name != "cookie"}
        name = await judge.administrator(evolve(request, headers=headers))
        if not name:
            raise errors.Forbidden("Only administrators may do this")
        return Caller(name)

    declared = (evolve(each, identifies=identify) for each in _endpoints(audit))
    return Table(prefix, tuple(declared), browsers=False, max_body=MAX_BODY)


def _has(method: str, part: object) -> bool:
    return not isinstance(part, type) and callable(getattr(part, method, None))


Desk = Callable[[Role], Administration]
"""Returns the administration of a role."""


def _endpoints(audit: ports.AuditLog) -> tuple[Endpoint, ...]:
    def desk(role: Role) -> Administration:
        return Administration(role=role, audit=audit)

    return (*_looks(desk), *_deeds(desk))


def _looks(desk: Desk) -> tuple[Endpoint, ...]:
    @_declared("/explain", Subject, Explained)
    async def explain(role: Role, call: Call, message: Subject) -> Explained:
        """Tell what happened to an address, a number, a session or a user, and what would happen now."""
        found = await desk(role).explain(message.what, actor=_actor(call))
        return Explained(explanation=found.values, text=found.text)

    @_declared("/sessions", Subject, Sessions)
    async def sessions(role: Role, call: Call, message: Subject) -> Sessions:
        """List the open sessions of an address or a user, or show one by its id."""
        return Sessions(sessions=tuple(await desk(role).sessions(message.what, actor=_actor(call))))

    @_declared("/bindings", UserOnly, Bindings)
    async def bindings(role: Role, call: Call, message: UserOnly) -> Bindings:
        """List where the addresses of a user are published, or may be."""
        return Bindings(bindings=tuple(await desk(role).bindings(message.user_id, actor=_actor(call))))

    @_declared("/messages", Subject, Messages)
    async def messages(role: Role, call: Call, message: Subject) -> Messages:
        """List the messages of a session or to an address, with what became of each."""
        return Messages(messages=tuple(await desk(role).messages(message.what, actor=_actor(call))))

    @_declared("/suppressions", SubjectOrAfter, Suppressions)
    async def suppressions(role: Role, call: Call, message: SubjectOrAfter) -> Suppressions:
        """List what is held against an address, or against all."""
        found = await desk(role).suppressions(message.what, actor=_actor(call), after=message.after or "")
        return Suppressions(suppressions=tuple(found))

    return explain, sessions, messages, bindings, suppressions


def _deeds(desk: Desk) -> tuple[Endpoint, ...]:
    @_declared("/send_again", SidAndReason, Done, more=_OF_SESSION)
    async def send_again(role: Role, call: Call, message: SidAndReason) -> Done:
        """Send the message of a session once more."""
        await desk(role).send_again(message.sid, actor=_actor(call), reason=message.reason)
        return Done()

    @_declared("/cancel", SidAndReason, Done, more=_BY_SID)
    async def cancel(role: Role, call: Call, message: SidAndReason) -> Done:
        """End a session."""
        await desk(role).cancel(message.sid, actor=_actor(call), reason=message.reason)
        return Done()

    @_declared("/confirm", SidAndReason, Done, more=_OF_SESSION)
    async def confirm(role: Role, call: Call, message: SidAndReason) -> Done:
        """Confirm a session by hand, as if its link had been used; all who are concerned are told by mail."""
        await desk(role).confirm(message.sid, actor=_actor(call), reason=message.reason)
        return Done()

    @_declared("/lift_limits", SubjectAndReason, Done)
    async def lift_limits(role: Role, call: Call, message: SubjectAndReason) -> Done:
        """Forget what an address, a number or a user has used of its limits."""
        await desk(role).lift_limits(message.what, actor=_actor(call), reason=message.reason)
        return Done()

    @_declared("/lift_suppression", SubjectAndReason, Done)
    async def lift_suppression(role: Role, call: Call, message: SubjectAndReason) -> Done:
        """Forget that messages to an address came back or were called spam."""
        await desk(role).lift_suppression(message.what, actor=_actor(call), reason=message.reason)
        return Done()

    @_declared("/unbind", PublishedAndReason, UnboundResult)
    async def unbind(role: Role, call: Call, message: PublishedAndReason) -> UnboundResult:
        """Unbind what is published of a user; failures are tried again later."""
        done = await desk(role).unbind(message.user_id, message.what, actor=_actor(call), reason=message.reason)
        return UnboundResult(id_server_unbind_result=done)

    @_declared("/export", UserAndReason, Export)
    async def export(role: Role, call: Call, message: UserAndReason) -> Export:
        """Return everything that is stored about a user."""
        return Export(export=await desk(role).export(message.user_id, actor=_actor(call), reason=message.reason))

    @_declared("/erase", UserAndReason, Bindings)
    async def erase(role: Role, call: Call, message: UserAndReason) -> Bindings:
        """Unbind, remove and delete what is stored about a user."""
        left = await desk(role).erase(message.user_id, actor=_actor(call), reason=message.reason)
        return Bindings(bindings=tuple(left))

    return send_again, cancel, confirm, lift_limits, lift_suppression, unbind, export, erase


def _declared(
    path: str, request: type[object], reply: type[object], *, more: tuple[type[errors.MatrixError], ...] = ()
) -> Callable[[Any], Endpoint]:
    # By POST and in the body, since addresses in a URL would be in the logs of proxies.
    return endpoint(
        "POST",
        path,
        _UNVERSIONED,
        request=request,
        reply=reply,
        access=Access.ANYONE,
        errors=(errors.Forbidden, *more),
    )


def _actor(call: Call) -> str:
    return call.user.user_id
