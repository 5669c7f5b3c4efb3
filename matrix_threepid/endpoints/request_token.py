"""The six requestToken endpoints: three purposes, two media, one flow."""

from __future__ import annotations

from functools import partial

from attrs import evolve, frozen

from .. import sessions
from ..call import Call
from ..homeserver import Homeserver
from ..limiting import charge_sending, client_mac
from ..model.email import canonical_email
from ..model.msisdn import canonical_msisdn, international
from ..model.next_link import checked_next_link
from ..model.session import Session
from ..model.threepid import Candidate, Medium, Purpose
from ..policy import Policy
from ..protocol import errors
from ..protocol.endpoint import Access, Endpoint, History, Spending
from ..protocol.members import integer, opaque, text, typed
from ..sending import due_at, send_now
from ..texts import best_language


@frozen(kw_only=True)
class _RequestToken:
    client_secret: str = opaque(secret=True, doc="chosen by the client; proves later that it asked")
    send_attempt: int = integer(doc="a message is sent only if it is larger than before")
    next_link: str | None = text(2048, optional=True, doc="where the person goes after confirming a link")
    id_server: str | None = text(512, optional=True, doc="ignored: this server validates addresses itself")
    id_access_token: str | None = text(4096, optional=True, secret=True, doc="ignored")


@frozen(kw_only=True)
class RequestEmailToken(_RequestToken):
    """Ask for a mail that lets its reader prove the address."""

    email: str = typed(512, doc="an address of the form user@domain")

    def candidate(self, policy: Policy) -> Candidate:
        """Return the address meant. Raises ``InvalidParam``."""
        return canonical_email(self.email, intranet_domains=policy.intranet_domains)


@frozen(kw_only=True)
class RequestMsisdnToken(_RequestToken):
    """Ask for an SMS with a code that lets its reader prove the number."""

    country: str = text(2, doc="two letters of ISO 3166-1")
    phone_number: str = typed(64, doc="as dialled from that country, or international")

    def candidate(self, policy: Policy) -> Candidate:
        """Return the number meant. Raises ``InvalidParam``."""
        return canonical_msisdn(self.country, self.phone_number)


@frozen(kw_only=True)
class TokenRequested:
    """The session; ``submit_url`` is there exactly when the message holds a code to type."""

    sid: str
    submit_url: str | None = None
    success: bool | None = None
    msisdn: str | None = None
    intl_fmt: str | None = None


async def request_token(
    purpose: Purpose, medium: Medium, hs: Homeserver, call: Call, message: RequestEmailToken | RequestMsisdnToken
) -> TokenRequested:
    """Send a message to an address, unless this attempt was sent before; answer the session to refer to."""
    if message.id_server is not None and hs.policy.identity_server_hint == "refuse":
        raise errors.ServerNotTrusted
    candidate = message.candidate(hs.policy)
    wanted = _with_circumstances(hs, call, message, _fresh(hs, call, purpose, candidate, message.client_secret))
    if not await hs.rules.allows(candidate.threepid, purpose, call.user_id):
        raise errors.ThreepidDenied
    await charge_sending(hs, call, candidate.threepid)
    wanted = await _known_or_not(hs, wanted)
    session = await _open_and_send(hs, wanted, message)
    return _reply(hs, medium, session)


def _fresh(hs: Homeserver, call: Call, purpose: Purpose, candidate: Candidate, secret: str) -> Session:
    """Return the session asked for. A registration has no user yet, whatever token its request carries."""
    owner = None if purpose is Purpose.REGISTER else call.user_id
    session = sessions.fresh(hs, purpose, candidate, secret, owner)
    by_code = candidate.threepid.medium is Medium.MSISDN or (
        purpose is Purpose.PASSWORD and hs.policy.password_reset_by == "code"
    )
    return evolve(session, code_digits=hs.policy.code_digits if by_code else 0)


def _with_circumstances(
    hs: Homeserver, call: Call, message: RequestEmailToken | RequestMsisdnToken, session: Session
) -> Session:
    """Note where the request came from and where its link shall lead. Raises ``InvalidParam``."""
    link = message.next_link
    return evolve(
        session,
        next_link=None if link is None else checked_next_link(link, hs.policy.next_link_hosts),
        language=best_language(call.request.language, hs.policy.languages),
        origin=call.origin,
        client_mac=client_mac(hs, call.client),
    )


