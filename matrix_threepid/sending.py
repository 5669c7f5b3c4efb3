"""Send what a session is due, write-ahead: written down, then sent, then marked.

A crash in between leaves the mark: a mail goes out again (its link is the same), an SMS does not.
"""

from __future__ import annotations

from urllib.parse import urlencode

from .events import MessageSent
from .homeserver import Homeserver
from .listening import tell
from .model.message import Accepted, Kind, Outcome, RefusedForever, RefusedForNow, TokenMessage, Unknown
from .model.session import Session
from .model.threepid import Medium, Purpose
from .paths import submit_url
from .protocol.errors import InvalidParam, Unavailable
from .sessions import change, code, link_token

LEASE = 3
"""A sending keeps others off for so many times its deadline."""
PAUSE = 30_000
"""The ms a deferred message waits after a refusal that may pass."""


def due_at(hs: Homeserver, medium: Medium) -> int | None:
    """Return until when a message that is sent right now is nobody else's; ``None``: for good."""
    return hs.clock() + LEASE * hs.policy.send_deadline if medium.repeatable else None


async def send_now(hs: Homeserver, session: Session) -> None:
    """Send inside the request. Raises ``InvalidParam`` or ``Unavailable`` if it was refused."""
    outcome = await _send(hs, session)
    if isinstance(outcome, RefusedForever):
        raise InvalidParam(f"{session.threepid.medium.value}: messages to this address are refused")
    if isinstance(outcome, RefusedForNow):
        raise Unavailable("The message could not be sent: please try again")


async def deliver_due(hs: Homeserver, limit: int = 100) -> int:
    """Send what waits to be sent; return how many messages were tried. Any number of processes may do this."""
    tried = 0
    for waiting in await hs.sessions.due(hs.clock(), limit):
        taken = waiting.take_up(due_at(hs, waiting.threepid.medium))
        if await hs.sessions.replace(taken):
            late = RefusedForever("its token is over")
            await (_send(hs, taken) if taken.token_alive(hs.clock()) else _settle(hs, taken, late))
            tried += 1
    return tried


async def _send(hs: Homeserver, session: Session) -> Outcome:
    outcome = await _attempt(hs, session)
    await _settle(hs, session, outcome)
    return outcome


async def _attempt(hs: Homeserver, session: Session) -> Outcome:
    message, sender = await _message(hs, session), hs.senders.get(session.threepid.medium)
    if message is None or sender is None:
        return RefusedForever("the session's pepper or the sender is gone")
    if message.kind is Kind.SILENCE:
        return Accepted()
    outcome = await sender.send(message)
    tell(hs, MessageSent(session.threepid, session.purpose, outcome))
    return outcome


async def _settle(hs: Homeserver, session: Session, outcome: Outcome) -> None:
    """Write down what became of the sending, unless a later one has begun."""

    def settled(stored: Session) -> Session | None:
        if stored.serial != session.serial or stored.due_attempt is None:
            return None
        if isinstance(outcome, Accepted | Unknown):
            return stored.sent()
        if hs.policy.defers and isinstance(outcome, RefusedForNow):
            return stored.take_up(hs.clock() + (outcome.retry_after or PAUSE))
        return stored.unsent()

    await change(hs, session.sid, settled)


async def _message(hs: Homeserver, session: Session) -> TokenMessage | None:
    """Return the message of a session, or ``None`` once its pepper is gone."""
    token = code(hs, session) if session.code_digits else link_token(hs, session)
    if token is None:
        return None
    kind = _kind(session)
    proof = kind is Kind.TOKEN
    return TokenMessage(
        medium=session.threepid.medium,
        recipient=session.spelling,
        purpose=session.purpose,
        kind=kind,
        link=_link(hs, session, token) if proof and not session.code_digits else None,
        code=token if proof and session.code_digits else None,
        account=await account_of(hs, session),
        language=session.language,
        origin=session.origin,
        requested_at=session.created_at,
        lifetime=hs.policy.lifetimes.token,
        deadline=hs.policy.send_deadline,
    )


async def account_of(hs: Homeserver, session: Session) -> str | None:
    """Return the account a session concerns: its opener's, or the one whose password is to be reset."""
    if session.purpose is not Purpose.PASSWORD or session.owner is not None:
        return session.owner
    owner = await hs.accounts.owner(session.threepid)
    return None if owner is None else owner.user_id


def _kind(session: Session) -> Kind:
    if not session.decoy:
        return Kind.TOKEN
    told = session.threepid.medium is Medium.EMAIL and session.purpose is not Purpose.PASSWORD
    return Kind.IN_USE if told else Kind.SILENCE


def _link(hs: Homeserver, session: Session, token: str) -> str:
    return f"{submit_url(hs.policy, session.threepid.medium)}?{urlencode({'sid': session.sid, 'token': token})}"
