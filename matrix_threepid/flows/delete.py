"""Take an identifier off an account."""

from __future__ import annotations

from collections.abc import Iterable

from ..events import ThreepidRemoved
from ..model.message import MessageKind
from ..model.threepid import Purpose, Threepid
from ..roles.homeserver import Homeserver
from . import session_access
from .notify_owner import notify_owner


async def delete(hs: Homeserver, user_id: str, candidates: Iterable[Threepid]) -> None:
    """Take the first of ``candidates`` that is on the account off it; open password resets by it end."""
    for threepid in candidates:
        if await hs.accounts.remove(user_id, threepid):
            await session_access.end_all(hs, threepid, Purpose.PASSWORD)
            hs.emit(ThreepidRemoved(user_id, threepid))
            await notify_owner(hs, user_id, MessageKind.REMOVED, threepid)
            return