async def _known_or_not(hs: Homeserver, session: Session) -> Session:
    """Refuse an address that is in use (or not, for a reset), or make the session a decoy that hides it."""
    owner = await hs.accounts.owner(session.threepid)
    reset = session.purpose is Purpose.PASSWORD
    if owner is not None:
        # Owners are written to at the spelling they proved, never at one that merely folds to it.
        session = evolve(session, spelling=owner.spelling or session.threepid.address)
    if (owner is not None) is reset:
        return session
    if not hs.policy.hide_known_addresses:
        raise errors.ThreepidNotFound if reset else errors.ThreepidInUse
    return evolve(session, decoy=True)


async def _open_and_send(hs: Homeserver, wanted: Session, message: RequestEmailToken | RequestMsisdnToken) -> Session:
    """Join or open the session with its message written ahead, and send unless that is put off."""
    until = hs.clock() if hs.policy.defers else due_at(hs, wanted.threepid.medium)

    def begin(session: Session) -> Session | None:
        return session.begin_send(message.send_attempt, hs.clock(), until, hs.policy.lifetimes)

    first = begin(wanted) or wanted
    session = await sessions.join_or_open(hs, first, message.client_secret)
    mine: Session | None = session
    if session.sid != first.sid:
        mine = await sessions.change(hs, session.sid, lambda stored: _resumed(begin(stored), wanted))
    if mine is not None and not hs.policy.defers:
        await send_now(hs, mine)
    return session


def _resumed(begun: Session | None, wanted: Session) -> Session | None:
    """Let a later message lead where its own request says."""
    return begun and evolve(begun, next_link=wanted.next_link, language=wanted.language)


def _reply(hs: Homeserver, medium: Medium, session: Session) -> TokenRequested:
    url = hs.submit_url(medium) if session.code_digits else None
    if medium is Medium.EMAIL:
        return TokenRequested(sid=session.sid, submit_url=url)
    number = session.threepid.address
    return TokenRequested(sid=session.sid, submit_url=url, success=True, msisdn=number, intl_fmt=international(number))


def _admit(purpose: Purpose, medium: Medium, hs: Homeserver) -> None:
    """Refuse what this server does not do at all, before the body is looked at."""
    by_phone = purpose is Purpose.PASSWORD and medium is Medium.MSISDN
    if hs.medium_off(medium) or (by_phone and not hs.policy.password_reset_by_phone):
        raise errors.ThreepidMediumNotSupported
    if purpose is Purpose.ADD and not hs.policy.changes_enabled:
        raise errors.Forbidden("Changing addresses is disabled on this server")
    if purpose is Purpose.REGISTER and not hs.policy.registration_enabled:
        raise errors.Forbidden("Registration is disabled on this server")


_PURPOSES = {
    Purpose.ADD: ("/account/3pid", "r0.2.0", "r0.4.0", errors.ThreepidInUse),
    Purpose.REGISTER: ("/register", "r0.2.0", "r0.4.0", errors.ThreepidInUse),
    Purpose.PASSWORD: ("/account/password", "r0.2.0", "r0.4.0", errors.ThreepidNotFound),
}
_MEDIA = {Medium.EMAIL: RequestEmailToken, Medium.MSISDN: RequestMsisdnToken}


def _declare(purpose: Purpose, medium: Medium) -> Endpoint:
    path, since_email, since_msisdn, known = _PURPOSES[purpose]
    return Endpoint(
        "POST",
        f"{path}/{medium.value}/requestToken",
        History(r0=since_email if medium is Medium.EMAIL else since_msisdn, v3="v1.1"),
        partial(request_token, purpose, medium),
        request=_MEDIA[medium],
        reply=TokenRequested,
        access=Access.OPTIONAL,
        spending=Spending.SENDING,
        errors=(
            known,
            errors.ThreepidDenied,
            errors.ThreepidMediumNotSupported,
            errors.ServerNotTrusted,
            errors.Forbidden,
        ),
        name=f"request_{purpose.value}_{medium.value}_token",
        doc=(request_token.__doc__ or "").strip(),
        offered=lambda hs: hs.medium_off(medium),
        admits=partial(_admit, purpose, medium),
    )


ENDPOINTS = tuple(_declare(purpose, medium) for purpose in _PURPOSES for medium in _MEDIA)
