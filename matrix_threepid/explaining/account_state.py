"""What an account has: identifiers, bindings, unbinds that are queued, changes that can be taken back."""

from __future__ import annotations

from collections.abc import Iterator

from ..flows.binding_access import bindings_of
from ..model.binding import Binding
from ..model.reversal import OPEN_FOR
from ..model.threepid import Threepid, masked
from ..roles.homeserver import Homeserver
from .causes import Cause
from .explanation import Finding


async def of_account(hs: Homeserver, user_id: str) -> list[Finding]:
    """Return the identifiers of an account, and whether changes of it can be taken back."""
    held = await hs.accounts.list(user_id)
    found = [
        Finding(
            about=f"{each.medium.value} {masked(each.address)}",
            text=f"on the account, added {_days(hs.clock() - each.added_at)} ago",
        )
        for each in held
    ]
    reversal = await hs.reversals.of_user(user_id) if hs.policy.undo_links else None
    if reversal is not None and reversal.open(hs.clock()):
        ends = reversal.last_at + OPEN_FOR
        found.append(Finding(about="undo", text="changes of the account can be taken back by links", until=ends))
    if reversal is not None and reversal.locked:
        text = "changes were taken back; until a new password is set, only earlier addresses reset it"
        found.append(Finding(about="undo", text=text, cause=Cause.RESETS_LOCKED))
    return found or [Finding(about="account", text="has no address, or there is no such account")]


async def of_bindings(hs: Homeserver, user_id: str, threepid: Threepid | None) -> list[Finding]:
    """Return what is published of a user, or may be.

    * ``threepid``: only bindings of this address; ``None`` for all.
    """
    rows = await bindings_of(hs, user_id)
    return [each for row in rows if threepid in (None, row.threepid) for each in _of_binding(row)]


def _of_binding(row: Binding) -> Iterator[Finding]:
    about, address = f"binding at {row.id_server}", masked(row.threepid.address) if row.threepid else "an address"
    if row.unwanted_since is None:
        if row.bound_at is None:
            text = f"{address} may be published: the bind was asked for and never confirmed"
            yield Finding(about=about, text=text, cause=Cause.BIND_UNCERTAIN, at=row.created_at)
        else:
            text = f"{address} is published for {row.user_id}"
            yield Finding(about=about, text=text, cause=Cause.BOUND, at=row.bound_at)
    elif row.due_at is None:
        text = f"{address} may still be published: the unbind failed {row.attempts} times and was given up"
        yield Finding(about=about, text=text, cause=Cause.UNBIND_GIVEN_UP, at=row.unwanted_since)
    else:
        text = f"{address} is to be unbound; {row.attempts} tries failed, and the next one is planned"
        yield Finding(about=about, text=text, cause=Cause.UNBIND_QUEUED, at=row.unwanted_since, until=row.due_at)


def _days(ms: int) -> str:
    days = max(ms, 0) // 86_400_000
    return "a day" if days == 1 else f"{days} days"
