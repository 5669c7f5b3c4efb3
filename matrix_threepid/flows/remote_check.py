"""The one check that a provider has open for a number: it belongs to one session (REQ-SUBMIT-11).

A provider that makes the codes itself knows numbers and no sessions: while a check is open it takes the code of that
check, and sends the same one again, whoever asks. So a code that a person reads for one purpose would validate every
session of the number.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..limits.counting import refuse
from ..model.session import Session
from ..model.threepid import Purpose
from ..roles.base import Role
from .session_access import update_session

LONGEST_CHECK = 600_000
"""The ms for which a provider takes a code that it made, unless ``Lifetimes.code`` is longer."""


async def wait_for_check(role: Role, new: Session) -> list[Session]:
    """Return the sessions that have the check of the number and that ``new`` replaces once its message is begun.

    * ``new``: the session that is asked for, not stored yet. It replaces those of the same purpose and user: somebody
      who reloads a page begins anew. What another purpose or another user has asked for goes on.

    Raises ``LimitExceeded`` while the check belongs to any other session.
    """
    others = await _others(role, new)
    kept = [each for each in others if not _replaces(new, each)]
    if kept:
        refuse(role, "check", max(_open_until(role, each) for each in kept) - role.clock())
    return others


async def end_replaced(role: Role, sessions: Sequence[Session]) -> None:
    """End the sessions that another one of the same number replaces."""
    for session in sessions:
        await update_session(role, session, lambda stored: None if stored.over else stored.end())


async def has_check(role: Role, session: Session) -> bool:
    """Return whether the check of the number belongs to a session, so that its provider may be asked for it.

    Of sessions that were begun at the same time one has it: the first, or the last of those that replace each other.
    """
    mine = _order(role, session)
    return all(_replaces(session, each) == (_order(role, each) < mine) for each in await _others(role, session))


async def _others(role: Role, session: Session) -> list[Session]:
    """Return the other sessions of the number for which the provider may have a check open."""
    now, found = role.clock(), list[Session]()
    for purpose in Purpose:
        found += await role.sessions.of_threepid(session.threepid, purpose)
    others = [each for each in found if each.sid != session.sid and each.slot != session.slot]
    return [each for each in others if now < _open_until(role, each)]


def _open_until(role: Role, session: Session) -> int:
    """Return the time (ms) until which the provider may take a code of the session; 0 if it has none to take."""
    begun = session.begun_at(role.policy.lifetimes)
    sent = session.sent_serial or session.due_attempt is not None
    # Once the right code came the check is over.
    if session.decoy or not sent or begun <= (session.validated_at or -1):
        return 0
    return begun + max(role.policy.lifetimes.code, LONGEST_CHECK) + role.policy.send_deadline


def _replaces(session: Session, other: Session) -> bool:
    return (session.purpose, session.owner) == (other.purpose, other.owner)


def _order(role: Role, session: Session) -> tuple[int, str]:
    return session.begun_at(role.policy.lifetimes), session.sid
