"""``Home``: the library's ``Homeserver`` with this server's own parts, handed to every handler."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property, partial
from typing import Any

from attrs import field, frozen

from matrix_threepid import Homeserver, Proof, Purpose, Stages
from matrix_threepid.errors import MatrixError, Unauthorized

from .accounts import Accounts
from .devices import Devices
from .openid import OpenId
from .passwords import Passwords
from .peers import Peers
from .uia import Check, Interactive, Passed, unfinished


@frozen(kw_only=True, slots=False)
class Home(Homeserver):
    """Everything a handler needs; the three ports are the server's own classes here."""

    accounts: Accounts = field(repr=False)
    callers: Devices = field(repr=False)
    uia: Interactive = field(repr=False)
    passwords: Passwords = field(repr=False)
    openid: OpenId = field(repr=False)
    peers: Peers = field(repr=False)

    @cached_property
    def stages(self) -> Stages:
        """The stages that prove an address."""
        return Stages(self)

    def by_address(self, purpose: Purpose, user_id: str | None = None) -> dict[str, Check]:
        """Return the checks of the stages that prove an address, as far as they can work here."""

        async def check(stage: str, auth: Mapping[str, Any], session: str) -> Proof:
            return await self.stages.check(stage, auth, session, purpose, user_id)

        return {stage: partial(check, stage) for stage in self.stages.offered(purpose)}

    @asynccontextmanager
    async def acting(self, passed: Passed) -> AsyncIterator[None]:
        """Make sure that the proof still stands right before acting, and use it up right after."""
        if passed.proof is not None:
            await self._confirm(passed, passed.proof)
        try:
            yield
        except MatrixError as error:
            # A refusal: nothing was done, so another attempt may use the proof. After a 5xx the outcome is unknown.
            if passed.proof is not None and error.status < 500:
                await self.stages.release(passed.proof)
            raise
        if passed.proof is not None:
            await self.stages.consume(passed.proof)
        await self.uia.finish(passed)

    async def _confirm(self, passed: Passed, proof: Proof) -> None:
        try:
            await self.stages.confirm(proof)
        except Unauthorized as error:
            raise unfinished(passed.stages, passed.session, error) from None
