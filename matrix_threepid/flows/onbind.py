"""Tell the homeserver of a user who has bound an invited address, so that it turns the invitations into usual ones.

What is to be told is stored before the bind is, and told by a job: so neither a crash nor an outage of the homeserver
loses an invitation, and who binds learns nothing of what the homeserver answers (REQ-ISINV-8).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import define, field

from ..events import OnbindGivenUp
from ..limits.rate import charge_call_out
from ..model.call import Call
from ..model.invitation import Invitation
from ..model.onbind import Onbind
from ..model.threepid import Threepid
from ..ports import OnbindClient, Told
from ..roles.identity_server import IdentityServer
from .binding_access import LEASE
from .turns import Turns

_MOST = 1000
"""The largest number of addresses of which one homeserver waits to be told."""


async def announce(role: IdentityServer, call: Call, threepid: Threepid, mxid: str) -> None:
    """Store what the user's homeserver is to be told if the address is bound next. Raises ``LimitExceeded``.

    It is due only after the bind must be over; ``confirm`` makes it due at once.
    """
    if role.onbind is None or not await role.invitations.waiting(threepid):
        return
    # Charged before the bind: under version 1 whoever binds can name any server (SEC-26).
    await charge_call_out(role, call)
    await _announce(role, threepid, mxid, LEASE * role.policy.identity_deadline)


async def confirm(role: IdentityServer, threepid: Threepid, mxid: str) -> None:
    """Make what is to be told of a bind due. Invitations that came while the address was bound are seen as well."""
    if role.onbind is not None and await role.invitations.waiting(threepid):
        await _announce(role, threepid, mxid, 0)


async def _announce(role: IdentityServer, threepid: Threepid, mxid: str, pause: int) -> None:
    now = role.clock()
    told = Onbind.of(threepid, mxid, now, now + pause)
    if not await role.invitations.announce(told, _MOST):
        role.emit(OnbindGivenUp(mxid, threepid))


def _server(row: Onbind) -> str:
    return row.server


def _new_turns() -> Turns[Onbind]:
    return Turns(_server)


@define(eq=False)
class OnbindQueue:
    """The homeservers that are to be told; workers serve them in turn, so that none that is away delays another.

    * ``role``: the identity server.
    * ``client``: tells homeservers.

    Several workers and processes may work at once: each leases the row of which it tells.
    """

    role: IdentityServer
    client: OnbindClient
    _turns: Turns[Onbind] = field(init=False, factory=_new_turns)

    async def one(self) -> bool:
        """Tell one homeserver of one bind that is due; return whether there was one."""
        role, now = self.role, self.role.clock()
        until = now + LEASE * role.policy.identity_deadline
        row = await self._turns.lease(lambda skip: role.invitations.lease_due(now, until, skip))
        if row is None:
            return False
        bound = await role.associations.get(row.threepid)
        invitations = await role.invitations.waiting(row.threepid)
        # The bind failed, or the address was bound to somebody else or unbound since; or all was told already.
        if bound is None or bound.mxid != row.user_id or not invitations or await self._tell(row, invitations):
            await role.invitations.forget(row)
            return True
        later = row.again(role.clock(), role.policy.retrying, role.random_bytes(1)[0] / 255)
        if later is not None:
            await role.invitations.replace(later)
        elif await role.invitations.forget(row):
            role.emit(OnbindGivenUp(row.user_id, row.threepid))
        return True

    async def _tell(self, row: Onbind, invitations: Sequence[Invitation]) -> bool:
        """Tell a homeserver of invitations; return whether it has taken all of them.

        First all at once. A homeserver that refuses is told of each alone later: one for a room that is gone must not
        keep the others away.
        """
        until = self.role.clock() + self.role.policy.identity_deadline
        parts = [[each] for each in invitations] if row.attempts else [list(invitations)]
        refused = False
        for part in parts:
            left = until - self.role.clock()
            told = Told.AWAY if left <= 0 else await self.client.tell(row.server, self._body(row, part), left)
            if told is Told.AWAY:
                return False
            if told is Told.TAKEN:
                await self.role.invitations.deliver([each.token for each in part], self.role.clock())
            refused = refused or told is Told.REFUSED
        return not refused

    def _body(self, row: Onbind, invitations: Sequence[Invitation]) -> dict[str, object]:
        about = {"medium": row.threepid.medium.value, "address": row.threepid.address, "mxid": row.user_id}
        return {**about, "invites": [{**about, **self._signed(row, each)} for each in invitations]}

    def _signed(self, row: Onbind, invitation: Invitation) -> Mapping[str, object]:
        signed = self.role.signer.sign({"mxid": row.user_id, "token": invitation.token})
        return {"room_id": invitation.room_id, "sender": invitation.sender, "signed": signed}
