"""The stages ``m.login.email.identity`` and ``m.login.msisdn`` inside Synapse's own registration and password reset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from ..homeserver import Homeserver
from ..model.threepid import Purpose
from ..protocol.errors import MatrixError, Unauthorized
from ..uia import STAGES, Stages
from .private import Inside

_PURPOSES = {"register": Purpose.REGISTER, "password": Purpose.PASSWORD}


@frozen
class StageChecker:
    """Decides about one stage in place of Synapse's own checker.

    A session that was claimed stays with one UIA session for as long as it lives, so that it serves once. A client that
    began without one has its session used up at once.
    """

    stage: str
    _stages: Stages = field(repr=False)
    _inside: Inside = field(repr=False)

    def is_enabled(self) -> bool:
        """Return that the stage is offered."""
        return True

    async def check_auth(self, authdict: Mapping[str, Any], clientip: str) -> dict[str, Any]:
        """Return what was proved, as Synapse wants it. Raises its ``LoginError``."""
        try:
            return await self._proved(authdict)
        except MatrixError as error:
            raise self._inside.login_error(401, error.errcode, str(error)) from None

    async def _proved(self, authdict: Mapping[str, Any]) -> dict[str, Any]:
        session, purpose = authdict.get("session"), self._purpose()
        proof = await self._stages.check(self.stage, authdict, str(session), purpose)
        await self._stages.confirm(proof)
        if session is None:
            # Nothing else could tell this client from the next one with the same credentials.
            await self._stages.spend(proof)
        held = proof.threepid
        return {"medium": held.medium.value, "address": held.address, "validated_at": held.validated_at}

    def _purpose(self) -> Purpose:
        """Return what the request is about, by the end of its path. Raises ``Unauthorized``."""
        try:
            return _PURPOSES[self._inside.asked_for().rpartition("/")[2]]
        except KeyError:
            raise Unauthorized from None


def take_over_stages(homeserver: Homeserver, inside: Inside) -> None:
    """Have our sessions decide about every stage that can work in this wiring."""
    stages = Stages(homeserver)
    offered = {*stages.offered(Purpose.REGISTER), *stages.offered(Purpose.PASSWORD)}
    for stage in offered.intersection(STAGES):
        inside.replace_stage(stage, StageChecker(stage, stages, inside))
