"""A token comes back: compare it, count it, and mark the session validated. Links and codes alike."""

from __future__ import annotations

from .events import SessionDisowned, ThreepidValidated, WrongToken
from .homeserver import Homeserver
from .limiting import block_disowned, charge_guess
from .listening import tell
from .model.keys import same
from .model.session import Session
from .protocol.errors import SessionExpired, TokenIncorrect
from .sessions import change, code, link_token


async def validate(hs: Homeserver, session: Session, token: str) -> Session:
    """Mark ``session`` validated if ``token`` is its own; asking again changes nothing.

    Raises ``SessionExpired``, ``TokenIncorrect`` or ``LimitExceeded``.
    """
    now = hs.clock()
    if not session.over and not session.token_alive(now) and session.validated_at is None:
        raise SessionExpired
    session = await _guess(hs, session) if session.code_digits else session
    if session.decoy or not fits(hs, session, token):
        tell(hs, WrongToken(session.threepid, session.guesses))
        raise TokenIncorrect
    return await _validated(hs, session)


def fits(hs: Homeserver, session: Session, token: str) -> bool:
    """Return whether ``token`` is the session's: its link's, or its newest code."""
    expected = code(hs, session) if session.code_digits else link_token(hs, session)
    return same(token, expected or "") and bool(expected)


async def _guess(hs: Homeserver, session: Session) -> Session:
    """Count a guess of a code, in the session and for its address, before it is compared."""
    await charge_guess(hs, session.threepid)

    def counted(stored: Session) -> Session | None:
        return stored.guessed() if stored.guesses < hs.policy.guesses_per_code else None

    counted_session = await change(hs, session.sid, counted)
    if counted_session is None:
        raise SessionExpired
    return counted_session


async def _validated(hs: Homeserver, session: Session) -> Session:
    now = hs.clock()
    if session.over or session.validated_at is not None:
        if not session.over and not session.alive(now):
            raise SessionExpired
        return session
    changed = await change(hs, session.sid, lambda stored: _step(hs, stored, now))
    if changed is None:
        raise SessionExpired
    tell(hs, ThreepidValidated(session.threepid, session.purpose))
    return changed


def _step(hs: Homeserver, stored: Session, now: int) -> Session | None:
    return stored.validate(now, hs.policy.lifetimes) if stored.alive(now) else None


async def disown(hs: Homeserver, session: Session) -> None:
    """Call the session off at the word of the address's owner, and keep its client away for a day."""
    ended = await change(hs, session.sid, lambda stored: None if stored.over else stored.end())
    if ended is not None:
        await block_disowned(hs, session.threepid, session.client_mac)
        tell(hs, SessionDisowned(session.threepid, session.purpose))
