"""The validation of the identity API: requestToken, submitToken and getValidated3pid, for both versions and delegates.

See https://spec.matrix.org/latest/identity-service-api/#establishing-associations,
MSC2078, https://github.com/matrix-org/matrix-spec-proposals/pull/2078, and
MSC4183, https://github.com/matrix-org/matrix-spec-proposals/pull/4183.
"""

from __future__ import annotations

from functools import cache
from typing import Protocol, cast

from attrs import frozen

from ...flows import session_access
from ...flows.delivery import came_back
from ...flows.request_token import TokenRequest, request_token
from ...flows.submit_token import validate
from ...model.call import Call
from ...model.media import MEDIA, AddressMembers, MediumRow
from ...model.next_link import with_sid
from ...model.session import Session
from ...model.threepid import Candidate, Medium, Purpose
from ...protocol import errors
from ...protocol.endpoint import Access, Charged, Endpoint, endpoint
from ...protocol.history import IdentityHistory
from ...protocol.members import Member, member, members, opaque, text
from ...protocol.message import read
from ...protocol.rules import AnyText, LooseInteger, Text
from ...protocol.wire import Response, json_response
from ...roles.base import Role
from ...texts.pages import page_response
from ..homeserver.request_token import TokenRequested, reply_of
from ..homeserver.submit_token import SubmitToken
from ..page import page


@frozen(kw_only=True)
class _Request:
    client_secret: str = opaque(secret=True, doc="chosen by the client; proves later that it asked")
    # An integer written as text is accepted too: matrix-js-sdk sends it to identity servers (REQ-SEND-5).
    send_attempt: int = member(LooseInteger(), doc="a message is sent only if it is larger than before")
    next_link: str | None = text(2048, optional=True, doc="where the person goes after confirming a link")


class RequestValidation(AddressMembers, Protocol):
    """The body of a ``requestToken``: the members of all, and those that name an address of the medium.

    * ``client_secret``: a text chosen by the client, which proves later that the same client asked.
    * ``send_attempt``: a message is sent only if this is larger than the largest that was sent (REQ-SEND-1).
    * ``next_link``: the URL to go to after confirming a link; ``None`` for a page of this server.

    See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2validateemailrequesttoken.
    """

    client_secret: str
    send_attempt: int
    next_link: str | None


@cache
def _request_class(medium: Medium) -> type[RequestValidation]:
    row = MEDIA[medium]
    # Of the right type only: what is no address has an errcode of its own (REQ-ISREQ-2).
    strings = {each.name: member(AnyText(), doc=each.doc, secret=each.secret) for each in _strings(row.members)}
    notes = {"__annotations__": dict.fromkeys(strings, "str"), "__doc__": row.asks, "__module__": __name__}
    made = type(f"Validate{medium.value.title()}", (row.members, _Request), {**strings, **notes})
    return cast("type[RequestValidation]", frozen(kw_only=True)(made))


def _strings(cls: type[AddressMembers]) -> list[Member]:
    return [each for each in members(cls).values() if isinstance(each.rule, Text)]


class _SessionOf(Protocol):
    @property
    def sid(self) -> str: ...
    @property
    def client_secret(self) -> str: ...


@frozen(kw_only=True)
class SessionOf:
    """A session and its secret.

    See https://spec.matrix.org/latest/identity-service-api/#get_matrixidentityv23pidgetvalidated3pid.
    """

    sid: str = opaque(doc="the session")
    client_secret: str = opaque(secret=True, doc="the client's secret of this session")


@frozen(kw_only=True)
class Submission:
    """``success`` is whether the session is validated; if not, ``errcode`` and ``error`` say why.

    Not validated is answered with 200 by a delegate and by ``submit_answers: compat`` alone. See
    https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2validateemailsubmittoken.
    """

    success: bool
    errcode: str | None = None
    error: str | None = None


@frozen
class Validated:
    """The ``medium`` and ``address`` that a session has proved; ``validated_at`` in ms.

    See https://spec.matrix.org/latest/identity-service-api/#get_matrixidentityv23pidgetvalidated3pid.
    """

    medium: str
    address: str
    validated_at: int


def _candidate(role: Role, row: MediumRow, message: RequestValidation) -> Candidate:
    """Return the address that is named. Raises the identity API's error for one that is not valid (REQ-ISREQ-2)."""
    for each in _strings(row.members):
        if not each.rule.accepts(getattr(message, each.name)):
            raise row.invalid(f"{each.key}: {each.rule.words}")
    try:
        return message.candidate(role.policy)
    except errors.InvalidParam as error:
        raise row.invalid(str(error)) from None


