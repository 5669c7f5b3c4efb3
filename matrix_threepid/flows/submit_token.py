"""A token comes back: compare it, count it, and mark the session validated. Links and codes alike."""

from __future__ import annotations

from ..events import SessionDisowned, ThreepidValidated, WrongToken
from ..limits.guesses import charge_guess, count_wrong
from ..limits.rate import block_disowned
from ..limits.sms import count_validated
from ..model.code import read_code
from ..model.keys import same
from ..model.media import MEDIA
from ..model.session import Session
from ..ports import RemoteVerifier
from ..protocol.errors import SessionExpired, TokenIncorrect, Unavailable
from ..roles.base import Role
from .session_access import code, link_token, update_session


async def validate(role: Role, session: Session, token: str) -> Session:
    """Mark ``session`` validated if ``token`` is its own; asking again changes nothing.

    Raises ``SessionExpired``, ``TokenIncorrect``, ``LimitExceeded``, or ``Unavailable`` if a provider holds the codes.
    """
    if _too_late(role, session):
        raise SessionExpired
    if session.code_digits:
        token = read_code(token)
    guessed = session.code_digits and session.validated_at is None
    if guessed:
        session = await _guess(role, session)
    if session.decoy or not await _proves(role, session, token):
        role.emit(WrongToken(session.threepid, session.guesses))
        if guessed:
            await count_wrong(role)
        raise TokenIncorrect
    return await _validated(role, session)


def _too_late(role: Role, session: Session) -> bool:
    """Return whether no token can validate the session any more."""
    late = not session.over and not session.token_alive(role.clock()) and session.validated_at is None
    return session.ended or late


async def _proves(role: Role, session: Session, token: str) -> bool:
    """Return whether the token is the session's, by the word of the provider if that holds the codes."""
    sender = role.senders.get(session.threepid.medium)
    if not session.code_digits or not isinstance(sender, RemoteVerifier):
        return token_matches(role, session, token)
    verified = await sender.verify(session.spelling, token, role.policy.send_deadline)
    if verified is None:
        raise Unavailable
    return verified is True


def token_matches(role: Role, session: Session, token: str) -> bool:
    """Return whether ``token`` is the session's: its link's, or its newest code."""
    expected = code(role, session) if session.code_digits else link_token(role, session)
    return same(token, expected or "") and bool(expected)


async def _guess(role: Role, session: Session) -> Session:
    """Count a guess of a code, in the session and for its address, before it is compared."""
    await charge_guess(role, session.threepid)

    def counted(stored: Session) -> Session | None:
        return stored.guessed() if stored.guesses < role.policy.guesses_per_code else None

    counted_session = await update_session(role, session.sid, counted)
    if counted_session is None:
        raise SessionExpired
    return counted_session


async def _validated(role: Role, session: Session) -> Session:
    now = role.clock()
    if session.over or session.validated_at is not None:
        if not session.over and not session.alive(now):
            raise SessionExpired
        return session
    changed = await update_session(role, session.sid, lambda stored: _step(role, stored, now))
    if changed is None:
        raise SessionExpired
    if changed.validated_at == now:
        role.emit(ThreepidValidated(session.threepid, session.purpose))
        if MEDIA[session.threepid.medium].costs:
            await count_validated(role, session.threepid)
    return changed


def _step(role: Role, stored: Session, now: int) -> Session | None:
    """Return the validated session; one that somebody else has just validated stays as it is."""
    return stored.validate(now, role.policy.lifetimes) if stored.alive(now) else None


async def disown(role: Role, session: Session) -> bool:
    """Call the session off at the word of the address's owner, and keep its client away for a day.

    Returns ``False`` if it was too late: the session has served.
    """
    ended = await update_session(role, session.sid, lambda stored: None if stored.over else stored.end())
    if ended is not None:
        await block_disowned(role, session.threepid, session.client_mac)
        role.emit(SessionDisowned(session.threepid, session.purpose))
    return ended is not None
