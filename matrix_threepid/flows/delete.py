"""Remove an identifier from an account.

See https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3piddelete.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..events import ThreepidRemoved
from ..model.message import MessageKind
from ..model.threepid import Purpose, Threepid
from ..roles.homeserver import Homeserver
from . import session_access
from .notify_owner import address_pending, notify_owner
from .reversals import not_made, note_change, removal_made


async def delete(hs: Homeserver, user_id: str, candidates: Iterable[Threepid]) -> None:
    """Remove an identifier from an account, and end the open password resets by it.

    * ``user_id``: the user; an identifier on another account stays (SEC-23).
    * ``candidates``: the identifiers that the request may mean; the first that is on the account is removed.

    An identifier that is not on the account is no error, so that a repeated request succeeds (REQ-DEL-5).
    """
    if hs.policy.notices:
        await address_pending(hs, user_id)
    for threepid in candidates:
        noted = await note_change(hs, user_id, MessageKind.REMOVED, threepid)
        if await hs.accounts.remove(user_id, threepid):
            # An open reset by this address could otherwise still change the password of the account.
            await session_access.end_all(hs, threepid, Purpose.PASSWORD)
            hs.emit(ThreepidRemoved(user_id, threepid))
            await removal_made(hs, noted)
            await notify_owner(hs, user_id, MessageKind.REMOVED, threepid)
            return
        await not_made(hs, noted)
