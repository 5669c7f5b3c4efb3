"""A host that calls ``Stages`` in endpoints of its own, as the docs say."""

from __future__ import annotations

from collections.abc import Mapping

from matrix_threepid import Homeserver, Purpose
from matrix_threepid.model.threepid import AddOutcome
from matrix_threepid.uia import Proof, Stages

STAGE = "m.login.email.identity"


class StagedHost:
    """Names and passwords in dictionaries."""

    def __init__(self, homeserver: Homeserver) -> None:
        self.homeserver, self.stages = homeserver, Stages(homeserver)
        self.names, self.passwords = set[str](), dict[str, int]()

    async def register(self, auth: Mapping[str, object], session: str, name: str) -> bool:
        proof = await self.stages.check(STAGE, auth, session, Purpose.REGISTER)
        await self.stages.confirm(proof)
        user_id = f"@{name}:hs.example.org"
        if name in self.names or await self._taken(user_id, proof):
            await self.stages.release(proof)
            return False
        self.names.add(name)
        await self.stages.consume(proof)
        return True

    async def _taken(self, user_id: str, proof: Proof) -> bool:
        return await self.homeserver.accounts.add(user_id, proof.threepid) is not AddOutcome.ADDED

    async def reset_password(self, auth: Mapping[str, object], session: str) -> bool:
        proof = await self.stages.check(STAGE, auth, session, Purpose.PASSWORD)
        await self.stages.confirm(proof)
        self._set_password(proof.owner or "")
        await self.stages.consume(proof)
        return True

    async def change_password(self, user_id: str) -> None:
        self._set_password(user_id)
        await self.stages.end_resets(user_id)

    def _set_password(self, user_id: str) -> None:
        self.passwords[user_id] = self.passwords.get(user_id, 0) + 1
