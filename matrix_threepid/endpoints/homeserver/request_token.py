"""The ``requestToken`` endpoints of the client-server API: three purposes, every medium, one flow.

See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3pidemailrequesttoken and its twins.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol, cast

from attrs import evolve, frozen

from ...flows.request_token import TokenRequest, request_token
from ...model.call import Call
from ...model.media import MEDIA, AddressMembers, MediumRow
from ...model.session import Session
from ...model.threepid import Medium, Owner, Purpose
from ...protocol import errors
from ...protocol.endpoint import Access, Charged, Endpoint, endpoint
from ...protocol.history import History
from ...protocol.members import integer, opaque, text
from ...roles.homeserver import Homeserver


@frozen(kw_only=True)
class _RequestToken:
    client_secret: str = opaque(secret=True, doc="chosen by the client; proves later that it asked")
    send_attempt: int = integer(doc="a message is sent only if it is larger than before")
    next_link: str | None = text(2048, optional=True, doc="where the person goes after confirming a link")
    id_server: str | None = text(512, optional=True, doc="ignored: this server validates addresses itself")
    id_access_token: str | None = text(4096, optional=True, secret=True, doc="ignored")


class RequestToken(AddressMembers, Protocol):
    """The body of a ``requestToken``: what all have in common, and the members that name an address of the medium."""

    client_secret: str
    send_attempt: int
    next_link: str | None
    id_server: str | None


@frozen(kw_only=True)
class TokenRequested:
    """The session; ``submit_url`` is there exactly when the message holds a code to type."""

    sid: str
    submit_url: str | None = None
    success: bool | None = None
    msisdn: str | None = None
    intl_fmt: str | None = None


@cache
def _request_class(medium: Medium) -> type[RequestToken]:
    """Return the message class of a medium: its own members, and those of every ``requestToken``."""
    row = MEDIA[medium]
    members = {"__doc__": row.asks, "__module__": __name__}
    made = type(f"Request{medium.value.title()}Token", (row.members, _RequestToken), members)
    return cast("type[RequestToken]", frozen(kw_only=True)(made))


def _declare(purpose: Purpose, medium: Medium) -> Endpoint:
    row, path, known = MEDIA[medium], _PATHS[purpose], _KNOWN[purpose]

    def admit(hs: Homeserver) -> None:
        """Refuse what this server does not do at all, before the body is read."""
        if hs.medium_off(medium) or (purpose is Purpose.PASSWORD and row.resets and not row.resets(hs.policy)):
            raise errors.ThreepidMediumNotSupported
        if purpose is Purpose.ADD and not hs.policy.changes_enabled:
            raise errors.Forbidden("Changing addresses is disabled on this server")
        if purpose is Purpose.REGISTER and not hs.policy.registration_enabled:
            raise errors.Forbidden("Registration is disabled on this server")

    @endpoint(
        "POST",
        f"{path}/{medium.value}/requestToken",
        History(r0=row.since, v3="v1.1"),
        name=f"request_{purpose.value}_{medium.value}_token",
        request=_request_class(medium),
        reply=TokenRequested,
        access=Access.OPTIONAL,
        charged=Charged.SENDING,
        errors=(
            known,
            errors.ThreepidDenied,
            errors.ThreepidMediumNotSupported,
            errors.ServerNotTrusted,
            errors.Forbidden,
        ),
        offered=lambda hs: hs.medium_off(medium),
        admits=admit,
    )
    async def ask(hs: Homeserver, call: Call, message: RequestToken) -> TokenRequested:
        """Send a message to an address, unless this attempt was sent before; answer the session to refer to."""
        if message.id_server is not None and hs.policy.identity_server_hint == "refuse":
            raise errors.ServerNotTrusted
        reset_by_code = purpose is Purpose.PASSWORD and hs.policy.password_reset_by == "code"
        request = TokenRequest(
            purpose=purpose,
            candidate=message.candidate(hs.policy),
            client_secret=message.client_secret,
            send_attempt=message.send_attempt,
            next_link=message.next_link,
            # A registration has no user yet, whatever token its request carries.
            owner=None if purpose is Purpose.REGISTER else call.user_id,
            by_code=row.by_code or reset_by_code,
        )
        session = await request_token(hs, call, request, look_up=lambda session: _look_up(hs, session))
        url = hs.submit_url(medium) if session.code_digits else None
        return TokenRequested(sid=session.sid, submit_url=url, **reply_of(row, session))

    return ask


def reply_of(row: MediumRow, session: Session) -> Mapping[str, Any]:
    """Return the members of the reply that the medium adds to ``sid``."""
    return {} if row.reply is None else row.reply(session.threepid)


async def _look_up(hs: Homeserver, session: Session) -> Session:
    """Refuse an address that is in use (or, for a reset, is not), or make the session a decoy that hides it."""
    owner = await hs.accounts.owner(session.threepid)
    if owner is not None:
        session = evolve(session, spelling=_spelling_of(owner, session))
    resets = session.purpose is Purpose.PASSWORD
    if (owner is not None) is resets:
        return session
    if not hs.policy.hide_known_addresses:
        raise errors.ThreepidNotFound if resets else errors.ThreepidInUse
    return evolve(session, decoy=True)


def _spelling_of(owner: Owner, session: Session) -> str:
    """Return where an owner gets messages: at the spelling they proved, never at one that merely folds to it.

    For hosts that keep no spelling it is the canonical address, its domain as mail servers take it.
    """
    local, at, _ = session.threepid.address.rpartition("@")
    plain = f"{local}@{session.spelling.rpartition('@')[2]}" if at else session.threepid.address
    return owner.spelling or plain


_PATHS = {
    Purpose.ADD: "/account/3pid",
    Purpose.REGISTER: "/register",
    Purpose.PASSWORD: "/account/password",
}
_KNOWN: dict[Purpose, type[errors.MatrixError]] = {
    Purpose.ADD: errors.ThreepidInUse,
    Purpose.REGISTER: errors.ThreepidInUse,
    Purpose.PASSWORD: errors.ThreepidNotFound,
}
ENDPOINTS = tuple(_declare(purpose, medium) for purpose in _PATHS for medium in Medium)
