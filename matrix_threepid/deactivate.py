"""What happens to addresses when an account is deactivated or its user erased."""

from __future__ import annotations

from .flows import session_access
from .flows.binding_access import bindings_of
from .flows.delete import delete
from .flows.reversals import stop_reversal
from .flows.unbind import unbind_all
from .limits.rate import keys_of_user
from .model.binding import Binding
from .model.outbound import address_keys
from .roles.homeserver import Homeserver


async def deactivate_threepids(hs: Homeserver, user_id: str, id_server: str | None = None) -> str:
    """Unbind, remove and end what an account has: bindings, identifiers, open sessions. Safe to run again.

    Call it wherever an account is deactivated, once its access tokens have been ended; if you call it before, so that
    the user can repeat a request that failed, call it afterwards as well, since an add may be under way. An identity
    server cannot make it fail: an unbind that is refused or cannot be sent is put in the queue of ``retry_unbinds``.

    * ``hs``: the homeserver.
    * ``user_id``: the user of the account.
    * ``id_server``: an identity server where the account's identifiers may be bound although no bind is stored. Unbound
      are all stored bindings, and with ``id_server`` these identifiers there as well.

    Returns ``success`` or ``no-support``, for ``id_server_unbind_result`` in the response. Raises ``InvalidParam`` for
    an ``id_server`` that is not a host and port, and ``ServerNotTrusted`` for one that the policy refuses. Source:
    `account/deactivate <https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3accountdeactivate>`__,
    `MSC1915 <https://github.com/matrix-org/matrix-spec-proposals/pull/1915>`__.
    """
    unbound = await unbind_all(hs, user_id, id_server)
    # Sessions first: an add that is under way takes its address back when it finds its session ended, and one that has
    # finished before is removed here. Twice, for sessions that were opened meanwhile.
    await stop_reversal(hs, user_id, gone=True)
    for _ in range(2):
        await session_access.end_all_of(hs, user_id)
        for threepid in await hs.accounts.list(user_id):
            await delete(hs, user_id, (threepid.threepid,))
    return "success" if unbound.all_done else "no-support"


async def stop_undo(hs: Homeserver, user_id: str) -> None:
    """End the links by which changes of an account can be taken back, and the lock of its resets.

    With ``Policy.undo_links``, call it when an administrator has changed the addresses or the password of an account.

    * ``hs``: the homeserver.
    * ``user_id``: the user of the account.
    """
    await stop_reversal(hs, user_id)


async def erase_threepids(hs: Homeserver, user_id: str, id_server: str | None = None) -> list[Binding]:
    """Do what ``deactivate_threepids`` does, then delete what is stored about the user. Safe to run again.

    Deleted are the user's sessions (open or over), sessions for the user's addresses that were opened without an access
    token, what is recorded of the messages of both, and the limits charged to the user. Arguments and errors are those
    of ``deactivate_threepids``.

    Returns the bindings that are left, since their identity server has not confirmed an unbind. Each is deleted once it
    is confirmed. A binding whose ``due_at`` is ``None`` was given up and stays.
    """
    held = [threepid.threepid for threepid in await hs.accounts.list(user_id)]
    await deactivate_threepids(hs, user_id, id_server)
    await hs.sessions.erase(user_id, held)
    await hs.reversals.forget(user_id)
    if hs.messages is not None:
        await hs.messages.erase(user_id, [key for each in held for key in address_keys(hs.peppers, each)])
    await hs.limiter.forget(keys_of_user(hs, user_id))
    return await bindings_of(hs, user_id)
