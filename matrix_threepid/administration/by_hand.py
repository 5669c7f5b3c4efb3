"""What administrators do to one session: send its message again, cancel it, confirm it by hand."""

from __future__ import annotations

from ..events import ThreepidValidated
from ..flows.new_mail import being_sent, send_once_more
from ..flows.notify_owner import tell_of_confirmation
from ..flows.session_access import update_session
from ..limits.counting import charge
from ..limits.sms import budgets_of, plan_reached
from ..model.media import MEDIA
from ..model.session import Session
from ..model.threepid import Candidate, Purpose
from ..protocol.errors import Forbidden, SessionExpired, ThreepidDenied, ThreepidInUse
from ..roles.base import Role
from ..roles.homeserver import Homeserver


async def _keep_charges() -> None:
    return None


def check_waits(role: Role, session: Session) -> None:
    """Raise ``SessionExpired`` or ``Forbidden`` unless a session lives and waits for its confirmation."""
    if not session.alive(role.clock()) or role.peppers.by_id(session.pepper_id) is None:
        raise SessionExpired
    if session.notice or session.decoy:
        raise Forbidden("This session cannot be confirmed by anybody")
    if session.validated_at is not None:
        raise Forbidden("This session is confirmed already")


async def check_sendable(role: Role, session: Session) -> None:
    """Raise what keeps the message of a session from being sent again: its state, the host's rules, or the policy."""
    check_waits(role, session)
    if being_sent(role, session):
        raise Forbidden("A message of this session is being sent")
    if MEDIA[session.threepid.medium].costs:
        plan_reached(role, session.threepid)
    if not await role.rules.allows(session.threepid, session.purpose, session.owner):
        raise ThreepidDenied


async def send_again(role: Role, session: Session) -> None:
    """Send the message of a session once more; an SMS is charged to the budgets, and to no other limit.

    Raises ``LimitExceeded`` for a used budget, what ``send_now`` raises, and ``Forbidden`` if the session has changed.
    """
    medium = session.threepid.medium
    if MEDIA[medium].costs:
        plan = plan_reached(role, session.threepid)
        await charge(role, "sms budget", [*budgets_of(role, plan.region).values()])
    if not await send_once_more(role, session, None, _keep_charges):
        raise Forbidden("The session has changed meanwhile")


async def check_confirmable(role: Role, session: Session) -> tuple[Homeserver, str]:
    """Return the homeserver and the user for whom a session may be confirmed by hand (SEC-162).

    Raises ``Forbidden``, ``SessionExpired``, ``ThreepidDenied`` or ``ThreepidInUse``.
    """
    check_waits(role, session)
    if not isinstance(role, Homeserver) or session.purpose is not Purpose.ADD or session.owner is None:
        raise Forbidden("Only a session that a user has opened to add an address can be confirmed by hand")
    if not MEDIA[session.threepid.medium].notices:
        raise Forbidden("Only mail addresses can be confirmed by hand, since their readers are told by mail")
    if not role.policy.notices or role.medium_off(session.threepid.medium):
        raise Forbidden("Confirming by hand needs policy.notices and a sender of mails, to tell who is concerned")
    if not await role.rules.allows(session.threepid, session.purpose, session.owner):
        raise ThreepidDenied
    if await role.owner_of(session.threepid) is not None:
        raise ThreepidInUse
    return role, session.owner


async def confirm(role: Role, session: Session) -> Session:
    """Confirm a session by hand; the new address and all old ones are told by mail.

    The mails are stored before: after a crash in between, people are told of a confirmation that did not come, and
    never the other way round. Raises what ``check_confirmable`` raises.
    """
    homeserver, user_id = await check_confirmable(role, session)
    await tell_of_confirmation(homeserver, user_id, Candidate(session.threepid, session.spelling))
    now = role.clock()

    def validated(stored: Session) -> Session | None:
        return stored.validate(now, role.policy.lifetimes) if stored.alive(now) else None

    changed = await update_session(role, session, validated)
    if changed is None:
        raise SessionExpired
    if changed.validated_at == now:
        role.emit(ThreepidValidated(session.threepid, session.purpose))
    return changed
