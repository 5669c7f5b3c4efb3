"""Send one more mail of a request: for the reader of an old link, or as an administrator asks (REQ-LINK-7).

The reader has the token of a link and not the client's secret. So a mail goes only to the address that the link was
sent to, of a request that a client has made and that still waits; what it proves is of use to that client alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum

from ..limits.carried import Carried
from ..limits.counting import DAY, Charged, refuse
from ..limits.rate import ASKING, NETWORK
from ..limits.sending import charge_sending
from ..limits.suppression import refuse_suppressed
from ..model.call import Call
from ..model.media import MEDIA
from ..model.session import Session
from ..protocol.errors import InvalidParam, ThreepidDenied, Unavailable
from ..roles.base import Role
from .send_message import LEASE, lease_end, send_now
from .session_access import update_session


class NewMail(Enum):
    """What came of asking for a new mail.

    * ``SENT``: it was sent, or a worker sends it. A decoy ends like this as well, whatever its reader gets.
    * ``CAME_BACK``: it was not sent, since earlier ones to the address came back.
    * ``UNSENT``: it could not be sent.
    * ``OVER``: the request waits no longer.
    """

    SENT = "sent"
    CAME_BACK = "came back"
    UNSENT = "unsent"
    OVER = "over"


async def waiting_request(role: Role, session: Session) -> Session | None:
    """Return the request of which the reader of a link may have a new mail; ``None`` if there is none.

    * ``session``: the session of the link, whose token was compared.

    It is the session itself while a client can still use it, else the newest one of the same asker with its address and
    purpose. Decoys count alike: whether there is a request says nothing of who has the address.
    """
    if _waits(role, session):
        return session
    # A stopped request stays stopped; of a confirmed one its client makes use.
    if session.ended or (session.validated_at is not None and session.alive(role.clock())):
        return None
    others = await role.sessions.of_threepid(session.threepid, session.purpose)
    waiting = [each for each in others if _waits(role, each) and _same_asker(each, session)]
    return max(waiting, key=lambda each: each.created_at, default=None)


def _same_asker(waiting: Session, opened: Session) -> bool:
    """Return whether a request came from the network and the user, or nobody, that made the one of an opened link.

    Whoever presses the button expects a mail and will confirm it. A stranger who has opened a request for the address
    must not get that confirmation: with it the stranger would add the address, or set the password.
    """
    return waiting.owner in (None, opened.owner) and waiting.client_mac == opened.client_mac != ""


def _waits(role: Role, session: Session) -> bool:
    return (
        session.alive(role.clock())
        and session.validated_at is None
        and session.notice is None
        and session.has_link
        and not MEDIA[session.threepid.medium].costs
        and role.peppers.by_id(session.pepper_id) is not None
    )


async def send_new_mail(role: Role, call: Call, session: Session) -> NewMail:
    """Send one more mail of a request, under the rules and limits of a client's request; return what came of it.

    * ``call``: the call, for its client network.
    * ``session``: the request, as ``waiting_request`` returns it.

    The host's gate is not asked: the request has passed it. Raises ``LimitExceeded``.
    """
    threepid = session.threepid
    if not await role.rules.allows(threepid, session.purpose, session.owner):
        return NewMail.UNSENT

    async def repeated() -> bool:
        return False

    at = role.clock()
    sending = await charge_sending(role, call, threepid, None, repeated)
    charged = Charged(role, sending.counters, at)
    if sending.silent:
        # A client would be told that a mail was sent. Whoever has a link reads the mails, so nothing has to be hidden.
        await charged.give_back(but=ASKING)
        refuse(role, "send", DAY - at % DAY)
    try:
        await refuse_suppressed(role, call, threepid)
    except InvalidParam:
        return NewMail.CAME_BACK
    carried = Carried.of(role, sending.counters, at).text
    try:
        if await send_once_more(role, session, carried, charged.give_back):
            return NewMail.SENT
    except (InvalidParam, ThreepidDenied, Unavailable):
        return NewMail.UNSENT
    await charged.give_back(but=(NETWORK,))
    stored = await role.sessions.get(session.sid)
    return NewMail.SENT if stored is not None and _waits(role, stored) else NewMail.OVER


async def send_once_more(
    role: Role, session: Session, carried: str | None, give_back: Callable[[], Awaitable[None]]
) -> bool:
    """Send the message of a session once more, whichever ``send_attempt`` was sent before.

    * ``carried``: what it was charged, for a worker that may have to give it back; ``None`` for nothing.
    * ``give_back``: as for ``send_now``.

    Returns ``False`` if the session is over or validated, or if a message of it is being sent; then nothing was done.
    Raises what ``send_now`` raises.
    """
    defers = role.policy.deferred_sending

    def begun(stored: Session) -> Session | None:
        if not stored.alive(role.clock()) or stored.validated_at is not None or being_sent(role, stored):
            return None
        due_at = role.clock() if defers else lease_end(role, stored.threepid.medium)
        again = stored.send_again(role.clock(), due_at, role.policy.lifetimes)
        return again.waiting(carried) if defers and carried is not None else again

    changed = await update_session(role, session, begun)
    if changed is not None and not defers:
        await send_now(role, changed, give_back)
    return changed is not None


def being_sent(role: Role, session: Session) -> bool:
    """Return whether a process may be sending now; a message that only waits, or was left by a crash, is not."""
    now = role.clock()
    lease = LEASE * role.policy.send_deadline
    if session.due_attempt is None:
        return False
    if session.due_at is None:
        return now < session.begun_at(role.policy.lifetimes) + lease
    return now < session.due_at <= now + lease
