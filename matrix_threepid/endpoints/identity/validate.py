"""The identity API's own validation: requestToken, submitToken, getValidated3pid; for v1, v2 and the delegate."""

from __future__ import annotations

from functools import partial
from typing import Any

from attrs import frozen

from ...flows import session_access
from ...flows.request_token import TokenRequest, open_and_send, prepare
from ...flows.submit_token import validate
from ...model.email import canonical_email
from ...model.msisdn import canonical_msisdn, international
from ...model.next_link import with_sid
from ...model.session import Session
from ...model.threepid import Candidate, Medium, Purpose
from ...policy import Policy
from ...protocol import errors
from ...protocol.endpoint import Access, Charged, Endpoint
from ...protocol.history import IdentityHistory
from ...protocol.members import LooseInteger, member, opaque, text, typed
from ...protocol.message import read
from ...protocol.wire import Response, json_response
from ...roles.base import Role
from ...roles.call import Call
from ...texts.pages import page_response
from ..homeserver.request_token import TokenRequested
from ..homeserver.submit_token import SubmitToken, page


@frozen(kw_only=True)
class _Request:
    client_secret: str = opaque(secret=True, doc="chosen by the client; proves later that it asked")
    send_attempt: int = member(LooseInteger(), doc="a message is sent only if it is larger than before")
    next_link: str | None = text(2048, optional=True, doc="where the person goes after confirming a link")


@frozen(kw_only=True)
class ValidateEmail(_Request):
    """Ask an identity server for a mail."""

    email: str = typed(512, doc="an address of the form user@domain")

    def candidate(self, policy: Policy) -> Candidate:
        """Return the address meant. Raises ``InvalidEmail``."""
        try:
            return canonical_email(self.email, intranet_domains=policy.intranet_domains)
        except errors.InvalidParam:
            raise errors.InvalidEmail from None


@frozen(kw_only=True)
class ValidateMsisdn(_Request):
    """Ask an identity server for an SMS."""

    country: str = text(2, doc="two letters of ISO 3166-1")
    phone_number: str = typed(64, doc="as dialled from that country, or international")

    def candidate(self, policy: Policy) -> Candidate:
        """Return the number meant. Raises ``InvalidAddress``."""
        try:
            return canonical_msisdn(self.country, self.phone_number)
        except errors.InvalidParam:
            raise errors.InvalidAddress from None


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


async def request_validation(
    medium: Medium, role: Role, call: Call, message: ValidateEmail | ValidateMsisdn
) -> TokenRequested:
    """Send a message to an address, unless this attempt was sent before; answer the session to refer to."""
    asked = TokenRequest(
        purpose=Purpose.BIND,
        candidate=message.candidate(role.policy),
        client_secret=message.client_secret,
        send_attempt=message.send_attempt,
        next_link=message.next_link,
        by_code=medium is Medium.MSISDN,
    )
    session = await _send(medium, role, call, asked)
    if medium is Medium.EMAIL:
        return TokenRequested(sid=session.sid)
    number = session.threepid.address
    return TokenRequested(sid=session.sid, success=True, msisdn=number, intl_fmt=international(number))


async def _send(medium: Medium, role: Role, call: Call, asked: TokenRequest) -> Session:
    """Send in the words of the identity API."""
    by_mail = medium is Medium.EMAIL
    try:
        wanted = await prepare(role, call, asked)
        return await _opened(role, wanted, asked, errors.EmailSendError if by_mail else errors.SendError)
    except errors.ThreepidDenied:
        raise (errors.ThreepidDenied if by_mail else errors.DestinationRejected) from None


async def _opened(role: Role, wanted: Session, asked: TokenRequest, refused: type[errors.MatrixError]) -> Session:
    try:
        return await open_and_send(role, wanted, asked)
    except (errors.InvalidParam, errors.Unavailable):
        raise refused from None


async def submit_validation(medium: Medium, role: Role, call: Call, message: SubmitToken) -> Response:
    """Validate a session with the token that was sent."""
    try:
        await _validate(role, medium, message)
    except errors.MatrixError as error:
        if role.policy.submit_answers == "spec":
            raise
        return json_response(200, {"success": False, **error.body()})
    return json_response(200, {"success": True})


