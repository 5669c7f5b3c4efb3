"""Send the message of a session, write-ahead: store that it is due, send it, store its outcome (decision 22).

After a crash in between, a mail is sent again (with the same link) and an SMS is not (SEC-121).
"""

from __future__ import annotations

from collections.abc import MutableMapping

from ..events import MessageSent
from ..model.media import MEDIA
from ..model.message import Accepted, MessageKind, Outcome, RefusedForever, RefusedForNow, TokenMessage, Unknown
from ..model.session import Session
from ..model.threepid import Medium, Purpose
from ..protocol.errors import ConfigurationError, InvalidParam, LimitExceeded, ThreepidDenied, Unavailable
from ..roles.base import Role
from ..roles.homeserver import Homeserver
from .notify_owner import address_notices, notice_of
from .session_access import code, link_token, update_session

LEASE = 3
"""The lease of a worker that sends a message, in multiples of ``Policy.send_deadline``."""
PAUSE = 30_000
"""The ms a deferred message waits after a refusal that may pass."""
_NEVER, _NOT_NOW = "{}: messages to this address are refused", "The message could not be sent: please try again"


def lease_end(role: Role, medium: Medium) -> int | None:
    """Return the time (ms) from which another worker may resend a message that is sent now; ``None`` for never."""
    return role.clock() + LEASE * role.policy.send_deadline if MEDIA[medium].resendable else None


async def send_now(role: Role, session: Session) -> None:
    """Send the message of a session within the request.

    Raises ``InvalidParam``, ``ThreepidDenied``, ``LimitExceeded`` or ``Unavailable`` if it was refused.
    """
    outcome = await _send(role, session)
    if isinstance(outcome, RefusedForever):
        raise ThreepidDenied if outcome.denied else InvalidParam(_NEVER.format(session.threepid.medium.value))
    if isinstance(outcome, RefusedForNow):
        raise LimitExceeded(outcome.retry_after) if outcome.retry_after else Unavailable(_NOT_NOW)


async def deliver_due(role: Role, silent_until: MutableMapping[Medium, int], limit: int = 100) -> int:
    """Send up to ``limit`` messages that are due; return how many were leased.

    * ``silent_until``: the time (ms) until which the sender of a medium is not used because it did not answer. The
      caller keeps this mapping from one call to the next.

    Several processes may run this at once: each leases the session for which it sends.
    """
    leased, late = 0, RefusedForever("its token is over")
    while leased < limit and (session := await _lease_due(role)) is not None:
        leased += 1
        # Not ``token_alive``, which is false as well while the clock is behind: such a message is sent later.
        if session.over or role.clock() >= min(session.token_expires_at, session.expires_at):
            await _settle(role, session, late)
        elif session.unaddressed:
            if isinstance(role, Homeserver):  # of roles that share a store, only this one knows accounts
                await address_notices(role, session)
        elif role.clock() >= silent_until.get(session.threepid.medium, 0):
            # Else it is due again when its lease ends, and messages of other media do not wait for it.
            await _deliver(role, session, silent_until)
    return leased


async def _lease_due(role: Role) -> Session | None:
    now = role.clock()
    return await role.sessions.lease_due(now, now + LEASE * role.policy.send_deadline)


async def _deliver(role: Role, session: Session, silent_until: MutableMapping[Medium, int]) -> None:
    medium, begun = session.threepid.medium, role.clock()
    if not MEDIA[medium].resendable:
        session = session.lease(None)
        if not await role.sessions.replace(session):
            return
    outcome = await _send(role, session)
    # Half, since a time-out of a part of the exchange ends the whole of it before the deadline.
    waited_in_vain = role.clock() - begun >= role.policy.send_deadline // 2
    if waited_in_vain and isinstance(outcome, RefusedForNow | Unknown):
        silent_until[medium] = role.clock() + LEASE * role.policy.send_deadline


async def _send(role: Role, session: Session) -> Outcome:
    outcome = await _attempt(role, session)
    await _settle(role, session, outcome)
    return outcome


async def _attempt(role: Role, session: Session) -> Outcome:
    sender = role.senders.get(session.threepid.medium)
    message = await (notice_of if session.notice else _message)(role, session)
    if message is None or sender is None:
        return RefusedForever("the session's pepper, the sender or the recipient of a notice is gone")
    if message.kind is MessageKind.SILENCE:
        return Accepted()
    try:
        outcome = await sender.send(message)
    except ConfigurationError:
        # What became of the message nobody knows, and it must not go out again and again: it counts as sent.
        await _settle(role, session, Unknown("the sender's answer is no outcome"))
        raise
    role.emit(MessageSent(session.threepid, message.purpose, outcome))
    return outcome


async def _settle(role: Role, session: Session, outcome: Outcome) -> None:
    """Store the outcome of a sending, unless a later sending of the session has begun."""

    def settled(stored: Session) -> Session | None:
        handed_over = isinstance(outcome, Accepted | Unknown)
        if stored.serial != session.serial or stored.due_attempt is None:
            return stored.sent_before(session) if handed_over and not stored.over else None
        if handed_over:
            return stored.sent()
        if (role.policy.deferred_sending or stored.notice) and isinstance(outcome, RefusedForNow):
            return stored.lease(role.clock() + (outcome.retry_after or PAUSE))
        return stored.unsent()

    await update_session(role, session.sid, settled)


async def _message(role: Role, session: Session) -> TokenMessage | None:
    """Return the message of a session, or ``None`` if its pepper is no longer in force."""
    token = code(role, session) if session.code_digits else link_token(role, session)
    if token is None:
        return None
    kind = _kind(session)
    proof = kind is MessageKind.TOKEN
    return TokenMessage(
        medium=session.threepid.medium,
        recipient=session.spelling,
        purpose=session.purpose,
        kind=kind,
        link=_link(role, session, token) if proof and not session.code_digits else None,
        code=token if proof and session.code_digits else None,
        account=await role.account_of(session),
        server=role.server_name,
        host=role.code_host,
        language=session.language,
        origin=session.origin,
        brand=role.policy.brand,
        requested_at=session.created_at,
        lifetime=session.token_lifetime(role.policy.lifetimes),
        deadline=role.policy.send_deadline,
    )


def _kind(session: Session) -> MessageKind:
    if not session.decoy:
        return MessageKind.TOKEN
    told = MEDIA[session.threepid.medium].notices and session.purpose is not Purpose.PASSWORD
    return MessageKind.IN_USE if told else MessageKind.SILENCE


def _link(role: Role, session: Session, token: str) -> str:
    return f"{role.submit_url(session.threepid.medium)}?sid={session.sid}&token={token}"