async def _validate(role: Role, call: Call, medium: Medium, message: SubmitToken) -> Session:
    """Validate a session of a medium. Raises ``NoValidSession`` and what ``flows.submit_token.validate`` raises."""
    session = await session_access.find(role, message.sid, message.client_secret)
    if session is None or session.threepid.medium is not medium:
        raise errors.NoValidSession
    return await validate(role, call, session, message.token)


async def get_validated(role: Role, call: Call, message: None) -> Validated:
    """Return the address that a session has proved; a repeated request gets the same answer.

    See https://spec.matrix.org/latest/identity-service-api/#get_matrixidentityv23pidgetvalidated3pid.
    """
    session = await validated_session(role, read(SessionOf, call.request.parameters))
    return Validated(session.threepid.medium.value, session.threepid.address, session.validated_at or 0)


async def validated_session(role: Role, message: _SessionOf) -> Session:
    """Return a validated session. Raises ``NoValidSession``, ``SessionExpired`` or ``SessionNotValidated``."""
    session = await session_access.find(role, message.sid, message.client_secret)
    if session is None or session.purpose is not Purpose.BIND:
        raise errors.NoValidSession
    # Expiry first: an expired session can no longer be validated, so "not validated" would mislead (REQ-ISVAL-1).
    if not session.alive(role.clock()):
        raise errors.SessionExpired
    if session.validated_at is None:
        raise errors.SessionNotValidated(await came_back(role, session))
    return session


_SUBMIT_ERRORS = (errors.NoValidSession, errors.SessionExpired, errors.TokenIncorrect, errors.LimitExceeded)
SESSION_ERRORS = (errors.NoValidSession, errors.SessionExpired, errors.SessionNotValidated)


def declare(medium: Medium, history: IdentityHistory, access: Access) -> tuple[Endpoint, ...]:
    """Return the endpoints that validate addresses of a medium, under one version.

    * ``medium``: the medium.
    * ``history``: the version.
    * ``access``: who may call requestToken and submitToken by POST.

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
        """Send a message to an address, unless this ``send_attempt`` was sent before; answer the session.

        See https://spec.matrix.org/latest/identity-service-api/#establishing-associations.
        """
        request = TokenRequest(
            purpose=Purpose.BIND,
            candidate=_candidate(role, row, message),
            client_secret=message.client_secret,
            send_attempt=message.send_attempt,
            next_link=message.next_link,
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
        reply=Submission,
        access=access,
        errors=_SUBMIT_ERRORS,
        offered=off,
    )
    async def submit_validation(role: Role, call: Call, message: SubmitToken) -> Submission | Response:
        """Validate a session with the token that was sent.

        See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2validateemailsubmittoken.
        """
        try:
            await _validate(role, call, medium, message)
        except errors.MatrixError as error:
            # A homeserver may turn every 4xx of its delegate into one error and hide the reason (decision 26).
            if role.policy.submit_answers == "spec":
                raise
            return json_response(200, {"success": False, **error.body()})
        return Submission(success=True)

    @endpoint(
        "GET",
        f"{path}/submitToken",
        history,
        name=f"open_{medium.value}_validation",
        query=SubmitToken,
        redirects=True,
        offered=off,
    )
    async def open_submit_link(role: Role, call: Call, message: None) -> Response:
        """Validate a session by opening a link with ``sid``, ``client_secret`` and ``token``; show a page or redirect.

        See https://spec.matrix.org/latest/identity-service-api/#get_matrixidentityv2validateemailsubmittoken.
        """
        # The one GET that changes state, since the identity API demands it (SEC-130).
        if call.request.method == "HEAD":
            raise errors.MethodNotAllowed("GET", "POST")  # link scanners send HEAD
        try:
            session = await _validate(role, call, medium, read(SubmitToken, call.request.parameters))
        except errors.MatrixError:
            return page(role, call, "failed", 400)
        if session.next_link is None:
            return page(role, call, "confirmed", 200, {"purpose": session.purpose.value})
        return page_response(303, "", location=with_sid(session.next_link, session.sid))

    return request_validation, submit_validation, open_submit_link


def declare_validated(history: IdentityHistory, access: Access) -> Endpoint:
    """Return the endpoint that answers which address a session has proved, under one version."""
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
