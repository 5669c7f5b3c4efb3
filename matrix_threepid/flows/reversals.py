"""Note changes of an account before they are made, so that they can be taken back, and write the mails about them.

Everything is stored before the change itself: after a crash in between, the holders of old addresses have their mails.
Without ``Policy.undo_links`` nothing is stored or asked here. See ``model.reversal`` and SEC-57.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from attrs import evolve, frozen

from ..model.keys import random_text, same
from ..model.message import MessageKind
from ..model.reversal import OPEN_FOR, Reversal, ReversalState
from ..model.session import Session
from ..model.threepid import AccountThreepid, Candidate, Purpose, Threepid
from ..protocol.errors import Unavailable, UnknownToken
from ..roles.base import Role
from ..roles.homeserver import Homeserver
from .session_opening import new_session

UNDO_PATH = "/threepid/undo/submit_token"
"""The path, below a version, of the page behind an undo link. Its form posts to ``submit_token`` as all pages do."""
_TRIES = 32
_ID_BYTES = 16
_FIRST_SAY = 3_600_000
"""The ms by which the mail to a removed address waits for those who may confirm its removal."""


@frozen
class Noted:
    """A change that was noted before it is made.

    * ``reversal``: the reversal with it.
    * ``held``: the address as it was on the account; ``None`` for one that is added, and for a password.
    """

    reversal: Reversal
    held: AccountThreepid | None


async def note_change(hs: Homeserver, user_id: str, kind: MessageKind, threepid: Threepid | None) -> Noted | None:
    """Note a change that is about to be made, and write down its mails; ``None`` if nobody could take it back.

    * ``kind``: ``ADDED``, ``REMOVED`` or ``PASSWORD_CHANGED``.
    * ``threepid``: the address that is added or removed; nothing is noted for a removal of one that is not there.

    Raises ``Unavailable``: a change that cannot be noted is not made.
    """
    if not hs.policy.undo_links:
        return None
    listed = await hs.accounts.list(user_id)
    held = next((each for each in listed if each.threepid == threepid), None)
    if (kind is MessageKind.REMOVED and held is None) or (kind is MessageKind.ADDED and held is not None):
        return None
    for _ in range(_TRIES):
        stored, now = await hs.reversals.of_user(user_id), hs.clock()
        if stored is not None and stored.state is ReversalState.GONE:
            return None
        base = stored if stored is not None and stored.joins(now) else await _begun(hs, user_id, stored)
        if base is None:
            return None
        changed = base.with_change(kind, threepid, now)
        if await (hs.reversals.insert if stored is None else hs.reversals.replace)(changed):
            await _write_mails(hs, changed, [each.threepid for each in listed], threepid if held else None)
            return Noted(changed, held)
    raise Unavailable


async def _begun(hs: Homeserver, user_id: str, stored: Reversal | None) -> Reversal | None:
    """Return a new reversal to the account as it is now; ``None`` if it has no address that would be trusted."""
    # Read after the stored one: a change that was made meanwhile has been noted, and then the replacing fails.
    held, new_id = await hs.accounts.list(user_id), random_text(hs.random_bytes(_ID_BYTES))
    begun = Reversal.begun(user_id, new_id, hs.peppers.current.id, held, hs.clock())
    if not begun.trusted:
        return None
    # The lock outlives the reversal that set it, until the owner has set a password.
    return begun if stored is None else evolve(begun, locked=stored.locked, revision=stored.revision)


async def _write_mails(
    hs: Homeserver, reversal: Reversal, current: Sequence[Threepid], removed: Threepid | None
) -> None:
    now = reversal.listed[-1].at
    left = [each for each in current if each != removed]
    for held in reversal.trusted:
        away = held.threepid not in left
        waits = away and any(held.threepid in reversal.confirmable(each, left) for each in left)
        due_at = reversal.due_at(now) + (_FIRST_SAY if waits else 0)
        # The same secret each time gives the same slot: changes that share a mail open one session.
        secret = hs.peppers.current.mac("undo notice", reversal.id, str(due_at))
        notice = due_notice(hs, held, reversal.user_id, MessageKind.CHANGED, secret, due_at)
        # As long as its link works: an outage of mail for a day must not keep the owner out.
        until = now + OPEN_FOR
        await hs.writing_sessions.open(evolve(notice, concerns="", expires_at=until, token_expires_at=until))


def due_notice(
    hs: Homeserver,
    to: AccountThreepid | Candidate,
    user_id: str,
    kind: MessageKind,
    secret: str,
    due_at: int | None = None,
) -> Session:
    """Return a session that carries a notice, due at once or at ``due_at``, until the session expires."""
    candidate = to if isinstance(to, Candidate) else Candidate(to.threepid, to.spelling or to.address)
    # One purpose for all: the sessions of the purpose `password` are called off when a password changes.
    session = new_session(hs, Purpose.ADD, candidate, secret, user_id)
    return evolve(
        session,
        decoy=True,
        notice=kind.value,
        language=hs.policy.languages[0],
        serial=1,
        due_attempt=1,
        due_at=session.created_at if due_at is None else due_at,
        token_expires_at=session.expires_at,
    )


async def not_made(hs: Homeserver, noted: Noted | None) -> None:
    """Take a noted change off the list, since it was not made."""
    if noted is not None:
        number = noted.reversal.last_number
        await update_reversal(hs, noted.reversal, lambda stored: stored.without_change(number))


async def removal_made(hs: Homeserver, noted: Noted | None) -> None:
    """Check, after a removal, that the changes were not taken back meanwhile; otherwise put the address back.

    Raises ``UnknownToken`` then: whoever took them back had the devices logged out.
    """
    if noted is None or noted.held is None:
        return
    stored = await hs.reversals.of_user(noted.reversal.user_id)
    same_one = stored is not None and stored.id == noted.reversal.id and stored.state is not ReversalState.UNDONE
    if stored is not None and not same_one and stored.state is not ReversalState.GONE:
        await hs.accounts.add(noted.reversal.user_id, noted.held)
        raise UnknownToken


async def update_reversal(
    hs: Homeserver, seen: Reversal, step: Callable[[Reversal], Reversal | None]
) -> Reversal | None:
    """Change the stored reversal by compare-and-swap while it has the same ``id``; return the new one.

    * ``step``: called again after each lost race; returns ``None`` to change nothing, and then so does this function.
    """
    for _ in range(_TRIES):
        stored = await hs.reversals.of_user(seen.user_id)
        changed = step(stored) if stored is not None and stored.id == seen.id else None
        if changed is None or await hs.reversals.replace(changed):
            return changed
    raise Unavailable


async def is_too_old(hs: Homeserver, user_id: str | None, threepid: Threepid) -> bool:
    """Return whether an address was proved too long ago to reset a password (``AccountAddresses``, SEC-46)."""
    age = hs.policy.addresses.max_age_for_reset(threepid.medium)
    if age is None:
        return False
    # Asked without an owner as well, so that the time of an answer does not tell of one (SEC-28).
    held = [each for each in await hs.accounts.list(user_id or "") if each.threepid == threepid]
    return any(each.validated_at + age < hs.clock() for each in held)


async def may_reset(hs: Homeserver, user_id: str | None, threepid: Threepid) -> bool:
    """Return whether the password of an account may be reset by an address."""
    if await is_too_old(hs, user_id, threepid):
        return False
    if not hs.policy.undo_links:
        return True
    # Asked without an owner as well, so that the time of an answer does not tell of one (SEC-28).
    stored = await hs.reversals.of_user(user_id or "")
    return stored is None or stored.resets(threepid)


async def password_reset(hs: Homeserver, user_id: str, by: Threepid) -> None:
    """Note a password that was set by a proved address; one that follows an undo ends the lock, and is a part of it."""
    stored = await hs.reversals.of_user(user_id) if hs.policy.undo_links else None
    if stored is not None and stored.locked and stored.resets(by):
        await update_reversal(hs, stored, lambda each: each.unlocked(hs.clock()) if each.locked else None)
    else:
        await note_change(hs, user_id, MessageKind.PASSWORD_CHANGED, by)


async def stop_reversal(hs: Homeserver, user_id: str, *, gone: bool = False) -> None:
    """End the undo links of an account and the lock of its resets.

    * ``gone``: whether the account has ended, so that no change of it can be taken back any more.
    """
    if not hs.policy.undo_links:
        return
    state = ReversalState.GONE if gone else ReversalState.STOPPED
    for _ in range(_TRIES):
        stored, now = await hs.reversals.of_user(user_id), hs.clock()
        if stored is None:
            new_id = random_text(hs.random_bytes(_ID_BYTES))
            empty = Reversal.begun(user_id, new_id, hs.peppers.current.id, (), now)
            if not gone or await hs.reversals.insert(evolve(empty, state=state)):
                return
        elif stored.state is ReversalState.GONE or await hs.reversals.replace(stored.ended(state, now)):
            return
    raise Unavailable


def undo_token(role: Role, reversal: Reversal, threepid: Threepid) -> str | None:
    """Return the token of a link to one address, or ``None`` if its pepper is no longer in force."""
    pepper = role.peppers.by_id(reversal.pepper_id)
    return None if pepper is None else pepper.token("undo", reversal.id, threepid.medium.value, threepid.address)


def undo_link(role: Role, reversal: Reversal, threepid: Threepid) -> str | None:
    """Return the link to one address, or ``None`` if its pepper is no longer in force."""
    token = undo_token(role, reversal, threepid)
    base = f"{role.policy.public_base_url}{role.prefix}{role.submit_version}{UNDO_PATH}"
    return None if token is None else f"{base}?{urlencode({'sid': reversal.id, 'token': token})}"


def holder_of(role: Role, reversal: Reversal, token: str) -> AccountThreepid | None:
    """Return the trusted address to which a token was sent; ``None`` if it is none of this reversal."""
    # Confirmed removals as well, so that their pages can say what happened.
    everybody = evolve(reversal, confirmed="[]").trusted
    found = [each for each in everybody if same(token, undo_token(role, reversal, each.threepid) or "")]
    return found[0] if token and found else None
