"""Whether an identity server still names a user for an address, after it has confirmed an unbind or refused one.

See https://spec.matrix.org/latest/identity-service-api/#association-lookup.
"""

from __future__ import annotations

from ..limits.rate import charge_binding
from ..model.identity import LookedUp
from ..model.media import MEDIA
from ..model.threepid import Medium
from ..protocol.errors import Forbidden, ThreepidMediumNotSupported
from ..roles.homeserver import Homeserver
from .binding_access import as_error, trusted_id_server


async def still_published(
    hs: Homeserver,
    *,
    user_id: str,
    medium: str,
    address: str,
    id_server: str,
    id_access_token: str,
    deadline: int | None = None,
) -> bool:
    """Return whether an identity server names this user to those who look the address up.

    An unbind says ``no-support`` where the server does not tell what became of it; with the user's own token for that
    server this asks. An address that the server publishes for somebody else is not this user's any more.

    * ``user_id``: the user who was unbound.
    * ``medium``, ``address``, ``id_server``: as in the unbind.
    * ``id_access_token``: the user's token at the identity server.
    * ``deadline``: the ms that asking may take; ``None`` (default): ``Policy.identity_deadline``.

    Charged as a request that calls identity servers. Raises ``MatrixError``: ``M_FORBIDDEN`` without a client for
    invitations (``Homeserver(invitations=…)``), which looks up, ``M_INVALID_PARAM``, ``M_SERVER_NOT_TRUSTED``,
    ``M_LIMIT_EXCEEDED``, or the identity server's own.
    """
    if hs.invitations is None:
        raise Forbidden("This server looks nothing up")
    server = trusted_id_server(hs, id_server)
    if medium not in list(Medium):
        raise ThreepidMediumNotSupported
    threepid = MEDIA[Medium(medium)].read(address, hs.policy)
    await charge_binding(hs, user_id)
    allowed = hs.policy.identity_deadline if deadline is None else deadline
    found = await hs.invitations.look_up(server, id_access_token, threepid, user_id, allowed)
    if not isinstance(found, LookedUp):
        raise as_error(found)
    return found.mxid == user_id
