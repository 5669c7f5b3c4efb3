"""The six requestToken endpoints: three purposes, two media, one flow."""

from __future__ import annotations

from functools import partial

from attrs import evolve, frozen

from ...flows.request_token import TokenRequest, open_and_send, prepare
from ...model.email import canonical_email
from ...model.msisdn import canonical_msisdn, international
from ...model.session import Session
from ...model.threepid import Candidate, Medium, Purpose
from ...policy import Policy
from ...protocol import errors
from ...protocol.endpoint import Access, Charged, Endpoint
from ...protocol.history import History
from ...protocol.members import integer, opaque, text, typed
from ...roles.call import Call
from ...roles.homeserver import Homeserver


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
    asked = _asked(purpose, medium, hs, call, message)
    wanted = await _known_or_not(hs, await prepare(hs, call, asked))
    return _reply(hs, medium, await open_and_send(hs, wanted, asked))


def _asked(
    purpose: Purpose, medium: Medium, hs: Homeserver, call: Call, message: RequestEmailToken | RequestMsisdnToken
) -> TokenRequest:
    reset_by_code = purpose is Purpose.PASSWORD and hs.policy.password_reset_by == "code"
    return TokenRequest(
        purpose=purpose,
        candidate=message.candidate(hs.policy),
        client_secret=message.client_secret,
        send_attempt=message.send_attempt,
        next_link=message.next_link,
        # A registration has no user yet, whatever token its request carries.
        owner=None if purpose is Purpose.REGISTER else call.user_id,
        by_code=medium is Medium.MSISDN or reset_by_code,
    )


async def _known_or_not(hs: Homeserver, session: Session) -> Session:
    """Refuse an address that is in use (or not, for a reset), or make the session a decoy that hides it."""
    owner = await hs.accounts.owner(session.threepid)
    reset = session.purpose is Purpose.PASSWORD
    if owner is not None:
        # Owners are written to at the spelling they proved, never at one that merely folds to it.
        session = evolve(session, spelling=owner.spelling or _plain_spelling(session))
    if (owner is not None) is reset:
        return session
    if not hs.policy.hide_known_addresses:
        raise errors.ThreepidNotFound if reset else errors.ThreepidInUse
    return evolve(session, decoy=True)


def _plain_spelling(session: Session) -> str:
    """Return the canonical address with its domain as mail servers take it, for hosts that keep no spelling."""
    local, at, _ = session.threepid.address.rpartition("@")
    return f"{local}@{session.spelling.rpartition('@')[2]}" if at else session.threepid.address


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
        charged=Charged.SENDING,
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
