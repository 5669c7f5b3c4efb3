"""Ask for a token: open a session for an address and send its message, for every ``requestToken`` of every role.

The order of the steps is a rule (REQ-REQTOK-8): what can be judged without a look-up comes first, then the host's
rules, then the limits, and only then whether anybody has the address. So nobody learns more by asking often.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import evolve, field, frozen

from ..limits.guesses import code_digits
from ..limits.rate import charge_sending, client_mac
from ..limits.sms import charge_sms, plan_reached
from ..model.call import Call
from ..model.media import MEDIA
from ..model.next_link import checked_next_link
from ..model.session import Session
from ..model.threepid import Candidate, Purpose
from ..protocol.errors import InvalidParam, MatrixError, ThreepidDenied, Unavailable
from ..protocol.members import redacted
from ..roles.base import Role
from . import session_access
from .send_message import lease_end, send_now

LookUp = Callable[[Session], Awaitable[Session]]
"""Looks at who has the address: returns the session, changed where it must be, or raises what the client is told."""


@frozen(kw_only=True)
class TokenRequest:
    """What a client asks for.

    * ``purpose``: what the session is to be good for; it serves nothing else.
    * ``candidate``: the address, and the spelling that messages go to.
    * ``client_secret``: chosen by the client; it proves later that this client asked.
    * ``send_attempt``: a message is sent only if this is larger than in earlier requests of the session.
    * ``next_link``: where the person goes after confirming a link, not checked yet; ``None`` for a page of ours.
    * ``owner``: the user who asks, if the request carried an access token that counts.
    * ``by_code``: whether the message holds a code to type; else a link.
    """

    purpose: Purpose
    candidate: Candidate
    client_secret: str = field(repr=redacted)
    send_attempt: int
    next_link: str | None = field(default=None, repr=redacted)
    owner: str | None = None
    by_code: bool = False


async def _look_at_nothing(session: Session) -> Session:
    return session


async def request_token(
    role: Role,
    call: Call,
    request: TokenRequest,
    *,
    look_up: LookUp = _look_at_nothing,
    unsent: type[MatrixError] | None = None,
) -> Session:
    """Open the session a client asks for, or find it again, and send its message; return the session.

    * ``look_up``: asked once everything else has allowed the request.
    * ``unsent``: raised where the message was refused, in place of ``InvalidParam`` and ``Unavailable``.

    Raises in this order ``InvalidParam`` (``next_link``), ``ThreepidDenied``, ``LimitExceeded``, what ``look_up``
    raises, and what ``send_now`` raises. After a refused message the same attempt may be made again.
    """
    threepid = request.candidate.threepid
    session = _new_session(role, call, request)
    plan = plan_reached(role, threepid) if MEDIA[threepid.medium].costs else None
    if not await role.rules.allows(threepid, request.purpose, call.user_id):
        raise ThreepidDenied

    await charge_sending(role, call, threepid)
    if plan is not None:
        await charge_sms(role, threepid, plan)
    if request.by_code:
        session = evolve(session, code_digits=await code_digits(role))

    session = await look_up(session)
    try:
        return await _open_and_send(role, session, request)
    except (InvalidParam, Unavailable):
        if unsent is None:
            raise
        raise unsent from None


def _new_session(role: Role, call: Call, request: TokenRequest) -> Session:
    """Return the session asked for, not stored yet, with where its request came from and where its link leads."""
    link = request.next_link
    session = session_access.new_session(role, request.purpose, request.candidate, request.client_secret, request.owner)
    return evolve(
        session,
        next_link=None if link is None else checked_next_link(link, role.policy.next_link_hosts),
        language=call.request.best_language(role.policy.languages),
        origin=call.origin,
        client_mac=client_mac(role, call.client),
    )


async def _open_and_send(role: Role, session: Session, request: TokenRequest) -> Session:
    """Store the session with its message written ahead, and send unless that is put off.

    Writing ahead means that a crash between storing and sending loses nothing: whoever finds the mark sends.
    """
    defers = role.policy.deferred_sending
    due_at = role.clock() if defers else lease_end(role, session.threepid.medium)

    def begun(stored: Session) -> Session | None:
        return stored.begin_send(request.send_attempt, role.clock(), due_at, role.policy.lifetimes)

    new = begun(session) or session
    held = await session_access.join_or_open(role, new, request.client_secret)
    to_send: Session | None = held
    if held.sid != new.sid:
        # The same request came before: begin this attempt there, unless it or a later one was sent already.
        to_send = await session_access.update_session(role, held.sid, lambda stored: _resumed(begun(stored), session))
    if to_send is not None and not defers:
        await send_now(role, to_send)
    return held


def _resumed(begun: Session | None, session: Session) -> Session | None:
    """Let a later message lead where its own request says, and hide only what is to be hidden now."""
    if begun is None:
        return None
    resumed = evolve(begun, next_link=session.next_link, language=session.language)
    if begun.decoy is session.decoy or begun.validated_at is not None:
        return resumed
    # Between two requests the address came to an account, or left one: the newer look-up counts.
    return evolve(resumed, decoy=session.decoy, spelling=session.spelling)
