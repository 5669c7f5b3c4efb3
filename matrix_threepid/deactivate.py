"""What remains to be done about addresses when a user leaves."""

from __future__ import annotations

from .flows import session_access
from .flows.binding_access import bindings_of
from .flows.delete import delete
from .flows.unbind import unbind_all
from .limits.rate import keys_of_user
from .model.binding import Binding
from .roles.homeserver import Homeserver


async def deactivate_threepids(hs: Homeserver, user_id: str, id_server: str | None = None) -> str:
    """Take everything back: bindings, identifiers, open sessions. Safe to run again.

    Call it from whatever deactivates an account, and answer with what it returns as ``id_server_unbind_result``
    (``success`` or ``no-support``, MSC1915). It never fails because of an identity server: what could not be unbound
    is asked for again later. Raises ``InvalidParam`` for an ``id_server`` that is none.
    """
    unbound = await unbind_all(hs, user_id, id_server)
    for threepid in await hs.accounts.list(user_id):
        await delete(hs, user_id, (threepid.threepid,))
    await session_access.end_all_of(hs, user_id)
    return "success" if unbound.all_done else "no-support"


async def erase_threepids(hs: Homeserver, user_id: str, id_server: str | None = None) -> list[Binding]:
    """Do what ``deactivate_threepids`` does, then forget the user; return what is left. Safe to run again.

    Sessions go, open or over, with those of the user's addresses that nobody known has opened; so does what was
    counted for the user. Left are bindings whose identity server has not confirmed yet that they are gone: each is
    forgotten once it has, and those with no ``due_at`` were given up. Raises ``InvalidParam`` as that does.
    """
    held = [threepid.threepid for threepid in await hs.accounts.list(user_id)]
    await deactivate_threepids(hs, user_id, id_server)
    await hs.sessions.erase(user_id, held)
    await hs.limiter.forget(keys_of_user(hs, user_id))
    return await bindings_of(hs, user_id)
