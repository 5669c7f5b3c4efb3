"""Remove an identifier from an account.

See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3piddelete.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..events import ThreepidRemoved
from ..model.message import MessageKind
from ..model.threepid import Purpose, Threepid
from ..protocol.errors import Forbidden
from ..roles.homeserver import Homeserver
from . import session_access
from .notify_owner import address_pending, notify_owner
from .reversals import not_made, note_change, removal_made
from .unbind import unbind_queued


async def refuse_removal(hs: Homeserver, user_id: str, candidates: Sequence[Threepid], **extra: object) -> None:
    """Raise ``Forbidden`` for an address on the account that ``AccountAddresses.removals`` keeps there.

    * ``extra``: further members of the error, as the open MSC4223 has them
      (https://github.com/matrix-org/matrix-spec-proposals/pull/4223).
    """
    rule = hs.policy.addresses.removals
    if rule == "allow":
        return
    held = [each.threepid for each in await hs.accounts.list(user_id)]
    if any(each in held for each in candidates) and (rule == "refuse" or len(held) == 1):
        raise _kept(hs, **extra)


def _kept(hs: Homeserver, **extra: object) -> Forbidden:
    every = hs.policy.addresses.removals == "refuse"
    what = "Addresses" if every else "The last address of an account"
    return Forbidden(f"{what} cannot be removed on this server", **extra)


async def release(hs: Homeserver, threepid: Threepid) -> None:
    """Take an address off the account that has it, for somebody else who has proved it (``AccountAddresses.release``).

    It is unbound for that account's user as well; what an identity server does not confirm is tried again later.
    """
    owner = await hs.accounts.owner(threepid)
    if owner is not None:
        await unbind_queued(hs, owner.user_id, threepid)
        await delete(hs, owner.user_id, (threepid,))


async def delete(
    hs: Homeserver, user_id: str, candidates: Iterable[Threepid], *, keep: bool = False, **extra: object
) -> None:
    """Remove an identifier from an account, and end the open password resets by it.

    * ``user_id``: the user; an identifier on another account stays (SEC-23).
    * ``candidates``: the identifiers that the request may mean; the first that is on the account is removed.
    * ``keep``: whether ``AccountAddresses.removals`` holds; default ``False``, for accounts that end.
    * ``extra``: further members of the error.

    An identifier that is not on the account is no error, so that a repeated request succeeds (REQ-DEL-5). Raises
    ``Forbidden`` with ``keep``.
    """
    if hs.policy.notices:
        await address_pending(hs, user_id)
    last = keep and hs.policy.addresses.removals == "keep_last"
    before = {each.threepid: each for each in await hs.accounts.list(user_id)} if last else {}
    for threepid in candidates:
        noted = await note_change(hs, user_id, MessageKind.REMOVED, threepid)
        if await hs.accounts.remove(user_id, threepid):
            if last and threepid in before and not await hs.accounts.list(user_id):
                # Two removals at once may each have seen the other's address: what was removed is put back.
                await hs.accounts.add(user_id, before[threepid])
                await not_made(hs, noted)
                raise _kept(hs, **extra)
            # An open reset by this address could otherwise still change the password of the account.
            await session_access.end_all(hs, threepid, Purpose.PASSWORD)
            hs.emit(ThreepidRemoved(user_id, threepid))
            await removal_made(hs, noted)
            await notify_owner(hs, user_id, MessageKind.REMOVED, threepid)
            return
        await not_made(hs, noted)
