"""The ``requestToken`` endpoints of the client-server API, one for each purpose and medium.

See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3pidemailrequesttoken,
https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3registeremailrequesttoken,
https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3accountpasswordemailrequesttoken and
MSC4178, https://github.com/matrix-org/matrix-spec-proposals/pull/4178.
"""

from __future__ import annotations

from functools import cache
from typing import Protocol, cast

from attrs import evolve, frozen

from ...flows.request_token import TokenRequest, request_token
from ...flows.reversals import may_reset
from ...model.call import Call
from ...model.media import MEDIA, AddressMembers, MediumReply, MediumRow
from ...model.session import Session
from ...model.threepid import Medium, Owner, Purpose
from ...protocol import errors
from ...protocol.endpoint import Access, Charged, Endpoint, endpoint
from ...protocol.history import History
from ...protocol.members import ignored, integer, opaque, text
from ...roles.homeserver import Homeserver


@frozen(kw_only=True)
class _RequestToken:
    client_secret: str = opaque(secret=True, doc="chosen by the client; proves later that it asked")
    send_attempt: int = integer(doc="a message is sent only if it is larger than before")
    next_link: str | None = text(2048, optional=True, doc="where the person goes after confirming a link")
    id_server: object = ignored(doc="this server validates addresses itself")
    id_access_token: object = ignored(doc="there is no identity server to show it to")


class RequestToken(AddressMembers, Protocol):
    """The body of a ``requestToken``: the members of all, and those that name an address of the medium.

    * ``client_secret``: a text chosen by the client, which proves later that the same client asked.
    * ``send_attempt``: a message is sent only if this is larger than the largest that was sent (REQ-SEND-1).
    * ``next_link``: the URL to go to after confirming a link; ``None`` for a page of this server.
    * ``id_server``: ignored, or refused if the policy says so (decision 8).
    """

    client_secret: str
    send_attempt: int
    next_link: str | None
    id_server: object


@frozen(kw_only=True)
class TokenRequested:
    """The id of the session, ``sid``.

    ``submit_url`` is present if and only if the message holds a code to type; ``success``, ``msisdn`` and ``intl_fmt``
    are present for phone numbers. See MSC2078, https://github.com/matrix-org/matrix-spec-proposals/pull/2078.
    """

    sid: str
    submit_url: str | None = None
    success: bool | None = None
    msisdn: str | None = None
    intl_fmt: str | None = None


@cache
def _request_class(medium: Medium) -> type[RequestToken]:
    """Return the message class of a medium: its own members, and those of every ``requestToken``."""
    # Made from the row of the medium, so that a new medium needs no class here; cached, so that each is made once.
    row = MEDIA[medium]
    members = {"__doc__": row.asks, "__module__": __name__}
    made = type(f"Request{medium.value.title()}Token", (row.members, _RequestToken), members)
    return cast("type[RequestToken]", frozen(kw_only=True)(made))


def _declare(purpose: Purpose, medium: Medium) -> Endpoint:
    """Return the endpoint for a purpose and a medium."""
    row, path, known = MEDIA[medium], _PATHS[purpose], _KNOWN[purpose]

    def admit(hs: Homeserver) -> None:
        """Refuse, before the body is read, what this server does not offer at all (REQ-REQTOK-8)."""
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
        """Send a message to an address, unless this ``send_attempt`` was sent before; answer the session."""
        # ``id_server`` is otherwise ignored: users must not choose who vouches for an address (decision 8).
        if message.id_server is not None and hs.policy.identity_server_hint == "refuse":
            raise errors.ServerNotTrusted
        request = TokenRequest(
            purpose=purpose,
            candidate=message.candidate(hs.policy),
            client_secret=message.client_secret,
            send_attempt=message.send_attempt,
            next_link=message.next_link,
            # A registration has no user yet, even if its request carries an access token.
            owner=None if purpose is Purpose.REGISTER else call.user_id,
        )
        session = await request_token(hs, call, request, look_up=lambda session: _look_up(hs, session))
        url = hs.submit_url(medium) if session.code_digits else None
        return TokenRequested(sid=session.sid, submit_url=url, **reply_of(row, session))

    return ask


def reply_of(row: MediumRow, session: Session) -> MediumReply:
    """Return the members that a medium adds to the reply."""
    return {} if row.reply is None else row.reply(session.threepid)


async def _look_up(hs: Homeserver, session: Session) -> Session:
    """Return the session as the owner of its address requires.

    Raises ``ThreepidInUse``, or for a reset ``ThreepidNotFound``. With ``Policy.hide_known_addresses`` the session
    becomes a decoy instead (REQ-REQTOK-3).
    """
    # The same one call to the same port in every case, so that its duration tells nothing (SEC-28).
    owner = await hs.accounts.owner(session.threepid)
    user_id = None if owner is None else owner.user_id
    if session.purpose is Purpose.PASSWORD and not await may_reset(hs, user_id, session.threepid):
        owner = None  # as if it were on no account, until the owner has set a password (SEC-57)
    if session.purpose is Purpose.ADD and hs.policy.addresses.release and user_id != session.owner:
        return session  # whoever proves the address may take it off that account
    if owner is not None:
        session = evolve(session, spelling=_spelling_of(owner, session))
    resets = session.purpose is Purpose.PASSWORD
    if (owner is not None) is resets:
        return session
    if not hs.policy.hide_known_addresses:
        raise errors.ThreepidNotFound if resets else errors.ThreepidInUse
    return evolve(session, decoy=True)


def _spelling_of(owner: Owner, session: Session) -> str:
    """Return the address to which messages for an owner are sent: the spelling that the owner has proved.

    For hosts that store no spelling it is the canonical address, with its domain in the ASCII form for mail servers.
    """
    # Never the spelling just typed: another mailbox may have an address with the same canonical form (SEC-14).
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