async def open_submit_link(medium: Medium, role: Role, call: Call) -> Response:
    """Validate at once, for the links of clients and servers that carry all three values; show a page or go on."""
    if call.request.method == "HEAD":
        raise errors.MethodNotAllowed("GET", "POST")  # link scanners must not validate anything
    try:
        session = await _validate(role, medium, read(SubmitToken, call.request.parameters))
    except errors.MatrixError:
        return page(role, call, "failed", 400)
    location = with_sid(session.next_link, session.sid) if session.next_link else None
    return page(role, call, "confirmed", 200) if location is None else page_response(303, "", location=location)


async def _validate(role: Role, medium: Medium, message: SubmitToken) -> Session:
    session = await session_access.find(role, message.sid, message.client_secret)
    if session is None or session.threepid.medium is not medium:
        raise errors.NoValidSession
    return await validate(role, session, message.token)


async def get_validated(role: Role, call: Call) -> Validated:
    """Tell which address a session proved; may be asked as often as one likes."""
    session = await validated_session(role, read(SessionOf, call.request.parameters))
    return Validated(session.threepid.medium.value, session.threepid.address, session.validated_at or 0)


async def validated_session(role: Role, message: Any) -> Session:
    """Return the session named. Raises ``NoValidSession``, ``SessionExpired`` or ``SessionNotValidated``."""
    session = await session_access.find(role, message.sid, message.client_secret)
    if session is None or session.purpose is not Purpose.BIND:
        raise errors.NoValidSession
    if not session.alive(role.clock()):
        raise errors.SessionExpired
    if session.validated_at is None:
        raise errors.SessionNotValidated
    return session


_REQUEST_ERRORS = {
    Medium.EMAIL: (errors.InvalidEmail, errors.EmailSendError, errors.ThreepidDenied),
    Medium.MSISDN: (errors.InvalidAddress, errors.SendError, errors.DestinationRejected),
}
_SUBMIT_ERRORS = (errors.NoValidSession, errors.SessionExpired, errors.TokenIncorrect, errors.LimitExceeded)
SESSION_ERRORS = (errors.NoValidSession, errors.SessionExpired, errors.SessionNotValidated)


def declare(medium: Medium, history: IdentityHistory, access: Access) -> tuple[Endpoint, ...]:
    """Return the endpoints that validate addresses of a medium under one version."""
    path, off = f"/validate/{medium.value}", partial(_off, medium)
    messages = {Medium.EMAIL: ValidateEmail, Medium.MSISDN: ValidateMsisdn}
    shared: dict[str, Any] = {"history": history, "offered": off}
    return (
        Endpoint(
            "POST", f"{path}/requestToken", handler=partial(request_validation, medium), request=messages[medium],
            reply=TokenRequested, access=access, charged=Charged.SENDING, errors=_REQUEST_ERRORS[medium],
            name=f"validate_{medium.value}", doc=request_validation.__doc__ or "", **shared,
        ),
        Endpoint(
            "POST", f"{path}/submitToken", handler=partial(submit_validation, medium), request=SubmitToken,
            access=access, errors=_SUBMIT_ERRORS,
            name=f"submit_{medium.value}_validation", doc=submit_validation.__doc__ or "", **shared,
        ),
        Endpoint(
            "GET", f"{path}/submitToken", handler=partial(open_submit_link, medium), query=SubmitToken,
            name=f"open_{medium.value}_validation", doc=open_submit_link.__doc__ or "", **shared,
        ),
    )  # fmt: skip


def declare_validated(history: IdentityHistory, access: Access) -> Endpoint:
    """Return the endpoint that tells what a session proved."""
    return Endpoint(
        "GET", "/3pid/getValidated3pid", history, get_validated, query=SessionOf, reply=Validated, access=access,
        errors=SESSION_ERRORS, name="get_validated_threepid", doc=get_validated.__doc__ or "",
    )  # fmt: skip


def _off(medium: Medium, role: Role) -> str | None:
    return role.medium_off(medium)
