"""Take the changes of an account back, or confirm a removal, by the link in a notice (SEC-57)."""

from __future__ import annotations

from attrs import evolve

from ..events import ChangesUndone, RemovalConfirmed, ThreepidAdded, ThreepidRemoved
from ..model.keys import random_text
from ..model.message import MessageKind
from ..model.reversal import Reversal, ReversalState
from ..model.threepid import AccountThreepid, AddOutcome, Purpose, Threepid
from ..roles.homeserver import Homeserver
from . import session_access
from .reversals import due_notice, update_reversal
from .unbind import unbind_everywhere

_PASSWORD_BYTES = 32


async def undo(hs: Homeserver, reversal: Reversal, by: AccountThreepid) -> bool:
    """Take the changes back; return whether that was done, now or before.

    * ``reversal``: the reversal, found by its link.
    * ``by``: the address at which the link was received.

    First the reversal is stored as done, which decides between two at once. What follows is done again by another press
    until the owner has set a password, so a crash or an outage in between leaves nothing undone for good.
    """
    done = await update_reversal(
        hs, reversal, lambda stored: stored.undone() if stored.open(hs.clock()) and by in stored.trusted else None
    )
    if done is None:
        stored = await hs.reversals.get(reversal.id)
        if stored is None or stored.state is not ReversalState.UNDONE or not stored.resets(by.threepid):
            return False
        done = stored
        if not stored.locked:
            return True
    else:
        hs.emit(ChangesUndone(done.user_id, by.threepid))
    await _restore(hs, done)
    return True


async def _restore(hs: Homeserver, done: Reversal) -> None:
    """Restore the addresses, end sessions and resets, log devices out, and write the notices."""
    user = done.user_id
    # Sessions first, as in a deactivation: an add that is under way then takes its address back.
    await session_access.end_all_of(hs, user)
    await _secure(hs, user)
    kept = {each.threepid for each in done.held}
    for held in await hs.accounts.list(user):
        await session_access.end_all(hs, held.threepid, Purpose.PASSWORD)
        if held.threepid not in kept and await hs.accounts.remove(user, held.threepid):
            hs.emit(ThreepidRemoved(user, held.threepid))
            await unbind_everywhere(hs, user, (held.threepid,), None)
    for held in done.held:
        if await hs.accounts.add(user, held) is AddOutcome.ADDED:
            hs.emit(ThreepidAdded(user, held.threepid))
    await session_access.end_all_of(hs, user)
    for held in done.trusted:
        secret = hs.peppers.current.mac("undone notice", done.id)
        await hs.writing_sessions.open(evolve(due_notice(hs, held, user, MessageKind.UNDONE, secret), concerns=""))


def can_secure(hs: Homeserver) -> bool:
    """Return whether the devices of an account can be logged out, and its password taken away."""
    return hasattr(hs.accounts, "secure") or hs.keeper is not None


async def _secure(hs: Homeserver, user: str) -> None:
    """Log all devices out and let nobody log in until a new password is set, as far as the host can."""
    secure = getattr(hs.accounts, "secure", None)
    if secure is not None:
        await secure(user)
    elif hs.keeper is not None:
        # A password that nobody knows: the way in is a reset.
        unknown = random_text(hs.random_bytes(_PASSWORD_BYTES))
        await hs.keeper.set_password(user, await hs.keeper.hash_password(unknown))
        await hs.keeper.log_out(user, None)


async def taken_by_others(hs: Homeserver, reversal: Reversal) -> list[Threepid]:
    """Return the addresses that cannot come back, since they are on another account now."""
    owners = [(each.threepid, await hs.owner_of(each.threepid)) for each in reversal.held]
    return [threepid for threepid, owner in owners if owner not in (None, reversal.user_id)]


async def confirmable(hs: Homeserver, reversal: Reversal, by: AccountThreepid) -> tuple[Threepid, ...]:
    """Return the removed addresses whose removal the holder of ``by`` may confirm."""
    current = [each.threepid for each in await hs.accounts.list(reversal.user_id)]
    return reversal.confirmable(by.threepid, current)


async def confirm_removals(hs: Homeserver, reversal: Reversal, by: AccountThreepid) -> bool:
    """Confirm the removals that the holder of ``by`` may confirm; return whether there were any."""
    removed = await confirmable(hs, reversal, by)
    done = await update_reversal(
        hs, reversal, lambda stored: stored.with_confirmed(removed) if stored.open(hs.clock()) and removed else None
    )
    for threepid in removed if done is not None else ():
        hs.emit(RemovalConfirmed(reversal.user_id, threepid))
    return done is not None
