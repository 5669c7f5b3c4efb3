"""Open a session and send its message: what every requestToken does, whichever role it belongs to."""

from __future__ import annotations

from attrs import evolve, field, frozen

from ..limits.guesses import code_digits
from ..limits.rate import charge_sending, client_mac
from ..limits.sms import charge_sms, reached
from ..model.next_link import checked_next_link
from ..model.session import Session
from ..model.threepid import Candidate, Purpose
from ..protocol.errors import ThreepidDenied
from ..protocol.members import redacted
from ..roles.base import Role
from ..roles.call import Call
from ..texts.catalogue import best_language
from . import session_access
from .send_message import due_at, send_now


@frozen(kw_only=True)
class TokenRequest:
    """What a requestToken asks for. ``by_code``: the message holds a code to type, not a link."""

    purpose: Purpose
    candidate: Candidate
    client_secret: str = field(repr=redacted)
    send_attempt: int
    next_link: str | None = field(default=None, repr=redacted)
    owner: str | None = None
    by_code: bool = False


async def prepare(role: Role, call: Call, asked: TokenRequest) -> Session:
    """Return the session asked for, not yet stored.

    Raises ``InvalidParam`` (``next_link``), ``ThreepidDenied``, ``LimitExceeded``, in this order.
    """
    wanted, threepid = _fresh(role, call, asked), asked.candidate.threepid
    plan = reached(role, threepid)
    if not await role.rules.allows(threepid, asked.purpose, call.user_id):
        raise ThreepidDenied
    await charge_sending(role, call, threepid)
    if plan is not None:
        await charge_sms(role, threepid, plan)
    return evolve(wanted, code_digits=await code_digits(role)) if asked.by_code else wanted


async def open_and_send(role: Role, wanted: Session, asked: TokenRequest) -> Session:
    """Join or open the session with its message written ahead, and send unless that is put off.

    Raises what ``send_now`` raises when the message was refused; the same attempt may be made again.
    """
    until = role.clock() if role.policy.defers else due_at(role, wanted.threepid.medium)

    def begin(session: Session) -> Session | None:
        return session.begin_send(asked.send_attempt, role.clock(), until, role.policy.lifetimes)

    first = begin(wanted) or wanted
    session = await session_access.join_or_open(role, first, asked.client_secret)
    mine: Session | None = session
    if session.sid != first.sid:
        mine = await session_access.update_session(role, session.sid, lambda stored: _resumed(begin(stored), wanted))
    if mine is not None and not role.policy.defers:
        await send_now(role, mine)
    return session


def _fresh(role: Role, call: Call, asked: TokenRequest) -> Session:
    """Return the session with a note of where its request came from and where its link shall lead."""
    session = session_access.fresh(role, asked.purpose, asked.candidate, asked.client_secret, asked.owner)
    link = asked.next_link
    return evolve(
        session,
        next_link=None if link is None else checked_next_link(link, role.policy.next_link_hosts),
        language=best_language(call.request.language, role.policy.languages),
        origin=call.origin,
        client_mac=client_mac(role, call.client),
    )


def _resumed(begun: Session | None, wanted: Session) -> Session | None:
    """Let a later message lead where its own request says, and hide only what is to be hidden now."""
    if begun is None:
        return None
    resumed = evolve(begun, next_link=wanted.next_link, language=wanted.language)
    if begun.decoy is wanted.decoy or begun.validated_at is not None:
        return resumed
    return evolve(resumed, decoy=wanted.decoy, spelling=wanted.spelling)
