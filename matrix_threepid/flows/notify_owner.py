"""Security notices: mails to the other addresses of an account after a change of the account (SEC-56).

The request stores what happened, in one session, and the job ``deliver_due`` does the rest: it finds the addresses,
stores a session for each, and sends those like any other message. So no request waits for a mail server, and a notice
survives a crash and an outage. These sessions are decoys, which nothing can validate. A notice holds no link that
changes anything (decision 37), and its failure changes nothing.
"""

from __future__ import annotations

from attrs import evolve

from ..limits.counting import DAY, charged, period
from ..model.keys import random_text
from ..model.media import MEDIA
from ..model.message import MessageKind, TokenMessage
from ..model.reversal import OPEN_FOR
from ..model.session import Session
from ..model.threepid import AccountThreepid, Candidate, Purpose, Threepid, masked
from ..protocol.errors import Unavailable
from ..roles.base import Role
from ..roles.homeserver import Homeserver
from .reversals import due_notice, undo_link
from .session_access import update_session

_MOST = 5
_A_DAY = 20
_SECRET_BYTES = 16
_HOUR = 3_600_000
_PURPOSES = {
    MessageKind.ADDED: Purpose.ADD,
    MessageKind.REMOVED: Purpose.ADD,
    MessageKind.PASSWORD_CHANGED: Purpose.PASSWORD,
    MessageKind.CHANGED: Purpose.ADD,
    MessageKind.UNDONE: Purpose.ADD,
    MessageKind.BY_HAND: Purpose.ADD,
}


async def notify_owner(hs: Homeserver, user_id: str, kind: MessageKind, changed: Threepid) -> None:
    """Store that the addresses of an account are to be told what happened to it, if ``Policy.notices`` is on."""
    if not await _recipients(hs, user_id, kind, changed):
        return  # of most accounts, which have one address, nothing is stored
    secret = random_text(hs.random_bytes(_SECRET_BYTES))
    try:
        await hs.sessions.open(due_notice(hs, Candidate(changed, changed.address), user_id, kind, secret))
    except Unavailable:
        return  # the change is made already, so its answer stays


async def tell_of_confirmation(hs: Homeserver, user_id: str, changed: Candidate) -> None:
    """Store that an address, and all addresses of the account, are to be told that it was confirmed by hand.

    Unlike ``notify_owner`` it raises ``Unavailable``: what cannot be told must not be done.
    """
    secret = random_text(hs.random_bytes(_SECRET_BYTES))
    own = due_notice(hs, changed, user_id, MessageKind.BY_HAND, secret)
    await hs.writing_sessions.open(evolve(own, concerns=masked(changed.threepid.address)))
    await hs.sessions.open(due_notice(hs, changed, user_id, MessageKind.BY_HAND, f"{secret} others"))


async def address_pending(hs: Homeserver, user_id: str) -> None:
    """Find the recipients of what happened to an account so far, before one of its addresses is removed.

    Otherwise a thief of a session could add an address and remove the owner's before the job runs, and the owner would
    not be told of the addition.
    """
    for session in await hs.sessions.of_owner(user_id):
        if session.unaddressed:
            await address_notices(hs, session)


async def address_notices(hs: Homeserver, event: Session) -> None:
    """Write down a notice for each address that is to be told of ``event``, up to 20 a day for each address.

    Doing it again after a crash opens no second session: each has a slot made of the event and the address.
    """
    kind = MessageKind(event.notice)
    for held in await _recipients(hs, event.owner or "", kind, event.threepid) if _is_ours(hs, event) else ():
        # What an administrator does by hand is always told (SEC-162).
        if kind is not MessageKind.BY_HAND and await charged(hs, [period("notice", _A_DAY, DAY, held.address)]):
            continue
        candidate = Candidate(held.threepid, held.spelling or held.address)
        # The same secret each time gives the same slot, and whoever reads the store does not know it.
        notice = due_notice(hs, candidate, event.owner or "", kind, hs.peppers.current.mac("notice", event.sid))
        await hs.writing_sessions.open(
            evolve(notice, concerns=masked(event.threepid.address), created_at=event.created_at)
        )
    await update_session(hs, event, lambda stored: None if stored.over else stored.end())


async def notice_of(role: Role, session: Session) -> TokenMessage | None:
    """Return the notice that a session carries; ``None`` if another account has its address, or its pepper is gone."""
    if not (role.policy.notices or role.policy.undo_links) or not _is_ours(role, session):
        return None
    kind = MessageKind(session.notice)
    # An address that has left the account since is still told of what happened before; a link that takes changes back
    # goes to its mailbox also while another account has it.
    elsewhere = kind is not MessageKind.CHANGED and await role.owner_of(session.threepid) not in (None, session.owner)
    if elsewhere:
        return None
    if kind is MessageKind.CHANGED:
        return await _changed(role, session) if isinstance(role, Homeserver) else None
    return _message(role, session, kind)


async def _changed(hs: Homeserver, session: Session) -> TokenMessage | None:
    """Return the notice with the link that takes changes back; without it for a confirmed removal, else ``None``."""
    reversal = await hs.reversals.of_user(session.owner or "")
    now = hs.clock()
    if reversal is None or not reversal.open(now) or not reversal.listed:
        return None
    if session.threepid not in [each.threepid for each in reversal.trusted]:
        if session.threepid not in reversal.kept_out:
            return None
        return evolve(_message(hs, session, MessageKind.REMOVED), concerns=masked(session.threepid.address))
    left = (reversal.last_at + OPEN_FOR - now) // _HOUR * _HOUR
    message = _message(hs, session, MessageKind.CHANGED)
    link = undo_link(hs, reversal, session.threepid)
    return evolve(message, link=link, changes=reversal.listed, lifetime=max(left, 1)) if link else None


def _message(role: Role, session: Session, kind: MessageKind) -> TokenMessage:
    return TokenMessage(
        medium=session.threepid.medium,
        recipient=session.spelling,
        purpose=_PURPOSES[kind],
        kind=kind,
        account=session.owner,
        concerns=session.concerns or "",
        server=role.server_name,
        language=session.language,
        brand=role.policy.brand,
        requested_at=session.created_at,
        lifetime=0,
        deadline=role.policy.send_deadline,
    )


def _is_ours(role: Role, session: Session) -> bool:
    """Return whether the pepper of a session is still there; in a backup that was restored it is not."""
    return role.peppers.by_id(session.pepper_id) is not None


async def _recipients(hs: Homeserver, user_id: str, kind: MessageKind, changed: Threepid) -> list[AccountThreepid]:
    """Return the first five addresses of an account that take notices, without ``changed``; all if it is by hand."""
    media = [medium for medium, row in MEDIA.items() if row.notices and hs.medium_off(medium) is None]
    if not hs.policy.notices or not media:
        return []
    listed = await hs.accounts.list(user_id)
    if kind is MessageKind.BY_HAND:
        return [held for held in listed if held.medium in media and held.threepid != changed]
    linked = await _linked(hs, user_id)
    others = [held for held in listed if held.medium in media and held.threepid not in (changed, *linked)]
    return others[:_MOST]


async def _linked(hs: Homeserver, user_id: str) -> list[Threepid]:
    """Return the addresses that are told by a mail with a link that takes changes back, so not by a notice as well."""
    reversal = await hs.reversals.of_user(user_id) if hs.policy.undo_links else None
    return [each.threepid for each in reversal.trusted] if reversal is not None and reversal.open(hs.clock()) else []
