"""Bindings that Synapse and the library both store, and unbinding that does not wait for an identity server."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from attrs import frozen

from ..flows.binding_access import binding_id, is_intent
from ..flows.unbind import unbind_everywhere
from ..model.binding import Binding
from ..model.threepid import Medium, Threepid
from ..ports import Clock
from ..protocol.errors import MatrixError
from ..roles.homeserver import Homeserver
from ..stores.sql import Database, SqlBindings
from . import tables


class SharedBindings(SqlBindings):
    """A ``BindingStore`` that reads the bindings in Synapse's table and writes each change there as well.

    So no binding is lost when the module is installed or removed. Rows of Synapse's that name no valid identity server
    are left alone.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db)
        self._clock = clock

    async def of_user(self, user_id: str) -> Sequence[Binding]:
        for medium, address, id_server in await self._db.run(partial(tables.bound, user_id)):
            server = tables.reachable_as(id_server)
            if medium in set(Medium) and server is not None:
                await super().insert(self._adopted(user_id, Threepid(Medium(medium), address), server))
        return await super().of_user(user_id)

    async def insert(self, binding: Binding) -> bool:
        inserted = await super().insert(binding)
        await self._note(binding, stored=inserted)
        return inserted

    async def replace(self, binding: Binding) -> bool:
        replaced = await super().replace(binding)
        await self._note(binding, stored=replaced)
        return replaced

    async def forget(self, binding: Binding) -> bool:
        forgotten = await super().forget(binding)
        if forgotten and binding.threepid is not None and not is_intent(binding):
            await self._db.run(partial(tables.forget, *_row(binding, binding.threepid)))
        return forgotten

    async def _note(self, binding: Binding, *, stored: bool) -> None:
        if stored and binding.bound_at is not None and binding.threepid is not None:
            await self._db.run(partial(tables.remember, *_row(binding, binding.threepid)))

    def _adopted(self, user_id: str, threepid: Threepid, id_server: str) -> Binding:
        now = self._clock()
        return Binding(
            id=binding_id(user_id, threepid, id_server),
            user_id=user_id,
            id_server=id_server,
            threepid=threepid,
            spelling=threepid.address,
            created_at=now,
            bound_at=now,
        )


def _row(binding: Binding, threepid: Threepid) -> tuple[str, str, str, str]:
    return binding.user_id, threepid.medium.value, threepid.address, binding.id_server


@frozen
class UnbindGuard:
    """Unbinds in place of Synapse when Synapse deletes an identifier or deactivates an account.

    Unbinds that an identity server does not confirm are put in the queue.
    """

    homeserver: Homeserver

    async def unbind(self, mxid: str, medium: str, address: str, id_server: str | None) -> bool:
        """Return whether at least one binding was known and every identity server confirmed its unbind.

        * ``mxid``: the user id. The parameter has Synapse's name, since Synapse gives it by name.

        Raises ``SynapseError`` for an ``id_server`` that is not valid or not trusted.
        """
        from synapse.module_api.errors import SynapseError

        if medium not in set(Medium):
            return False
        threepid = Threepid(Medium(medium), address)
        try:
            unbound = await unbind_everywhere(self.homeserver, mxid, [threepid], id_server)
        except MatrixError as error:
            raise SynapseError(error.status, str(error), error.errcode) from None
        return unbound.result == "success"
