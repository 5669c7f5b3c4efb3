"""Ask for a token: open a session for an address and send its message, for every ``requestToken`` of every role.

The order of the steps is a rule (REQ-REQTOK-8): checks that need no look-up, the rules of the host, the limits, the
gate, the owner of the address. The limits come before the owner, so that the look-up cannot be repeated at will. Where
the stores can, they are asked first and charged with the opening of the session: a commit less. See
https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3pidemailrequesttoken and
MSC2290, https://github.com/matrix-org/matrix-spec-proposals/pull/2290.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Literal

from attrs import define, evolve, field, frozen

from ..limits.carried import Carried
from ..limits.counting import charged, give_back
from ..limits.guesses import code_digits
from ..limits.rate import ASKING, NETWORK, client_mac
from ..limits.sending import Sending, charge_sending
from ..limits.sms import plan_reached
from ..limits.suppression import refuse_suppressed
from ..model.call import Call
from ..model.media import MEDIA
from ..model.next_link import checked_next_link
from ..model.session import Session
from ..model.threepid import Candidate, Medium, Purpose, Threepid
from ..policy import Policy
from ..policy.for_tests import PURPOSES
from ..protocol.errors import InvalidParam, LimitExceeded, MatrixError, ThreepidDenied, Unavailable
from ..protocol.members import redacted
from ..roles.base import Role
from .ask_gate import pass_gate
from .delivery import came_back
from .remote_check import end_replaced, wait_for_check
from .send_message import lease_end, send_now
from .session_access import Step
from .session_opening import charge_and_open, holder, join_or_open, new_session

LookUp = Callable[[Session], Awaitable[Session]]
"""Looks the owner of the address up: returns the session, changed if needed, or raises the error for the client."""


@frozen(kw_only=True)
class TokenRequest:
    """One request for a token.

    * ``purpose``: the only purpose that the session can be used for.
    * ``candidate``: the address, and the spelling to which messages are sent.
    * ``client_secret``: a text chosen by the client, which proves later that the same client asked.
    * ``send_attempt``: a message is sent only if this is larger than the largest that was sent (REQ-SEND-1).
    * ``next_link``: the URL to go to after confirming a link, not checked yet; ``None`` (default) for a page of this
      server.
    * ``owner``: the user whose access token the request carried; ``None`` (default) without one.
    """

    purpose: Purpose
    candidate: Candidate
    client_secret: str = field(repr=redacted)
    send_attempt: int
    next_link: str | None = field(default=None, repr=redacted)
    owner: str | None = None


@define(eq=False)
class _Charged:
    """What a request is charged: before anything is looked up, or else with its session.

    * ``role``: gives limiter and sessions.
    * ``sending``: what is charged.
    * ``at``: when it was charged last, in ms.
    * ``charge``: charges the request anew, where what ``sending`` says has no room any more. Raises ``LimitExceeded``.
    """

    role: Role
    sending: Sending
    at: int
    charge: Callable[[], Awaitable[Sending]]

    @property
    def carried(self) -> str | None:
        """What was charged, as a session carries it."""
        return Carried.of(self.role, self.sending.counters, self.at).text

    async def refused(self) -> None:
        """Charge a request for which nothing is stored. Raises ``LimitExceeded``."""
        # A refusal is charged like a message. Others that came at once may have used the limits up, and then the client
        # must not hear what was found.
        if not self.sending.charged:
            if await charged(self.role, self.sending.counters):
                await self.charge()
            else:
                await self.sending.warn(self.role)

    async def opened(self, new: Callable[[], Session], secret: str, resume: Step) -> tuple[Session, Session | None]:
        """Do ``join_or_open``, and charge what is not charged yet in one commit with it. Raises ``LimitExceeded``.

        * ``new``: returns the session as it carries what is charged.
        """
        if not self.sending.charged:
            self.at = self.role.clock()
            counters = self.sending.counters
            message = [each for each in counters if each.kind != NETWORK]
            opened = await charge_and_open(self.role, new(), secret, resume, counters, self.at, message)
            if opened is not None:
                stored, changed, whole = opened
                if whole:
                    await self.sending.warn(self.role)
                else:
                    self.sending = Sending([each for each in counters if each.kind == NETWORK], charged=True)
                return stored, changed
            self.sending = await self.charge()  # others were faster
        return await join_or_open(self.role, new(), secret, resume)

    async def give_back(self, but: Collection[str] = ()) -> None:
        """Take the charges back, but for these kinds."""
        counters = [each for each in self.sending.counters if each.kind not in but]
        if counters:
            await give_back(self.role, counters, self.at)


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

    * ``role``: the homeserver, identity server or delegate.
    * ``call``: the call, for its client network, language and user.
    * ``request``: the request.
    * ``look_up``: awaited after all other checks; default: does nothing.
    * ``unsent``: the error for a refused message, in place of ``InvalidParam`` and ``Unavailable``; the identity API
      has its own. Default ``None``: these two.

    Raises in this order ``InvalidParam`` (``next_link``), ``ThreepidDenied``, ``LimitExceeded``, what ``ask_gate``
    and ``look_up`` raise, and what ``send_now`` raises. After a refused message the same attempt may be made again.
    """
    threepid = request.candidate.threepid
    session = _new_session(role, call, request)
    plan = plan_reached(role, threepid) if MEDIA[threepid.medium].costs else None
    test = role.for_tests(threepid)
    # Before the limits, so that a request that can never succeed uses none up.
    if test is not None and request.purpose not in PURPOSES:
        raise ThreepidDenied
    if not await role.rules.allows(threepid, request.purpose, call.user_id):
        raise ThreepidDenied

    def charge(*, ahead: bool = False) -> Awaitable[Sending]:
        return charge_sending(role, call, threepid, plan, lambda: _repeated(role, session, request), ahead=ahead)

    charged_at = role.clock()
    # A gate and a provider's check are asked by what is charged, however many requests come at once.
    apart = role.gate is not None or role.checking_sender(threepid) is not None
    sending = await charge(ahead=not apart and role.charging_sessions is not None)
    charging = _Charged(role, sending, charged_at, charge)
    await pass_gate(role, call, request.purpose, threepid, charging)
    replaced = await _wait_for_check(role, session, charging)
    proof = proof_of(role.policy, threepid.medium, request.purpose)
    if test is not None:
        session = evolve(session, code_digits=len(test.code))
    elif proof != "link":
        # Stored in the session, so that its code keeps its length when an alarm starts or ends (SEC-24).
        session = evolve(session, code_digits=await code_digits(role), with_link=proof == "both")

    try:
        session = await look_up(session)
        await _refuse_suppressed(role, call, threepid, unsent)
    except Exception:
        await charging.refused()
        raise
    try:
        return await _open_and_send(role, session, request, charging, replaced)
    except (InvalidParam, Unavailable):
        if unsent is None:
            raise
        raise unsent from None


