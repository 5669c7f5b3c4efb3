"""What remains to be done about addresses when a user leaves."""

from __future__ import annotations

from . import sessions
from .endpoints.contacts import UnbindResult, remove
from .homeserver import Homeserver


async def deactivate_threepids(hs: Homeserver, user_id: str) -> UnbindResult:
    """Take everything back: identifiers off the account, open sessions ended. Safe to run again.

    Call it from whatever deactivates an account and answer with what it returns (MSC1915).
    """
    for threepid in await hs.accounts.list(user_id):
        await remove(hs, user_id, (threepid.threepid,))
    await sessions.end_all_of(hs, user_id)
    return UnbindResult(id_server_unbind_result="success")
