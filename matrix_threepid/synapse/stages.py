"""The stages ``m.login.email.identity`` and ``m.login.msisdn`` in Synapse's registration and password reset."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from functools import partial
from secrets import token_hex
from typing import Any

from attrs import field, frozen

from ..flows import session_access
from ..model.session import Session
from ..model.threepid import Purpose
from ..protocol.errors import MatrixError, NoValidSession, ThreepidAuthFailed, Unauthorized
from ..roles.homeserver import Homeserver
from ..uia import STAGES, Proof, Stages
from .host import spellings
from .private import Inside, SetPassword

_PURPOSES = {"register": Purpose.REGISTER, "password": Purpose.PASSWORD}
_RESETTING = "m.login.email.identity"
_shown: ContextVar[Proof | None] = ContextVar("matrix_threepid_shown", default=None)
"""The proof that the request being handled has shown."""


@frozen
class StageChecker:
    """Checks one stage in place of Synapse's own checker.

    A session stays claimed by one UIA session for as long as it lives, so that it is used once.
    """

    stage: str
    _homeserver: Homeserver = field(repr=False)
    _stages: Stages = field(repr=False)
    _inside: Inside = field(repr=False)

    def is_enabled(self) -> bool:
        """Return that the stage is offered."""
        return True

    async def check_auth(self, authdict: Mapping[str, Any], clientip: str) -> dict[str, Any]:
        """Return what was proved, in the form that Synapse reads. Raises Synapse's ``LoginError``."""
        try:
            return await self._proved(authdict)
        except MatrixError as error:
            raise self._inside.login_error(401, error.errcode, str(error)) from None

    async def _proved(self, authdict: Mapping[str, Any]) -> dict[str, Any]:
        # For a request without a UIA session Synapse makes one that this method does not see, a new one each time.
        session = authdict.get("session") or token_hex(16)
        proof = await self._stages.check(self.stage, authdict, str(session), self._purpose())
        # Not ``confirm``: Synapse acts only once all stages are done, and the last one may never come.
        await self._stages.recheck(proof)
        _shown.set(proof)
        address, held = await self._kept(proof), proof.threepid
        return {"medium": held.medium.value, "address": address, "validated_at": held.validated_at, "sid": proof.sid}

    async def _kept(self, proof: Proof) -> str:
        """Return the address in the form that the account has in Synapse, since Synapse compares that form only."""
        on_account = [] if proof.owner is None else await self._homeserver.accounts.list(proof.owner)
        kept = {each.address for each in on_account if each.medium is proof.threepid.medium}
        return next(filter(kept.__contains__, spellings(proof.identifier)), proof.threepid.address)

    def _purpose(self) -> Purpose:
        """Return the purpose of the request, by the end of its path. Raises ``Unauthorized``."""
        try:
            return _PURPOSES[self._inside.asked_for().rpartition("/")[2]]
        except KeyError:
            raise Unauthorized from None


@frozen
class OneReset:
    """Sets passwords through Synapse, one for each proof.

    A new password, however it was set, ends all open resets of the account.
    """

    _stages: Stages = field(repr=False)
    _inside: Inside = field(repr=False)
    _set_password: SetPassword = field(repr=False)

    async def set_password(self, user_id: str, password_hash: str, logout_devices: bool, requester: Any = None) -> None:
        """Set a password. Raises Synapse's ``LoginError`` for a reset without a valid proof."""
        proof = await self._proof(user_id) if requester is None and self._is_reset() else None
        await self._set_password(user_id, password_hash, logout_devices, requester)
        await (self._stages.end_resets(user_id) if proof is None else self._stages.consume(proof))

    def _is_reset(self) -> bool:
        return self._inside.asked_for().endswith("/account/password")

    async def _proof(self, user_id: str) -> Proof:
        try:
            return await self._confirmed(_shown.get(), user_id)
        except MatrixError as error:
            raise self._inside.login_error(error.status, error.errcode, str(error)) from None

    async def _confirmed(self, proof: Proof | None, user_id: str) -> Proof:
        if proof is None or proof.owner != user_id:
            raise ThreepidAuthFailed
        await self._stages.confirm(proof)
        return proof


@frozen
class OneAccount:
    """Allows one account for each proof, however many registrations run at once."""

    _homeserver: Homeserver = field(repr=False)

    async def judge(self, email: Mapping[str, Any] | None, *_: object) -> Any:
        """Consume the sessions of a registration; refuse it if one of them is consumed already.

        This is Synapse's callback ``check_registration_for_spam``.
        """
        from synapse.spam_checker_api import RegistrationBehaviour

        shown = _shown.get()
        given = ((email or {}).get("sid"), shown and shown.sid)
        spent = [await self._consume(str(sid)) for sid in {sid for sid in given if sid is not None}]
        return RegistrationBehaviour.ALLOW if all(spent) else RegistrationBehaviour.DENY

    async def _consume(self, sid: str) -> bool:
        step = partial(_consumed, now=self._homeserver.clock())
        try:
            return await session_access.update_session(self._homeserver, sid, step) is not None
        except NoValidSession:
            return False


def _consumed(session: Session, now: int) -> Session | None:
    return None if session.over else session.consume(now)


def take_over_stages(homeserver: Homeserver, inside: Inside) -> None:
    """Replace Synapse's checker of every stage that can work in this wiring."""
    stages = Stages(homeserver)
    offered = {*stages.offered(Purpose.REGISTER), *stages.offered(Purpose.PASSWORD)}
    for stage in offered.intersection(STAGES):
        inside.replace_stage(stage, StageChecker(stage, homeserver, stages, inside))
    if _RESETTING in offered:
        inside.wrap_set_password(lambda own: OneReset(stages, inside, own).set_password)
