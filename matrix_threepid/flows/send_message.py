"""Send the message of a session, write-ahead: store that it is due, send it, store its outcome (decision 22).

After a crash in between, a mail is sent again (with the same link) and an SMS is not (SEC-121).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum

from attrs import define, evolve, field

from ..events import MessageSent
from ..limits.carried import Carried
from ..limits.suppression import is_kept_when_sent
from ..model.delivery import signed_message_id
from ..model.media import MEDIA
from ..model.message import Accepted, MessageKind, Outcome, RefusedForever, RefusedForNow, TokenMessage, Unknown
from ..model.session import Session
from ..model.threepid import Medium
from ..ports import Charge
from ..protocol.errors import ConfigurationError, InvalidParam, LimitExceeded, ThreepidDenied, Unavailable
from ..roles.base import Role
from ..roles.homeserver import Homeserver
from .delivery import act_on_refusal, outcome_event
from .notify_owner import address_notices, notice_of
from .session_access import code, link_token, replace_charged, update_and_give_back
from .slow_regions import LONGEST_PAUSE, PAUSE, SlowRegions

LEASE = 3
"""The lease of a worker that sends a message, in multiples of ``Policy.send_deadline``."""
_TOO_LATE = RefusedForever("its token is over")
_KEPT = RefusedForever("the address is suppressed")
_NEVER, _NOT_NOW = "{}: messages to this address are refused", "The message could not be sent: please try again"


def lease_end(role: Role, medium: Medium) -> int | None:
    """Return the time (ms) from which another worker may resend a message that is sent now; ``None`` for never."""
    return role.clock() + LEASE * role.policy.send_deadline if MEDIA[medium].resendable else None


async def send_now(role: Role, session: Session, give_back: Callable[[], Awaitable[None]]) -> None:
    """Send the message of a session within the request.

    * ``role``: the role.
    * ``session``: the session, with its message written ahead.
    * ``give_back``: awaited if an outage kept the message from being handed over (decision 28).

    Raises ``InvalidParam``, ``ThreepidDenied``, ``LimitExceeded`` or ``Unavailable`` if it was refused.
    """
    outcome = await _send(role, session)
    if isinstance(outcome, RefusedForever):
        raise ThreepidDenied if outcome.denied else InvalidParam(_NEVER.format(session.threepid.medium.value))
    if isinstance(outcome, RefusedForNow):
        if outcome.outage:
            await give_back()
        raise LimitExceeded(outcome.retry_after) if outcome.retry_after else Unavailable(_NOT_NOW)


class Step(Enum):
    """What came of one step of a delivery.

    * ``NOTHING``: no message was leased.
    * ``DONE``: one was leased.
    * ``SILENCE``: one was leased, and its sending timed out.
    """

    NOTHING = "nothing"
    DONE = "done"
    SILENCE = "silence"


@define(eq=False)
class Delivery:
    """The due messages of one medium, and where they time out.

    * ``role``: gives senders and sessions.
    * ``medium``: the medium.

    Several workers and processes may work at once: each leases the session for which it sends.
    """

    role: Role
    medium: Medium
    _slow: SlowRegions = field(init=False, factory=SlowRegions)

    async def one(self) -> bool:
        """Send one due message, or put it off; return whether one was due."""
        return await self.step() is not Step.NOTHING

    async def step(self) -> Step:
        """Send one due message, or put it off while others of its region time out; return what came of it."""
        role, now = self.role, self.role.clock()
        session = await role.sessions.lease_due(now, now + LEASE * role.policy.send_deadline, self.medium)
        if session is None:
            return Step.NOTHING
        # Not ``token_alive``, which is false as well while the clock is behind: such a message is sent later.
        if session.over or role.clock() >= min(session.token_expires_at, session.expires_at):
            await _settle(role, session, _TOO_LATE, Carried.read(session.charged) if session.first_try else None)
        elif not session.unaddressed:
            return await self._deliver(session)
        elif isinstance(role, Homeserver):  # of roles that share a store, only this one knows accounts
            await address_notices(role, session)
        return Step.DONE

    async def _deliver(self, session: Session) -> Step:
        role, begun = self.role, self.role.clock()
        region = MEDIA[self.medium].region(session.threepid.address)
        wait_until = self._slow.begin(region, begun, role.policy.send_deadline)
        if wait_until is not None:
            await role.sessions.replace(session.put_off(wait_until))
            return Step.DONE
        timed_out = False
        try:
            # After an outage it is charged again before each try, so no try came between.
            untried = session.first_try or Carried.read(session.charged).given_back
            ready = await self._ready(session)
            if ready is None:
                return Step.DONE
            outcome = await _send(role, ready, Carried.read(ready.charged) if untried else None)
            # Half, since a time-out of a part of the exchange ends the whole of it before the deadline.
            waited_in_vain = role.clock() - begun >= role.policy.send_deadline // 2
            timed_out = waited_in_vain and isinstance(outcome, RefusedForNow | Unknown)
        finally:
            self._slow.end(region, role.clock(), timed_out=timed_out)
        return Step.SILENCE if timed_out else Step.DONE

    async def _ready(self, session: Session) -> Session | None:
        """Return a leased session as it is stored while its message is sent; ``None`` if it is not sent now."""
        role, carried = self.role, Carried.read(session.charged)
        until = session.due_at if MEDIA[self.medium].resendable else None
        if carried.given_back:
            now = role.clock()
            ready = session.charge_again(until, carried.since(now).text)
            if await replace_charged(role, ready, carried.charges(now)):
                return ready
            # Others have used the limits up meanwhile: it waits for its turn as a new request would.
            await role.sessions.replace(session.put_off(now + _pause(role, session)))
            return None
        if until is not None:
            return session
        leased = session.lease(None)
        return leased if await role.sessions.replace(leased) else None


async def deliver_due(deliveries: Sequence[Delivery], limit: int = 100) -> int:
    """Send up to ``limit`` due messages, one after the other and the media in turn; return how many were leased.

    After a sending that timed out, no more messages of its medium are sent.
    """
    leased, left, more = 0, list(deliveries), True
    while more:
        more = False  # a round that does something may have made something due for another medium
        for delivery in tuple(left):
            if leased == limit:
                return leased
            step = await delivery.step()
            more = more or step is Step.DONE
            leased += step is not Step.NOTHING
            if step is Step.SILENCE:
                left.remove(delivery)
    return leased


async def _send(role: Role, session: Session, carried: Carried | None = None) -> Outcome:
    outcome = await _attempt(role, session)
    await _settle(role, session, outcome, carried)
    return outcome


async def _attempt(role: Role, session: Session) -> Outcome:
    sender = role.senders.get(session.threepid.medium)
    message = await (notice_of if session.notice else _message)(role, session)
    if message is None or sender is None:
        return RefusedForever("the session's pepper, the sender or the recipient of a notice is gone")
    if role.suppressions is not None and await is_kept_when_sent(role, session.threepid, message.kind):
        return _KEPT
    if message.kind is MessageKind.SILENCE or role.for_tests(session.threepid):
        return Accepted()
    if role.messages is not None and (message_id := role.writer.message_id(session)) is not None:
        message = evolve(message, message_id=signed_message_id(role.peppers, message_id))
    try:
        outcome = await sender.send(message)
    except ConfigurationError:
        # What became of the message nobody knows, and it must not go out again and again: it counts as sent.
        await _settle(role, session, Unknown("the sender's answer is no outcome"))
        raise
    role.emit(MessageSent(session.threepid, message.purpose, outcome))
    return outcome


async def _settle(role: Role, session: Session, outcome: Outcome, carried: Carried | None = None) -> None:
    """Store the outcome of a sending, unless a later sending of the session has begun.

    * ``carried``: what is given back if an outage kept the message from being handed over (decision 28); ``None``
      (default) if somebody may have sent it before, or somebody else gives it back.
    """
    handed_over = isinstance(outcome, Accepted | Unknown)
    outage = outcome is _TOO_LATE or (isinstance(outcome, RefusedForNow) and outcome.outage)

    def settled(stored: Session) -> tuple[Session | None, Sequence[Charge]]:
        # Somebody else may have handed it over, should this worker have been late.
        gives = carried if outage and stored.sent_serial < session.serial else None
        back = () if gives is None else gives.taken(role.clock())
        if stored.serial != session.serial or stored.due_attempt is None:
            return (stored.sent_before(session) if handed_over and not stored.over else None), back
        if handed_over:
            return stored.sent(), back
        if not ((role.policy.deferred_sending or stored.notice) and isinstance(outcome, RefusedForNow)):
            return stored.unsent(hidden=role.policy.hide_known_addresses), back
        until = role.clock() + (outcome.retry_after or _pause(role, stored))
        return (stored.lease(until) if gives is None else stored.put_back(until, gives.since(None).text)), back

    event = None
    if role.messages is not None:
        again = role.policy.deferred_sending or session.notice is not None
        event = outcome_event(role, session, outcome, expired=outcome is _TOO_LATE, again=again)
    await update_and_give_back(role, session, settled, event)
    if event is not None and event.permanent_address_failure:
        await act_on_refusal(role, event)


def _pause(role: Role, session: Session) -> int:
    """Return the ms until a message is tried again: half of its age, so that pauses grow and nothing has to be kept."""
    age = role.clock() - session.begun_at(role.policy.lifetimes)
    return max(PAUSE, min(age // 2, LONGEST_PAUSE))


async def _message(role: Role, session: Session) -> TokenMessage | None:
    """Return the message of a session, or ``None`` if its pepper is no longer in force."""
    token = link_token(role, session)
    if token is None:
        return None
    kind = session.message_kind(mail_unknown=role.policy.mail_unknown_addresses)
    proof = kind is MessageKind.TOKEN
    lifetimes = role.policy.lifetimes
    # A mail late in a session must not promise more than is left of it.
    left = session.expires_at - session.begun_at(lifetimes)
    return TokenMessage(
        medium=session.threepid.medium,
        recipient=session.spelling,
        purpose=session.purpose,
        kind=kind,
        link=_link(role, session, token) if proof and session.has_link else None,
        code=code(role, session) if proof and session.code_digits else None,
        account=await role.account_of(session),
        server=role.server_name,
        host=role.code_host,
        language=session.language,
        origin=session.origin,
        device=session.device,
        brand=role.policy.brand,
        requested_at=session.created_at,
        lifetime=min(session.token_lifetime(lifetimes), left),
        deadline=role.policy.send_deadline,
        code_lifetime=min(session.code_lifetime(lifetimes), left) if session.with_link else None,
    )


def _link(role: Role, session: Session, token: str) -> str:
    return f"{role.submit_url(session.threepid.medium)}?sid={session.sid}&token={token}"
