"""Submit a token: count the guess, compare, and mark the session as validated. For links and codes.

See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2validateemailsubmittoken,
MSC2078, https://github.com/matrix-org/matrix-spec-proposals/pull/2078, and
MSC4183, https://github.com/matrix-org/matrix-spec-proposals/pull/4183.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..events import SessionDisowned, ThreepidValidated, WrongToken
from ..limits.counting import Counter, charged, give_back, refuse
from ..limits.guesses import Guess, charge_guess, count_wrong
from ..limits.rate import block_disowned, remember_network, validating_network
from ..limits.toll import validated_counters
from ..model.call import Call
from ..model.code import read_code
from ..model.keys import same
from ..model.media import MEDIA
from ..model.session import Session
from ..protocol.errors import SessionExpired, TokenIncorrect, Unavailable
from ..roles.base import Role
from .remote_check import has_check
from .session_access import code, link_token, try_charge_and_update, update_and_count, update_session


async def validate(role: Role, call: Call, session: Session, token: str) -> Session:
    """Mark a session as validated; return it. Submitting the token again changes nothing.

    * ``role``: the role that opened the session.
    * ``call``: the call, for its client network.
    * ``session``: the session, found by its client secret or its link.
    * ``token``: the token as submitted.

    Raises ``SessionExpired``, ``TokenIncorrect``, ``LimitExceeded`` for too many guesses, or ``Unavailable`` if a
    provider that checks the codes does not answer.
    """
    if _too_late(role, session):
        raise SessionExpired
    # Nobody guesses the token of a link, so it is compared first and counts as no guess of the code beside it.
    by_link = opens_link(role, session, token)
    guess: Guess | None = None
    if session.code_digits and session.validated_at is None and not by_link:
        if role.checking_sender(session.threepid) is not None and not await has_check(role, session):
            raise SessionExpired
        session, guess = await _guess(role, call, session)
    compared = guess is None or guess.compared
    # A decoy goes through the same counters and the same answer as a wrong token (REQ-REQTOK-4).
    if session.decoy or not (by_link or (compared and await _is_code(role, session, token))):
        if compared:
            role.emit(WrongToken(session.threepid, session.guesses))
        if guess is not None and guess.wait:
            refuse(role, "guess", guess.wait)
        if guess is not None:
            await count_wrong(role)
        raise TokenIncorrect
    before = session.validated_at
    session, remembered = await _validated(role, call, session)
    if before is None and not remembered:
        await remember_network(role, call, session.threepid)
    return session


def _too_late(role: Role, session: Session) -> bool:
    """Return whether no token can validate the session any more, so that ``M_SESSION_EXPIRED`` says so (REQ-SESS-3)."""
    late = not session.over and not session.token_alive(role.clock()) and session.validated_at is None
    return session.ended or late


async def _is_code(role: Role, session: Session, typed: str) -> bool:
    """Return whether what was typed is the session's valid code; a provider that makes the codes itself is asked."""
    if not session.code_digits:
        return False
    verifier, token = role.checking_sender(session.threepid), read_code(typed)
    if verifier is None:
        return _same(token, code(role, session))
    verified = await verifier.verify(session.spelling, token, role.policy.send_deadline)
    # No answer is neither right nor wrong: the user must not be told that a right code is wrong.
    if verified is None:
        raise Unavailable
    return verified is True


def opens_link(role: Role, session: Session, token: str) -> bool:
    """Return whether ``token`` is the token of the session's link; ``False`` if its messages hold no link."""
    return session.has_link and _same(token, link_token(role, session))


def _same(token: str, expected: str | None) -> bool:
    # Without a pepper there is no expected token, and an empty token must not match it (SEC-10).
    return same(token, expected or "") and bool(expected)


async def _guess(role: Role, call: Call, session: Session) -> tuple[Session, Guess]:
    """Count a guess of a code in the session and for its address; return the session, and what came of the guess.

    Counted before the comparison: of simultaneous guesses no more than the limit are compared (SEC-25). A code that has
    ended beside a link that has not is wrong, and the session goes on (REQ-SUBMIT-10).
    """
    now = role.clock()

    def left(stored: Session) -> bool:
        return stored.guesses < role.policy.guesses_per_code and (not stored.with_link or stored.code_alive(now))

    ended = TokenIncorrect if session.has_link else SessionExpired
    # With a code that has ended nothing is compared any more, so this guess costs the address nothing.
    if not left(session):
        raise ended
    counted: Session | None = None

    async def count(counters: Sequence[Counter]) -> int:
        nonlocal counted
        # In the session by compare-and-swap: parallel requests cannot read one count and each add 1 to it.
        wait, counted = await try_charge_and_update(
            role, session, lambda stored: stored.guessed() if left(stored) else None, counters
        )
        return wait

    guess = await charge_guess(role, call, session, count)
    if guess.wait:
        await count(())
    if counted is None:
        await give_back(role, guess.counters, now)
        raise ended
    return counted, guess


async def _validated(role: Role, call: Call, session: Session) -> tuple[Session, bool]:
    """Store the session as validated and emit ``ThreepidValidated``; a validated or consumed one stays as it is.

    Returns the session, and whether the network of the call was remembered for the first time.
    """
    now = role.clock()
    if session.over or session.validated_at is not None:
        if not session.over and not session.alive(now):
            raise SessionExpired
        return session, False
    known = validating_network(role, call, session.threepid)
    typed = validated_counters(role, call, session) if MEDIA[session.threepid.medium].costs else []
    changed, counted = await update_and_count(role, session, lambda stored: _step(role, stored, now), [*known, *typed])
    if changed is None:
        raise SessionExpired
    # Another request may have validated the session first; then its time is stored and its process emitted the event.
    if changed.validated_at == now:
        role.emit(ThreepidValidated(session.threepid, session.purpose))
        if typed and not counted:
            await charged(role, typed)
    return changed, counted


def _step(role: Role, stored: Session, now: int) -> Session | None:
    """Return the validated session; ``None`` if it has ended meanwhile."""
    return stored.validate(now, role.policy.lifetimes) if stored.alive(now) else None


async def disown(role: Role, session: Session) -> bool:
    """End a session whose request the reader of the message did not make, and block its client for a day (SEC-44).

    Returns whether the session was ended; ``False`` if it was consumed or ended before.
    """
    ended = await update_session(role, session, lambda stored: None if stored.over else stored.end())
    if ended is not None:
        await block_disowned(role, session.threepid, session.client_mac)
        role.emit(SessionDisowned(session.threepid, session.purpose))
    return ended is not None
