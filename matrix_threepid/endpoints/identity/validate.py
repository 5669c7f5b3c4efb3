"""The identity API's own validation: requestToken, submitToken, getValidated3pid; for v1, v2 and the delegate."""

from __future__ import annotations

from functools import cache
from typing import Protocol, cast

from attrs import frozen

from ...flows import session_access
from ...flows.request_token import TokenRequest, request_token
from ...flows.submit_token import validate
from ...model.call import Call
from ...model.media import MEDIA, AddressMembers
from ...model.next_link import with_sid
from ...model.session import Session
from ...model.threepid import Medium, Purpose
from ...protocol import errors
from ...protocol.endpoint import Access, Charged, Endpoint, endpoint
from ...protocol.history import IdentityHistory
from ...protocol.members import LooseInteger, member, opaque, text
from ...protocol.message import read
from ...protocol.wire import Response, json_response
from ...roles.base import Role
from ...texts.pages import page_response
from ..homeserver.request_token import TokenRequested, reply_of
from ..homeserver.submit_token import SubmitToken, page


@frozen(kw_only=True)
class _Request:
    client_secret: str = opaque(secret=True, doc="chosen by the client; proves later that it asked")
    send_attempt: int = member(LooseInteger(), doc="a message is sent only if it is larger than before")
    next_link: str | None = text(2048, optional=True, doc="where the person goes after confirming a link")


class RequestValidation(AddressMembers, Protocol):
    """The body of a ``requestToken``: what all have in common, and the members that name an address of the medium."""

    client_secret: str
    send_attempt: int
    next_link: str | None


@cache
def _request_class(medium: Medium) -> type[RequestValidation]:
    row = MEDIA[medium]
    members = {"__doc__": row.asks, "__module__": __name__}
    made = type(f"Validate{medium.value.title()}", (row.members, _Request), members)
    return cast("type[RequestValidation]", frozen(kw_only=True)(made))


class _SessionOf(Protocol):
    @property
    def sid(self) -> str: ...
    @property
    def client_secret(self) -> str: ...


@frozen(kw_only=True)
class SessionOf:
    """A session and its secret."""

    sid: str = opaque(doc="the session")
    client_secret: str = opaque(secret=True, doc="the client's secret of this session")


@frozen
class Validated:
    """The address a session proved; ``validated_at`` in ms."""

    medium: str
    address: str
    validated_at: int


async def _validate(role: Role, medium: Medium, message: SubmitToken) -> Session:
    session = await session_access.find(role, message.sid, message.client_secret)
    if session is None or session.threepid.medium is not medium:
        raise errors.NoValidSession
    return await validate(role, session, message.token)


async def get_validated(role: Role, call: Call, message: None) -> Validated:
    """Tell which address a session proved; may be asked as often as one likes."""
    session = await validated_session(role, read(SessionOf, call.request.parameters))
    return Validated(session.threepid.medium.value, session.threepid.address, session.validated_at or 0)


async def validated_session(role: Role, message: _SessionOf) -> Session:
    """Return the session named. Raises ``NoValidSession``, ``SessionExpired`` or ``SessionNotValidated``."""
    session = await session_access.find(role, message.sid, message.client_secret)
    if session is None or session.purpose is not Purpose.BIND:
        raise errors.NoValidSession
    if not session.alive(role.clock()):
        raise errors.SessionExpired
    if session.validated_at is None:
        raise errors.SessionNotValidated
    return session


_SUBMIT_ERRORS = (errors.NoValidSession, errors.SessionExpired, errors.TokenIncorrect, errors.LimitExceeded)
SESSION_ERRORS = (errors.NoValidSession, errors.SessionExpired, errors.SessionNotValidated)


def declare(medium: Medium, history: IdentityHistory, access: Access) -> tuple[Endpoint, ...]:
    """Return the endpoints that validate addresses of a medium under one version.

    See https://spec.matrix.org/latest/identity-service-api/#establishing-associations.
    """
    row, path = MEDIA[medium], f"/validate/{medium.value}"

    def off(role: Role) -> str | None:
        return role.medium_off(medium)

    @endpoint(
        "POST",
        f"{path}/requestToken",
        history,
        name=f"validate_{medium.value}",
        request=_request_class(medium),
        reply=TokenRequested,
        access=access,
        charged=Charged.SENDING,
        errors=tuple(dict.fromkeys((row.invalid, row.unsent, row.rejected))),
        offered=off,
    )
    async def request_validation(role: Role, call: Call, message: RequestValidation) -> TokenRequested:
        """Send a message to an address, unless this attempt was sent before; answer the session to refer to."""
        try:
            candidate = message.candidate(role.policy)
        except errors.InvalidParam:
            raise row.invalid from None
        request = TokenRequest(
            purpose=Purpose.BIND,
            candidate=candidate,
            client_secret=message.client_secret,
            send_attempt=message.send_attempt,
            next_link=message.next_link,
            by_code=row.by_code,
        )
        try:
            session = await request_token(role, call, request, unsent=row.unsent)
        except errors.ThreepidDenied:
            raise row.rejected from None
        return TokenRequested(sid=session.sid, **reply_of(row, session))

    @endpoint(
        "POST",
        f"{path}/submitToken",
        history,
        name=f"submit_{medium.value}_validation",
        request=SubmitToken,
        access=access,
        errors=_SUBMIT_ERRORS,
        offered=off,
    )
    async def submit_validation(role: Role, call: Call, message: SubmitToken) -> Response:
        """Validate a session with the token that was sent."""
        try:
            await _validate(role, medium, message)
        except errors.MatrixError as error:
            if role.policy.submit_answers == "spec":
                raise
            return json_response(200, {"success": False, **error.body()})
        return json_response(200, {"success": True})

    @endpoint(
        "GET",
        f"{path}/submitToken",
        history,
        name=f"open_{medium.value}_validation",
        query=SubmitToken,
        offered=off,
    )
    async def open_submit_link(role: Role, call: Call, message: None) -> Response:
        """Validate at once, for the links of clients and servers that carry all three values; show a page or go on."""
        if call.request.method == "HEAD":
            raise errors.MethodNotAllowed("GET", "POST")  # link scanners must not validate anything
        try:
            session = await _validate(role, medium, read(SubmitToken, call.request.parameters))
        except errors.MatrixError:
            return page(role, call, "failed", 400)
        if session.next_link is None:
            return page(role, call, "confirmed", 200)
        return page_response(303, "", location=with_sid(session.next_link, session.sid))

    return request_validation, submit_validation, open_submit_link


def declare_validated(history: IdentityHistory, access: Access) -> Endpoint:
    """Return the endpoint that tells what a session proved."""
    declared = endpoint(
        "GET",
        "/3pid/getValidated3pid",
        history,
        name="get_validated_threepid",
        query=SessionOf,
        reply=Validated,
        access=access,
        errors=SESSION_ERRORS,
    )
    return declared(get_validated)