async def _refuse_suppressed(role: Role, call: Call, threepid: Threepid, unsent: type[MatrixError] | None) -> None:
    if role.suppressions is None:
        return
    try:
        await refuse_suppressed(role, call, threepid)
    except InvalidParam:
        if unsent is None:
            raise
        raise unsent from None


def proof_of(policy: Policy, medium: Medium, purpose: Purpose) -> Literal["link", "code", "both"]:
    """Return what a message holds that proves an address."""
    if MEDIA[medium].by_code:
        return "code"
    own = policy.password_reset_by if purpose is Purpose.PASSWORD else None
    return own or policy.mail_proof


async def _repeated(role: Role, session: Session, request: TokenRequest) -> bool:
    """Return whether the message of this attempt, or of a later one, was sent in a session that lives."""
    stored, now = await holder(role, session, request.client_secret), role.clock()
    due_at = now if role.policy.deferred_sending else None
    return stored is not None and stored.begin_send(request.send_attempt, now, due_at, role.policy.lifetimes) is None


async def _wait_for_check(role: Role, session: Session, charged: _Charged) -> list[Session]:
    """Return the sessions that this one replaces where a provider makes the codes. Raises ``LimitExceeded``."""
    if role.checking_sender(session.threepid) is None:
        return []
    try:
        return await wait_for_check(role, session)
    except LimitExceeded:
        await charged.give_back(but=ASKING)
        raise


def _new_session(role: Role, call: Call, request: TokenRequest) -> Session:
    """Return the session for a request, not stored yet. Raises ``InvalidParam`` for its ``next_link``."""
    link = request.next_link
    return new_session(
        role,
        request.purpose,
        request.candidate,
        request.client_secret,
        request.owner,
        next_link=None if link is None else checked_next_link(link, role.policy.next_link_hosts),
        language=call.request.best_language(role.policy.languages),
        origin=call.origin,
        device=call.device,
        client_mac=client_mac(role, call.client),
    )


async def _open_and_send(
    role: Role, session: Session, request: TokenRequest, charged: _Charged, replaced: Sequence[Session]
) -> Session:
    """Store the session with its message written ahead of the sending, and send it unless sending is deferred.

    * ``charged``: what the request is charged.
    * ``replaced``: sessions that end once this one has a message.

    If the process crashes between the two, a worker finds the stored message and sends it (SEC-34).
    """
    defers = role.policy.deferred_sending
    # A deferred message is due at once. One that this request sends is leased until the request must be over.
    due_at = role.clock() if defers else lease_end(role, session.threepid.medium)

    def begun(stored: Session) -> Session | None:
        begun = stored.begin_send(request.send_attempt, role.clock(), due_at, role.policy.lifetimes)
        if begun is not None and charged.sending.silent:
            return begun.kept_back()
        # A worker may have to give back what it was charged.
        return begun.waiting(charged.carried) if defers and begun is not None else begun

    def resume(stored: Session) -> Session | None:
        # The same request came before: begin this attempt there, unless it or a later one was sent already.
        return _resumed(begun(stored), session)

    stored, to_send = await charged.opened(lambda: begun(session) or session, request.client_secret, resume)
    if to_send is None:
        # Nothing is sent, so nothing but the request itself is charged.
        await charged.give_back(but=(NETWORK,))
        if (back := await came_back(role, stored)) is not None:
            raise InvalidParam(back)
    elif replaced:
        await end_replaced(role, replaced)
    if to_send is not None and not defers:
        await send_now(role, to_send, charged.give_back)
    return stored


def _resumed(begun: Session | None, session: Session) -> Session | None:
    """Return the session of an earlier request with the values of this one; ``None`` if there is nothing to send.

    * ``begun``: the stored session with the new message begun, or ``None``.
    * ``session``: the session as this request asks for it, with the result of its own look-up.
    """
    if begun is None:
        return None
    resumed = evolve(begun, next_link=session.next_link, language=session.language)
    if begun.decoy is session.decoy or begun.validated_at is not None:
        return resumed
    # The address was added to an account, or removed from one, between the two requests: the newer look-up decides
    # whether the session is a decoy. A session that is validated already stays one that was not a decoy.
    return evolve(resumed, decoy=session.decoy, spelling=session.spelling)
