"""The two stages of user-interactive authentication that prove an address, for the host's UIA to call.

``check`` when a client offers the stage, ``confirm`` right before the host acts, ``consume`` right after:

    proof = await stages.check("m.login.email.identity", auth, uia_session, Purpose.REGISTER)
    await stages.confirm(proof)          # still ours, still free and allowed?
    ...                                  # the host makes the account, the address in the same transaction
    await stages.consume(proof)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from .endpoints.homeserver.add_threepid import ThreepidCreds
from .flows import session_access
from .flows.add import account_threepid
from .flows.notify_owner import notify_owner
from .model.media import MEDIA, MEDIUM_OF_STAGE
from .model.message import MessageKind
from .model.session import Session
from .model.threepid import AccountThreepid, Purpose, Threepid
from .protocol import errors
from .protocol.message import read
from .roles.homeserver import Homeserver

STAGES = MEDIUM_OF_STAGE
"""The stages, and the medium each proves."""


@frozen
class Proof:
    """A stage that is complete: keep it with the UIA session; ``threepid`` is what goes on the account."""

    sid: str
    claimant: str
    purpose: Purpose
    owner: str | None
    threepid: AccountThreepid

    @property
    def identifier(self) -> Threepid:
        """The identifier proved."""
        return self.threepid.threepid


class Stages:
    """The stages over a homeserver's wiring."""

    def __init__(self, homeserver: Homeserver) -> None:
        self._hs = homeserver

    def offered(self, purpose: Purpose) -> tuple[str, ...]:
        """Return the stages that can work for a purpose in this wiring."""
        resets = purpose is Purpose.PASSWORD
        rows = [row for row in MEDIA.values() if not (resets and row.resets) or row.resets(self._hs.policy)]
        return tuple(row.stage for row in rows if not self._hs.medium_off(row.medium))

    async def check(
        self, stage: str, auth: Mapping[str, Any], uia_session: str, purpose: Purpose, user_id: str | None = None
    ) -> Proof:
        """Return the proof of a stage and claim it for this UIA session; asking again gives the same.

        ``auth``: the client's ``auth`` object. ``user_id``: whose password is to change, if known.
        Raises ``Unauthorized`` (not validated yet: the client polls), ``MissingParam`` or ``InvalidParam``; the host
        answers 401 with its UIA state and the ``errcode`` and ``error`` of these.
        """
        creds = read_creds(auth)
        session = await session_access.find(self._hs, creds.sid, creds.client_secret)
        if session is None or session.threepid.medium is not STAGES[stage]:
            raise errors.Unauthorized
        claimant = f"uia:{uia_session}"
        user_id = user_id or await self._owner_of(session, purpose)
        claimed = await session_access.update_session(
            self._hs, session.sid, lambda stored: _claimed(self._hs, stored, purpose, claimant, user_id)
        )
        if claimed is None:
            raise errors.Unauthorized
        return Proof(session.sid, claimant, purpose, user_id, account_threepid(claimed, self._hs.clock()))

    async def confirm(self, proof: Proof) -> None:
        """Make sure, right before acting, that the proof still stands and the address may still be used.

        Raises ``Unauthorized``; to register ``ThreepidInUse`` or ``ThreepidDenied``, else ``ThreepidNotFound``.
        """
        held = await session_access.update_session(
            self._hs, proof.sid, lambda stored: _claimed(self._hs, stored, proof.purpose, proof.claimant, proof.owner)
        )
        if held is None:
            raise errors.Unauthorized
        owner = await self._hs.accounts.owner(proof.identifier)
        if proof.purpose is Purpose.REGISTER:
            await self._still_free(proof, taken=owner is not None)
        elif owner is None or owner.user_id != proof.owner:
            raise errors.ThreepidNotFound

    async def consume(self, proof: Proof) -> None:
        """Use the proof up, right after acting. A new password also ends every other reset of its account."""
        await session_access.update_session(
            self._hs, proof.sid, lambda stored: _consumed(stored, proof.claimant, self._hs.clock())
        )
        if proof.purpose is Purpose.PASSWORD and proof.owner is not None:
            await self.end_resets(proof.owner)
            await notify_owner(self._hs, proof.owner, MessageKind.PASSWORD_CHANGED, proof.identifier)

    async def release(self, proof: Proof) -> None:
        """Give the proof back when what it was for did not come to pass, so that another attempt can use it."""
        await session_access.update_session(self._hs, proof.sid, lambda stored: _released(stored, proof.claimant))

    async def end_resets(self, user_id: str) -> None:
        """Call off every open password reset of an account; for a password that was changed in another way."""
        for threepid in await self._hs.accounts.list(user_id):
            await session_access.end_all(self._hs, threepid.threepid, Purpose.PASSWORD)

    async def _still_free(self, proof: Proof, *, taken: bool) -> None:
        if taken:
            raise errors.ThreepidInUse
        if not await self._hs.rules.allows(proof.identifier, Purpose.REGISTER, None):
            await session_access.update_session(self._hs, proof.sid, Session.end)
            raise errors.ThreepidDenied

    async def _owner_of(self, session: Session, purpose: Purpose) -> str | None:
        """Return whose password a proved address resets: its owner's, at this moment."""
        if purpose is not Purpose.PASSWORD:
            return None
        owner = await self._hs.accounts.owner(session.threepid)
        return None if owner is None else owner.user_id


def read_creds(auth: Mapping[str, Any]) -> ThreepidCreds:
    """Return the session an ``auth`` object names, in the spelling of any release (object, or list of one).

    Raises ``MissingParam`` or ``InvalidParam``.
    """
    creds = auth.get("threepid_creds", auth.get("threepidCreds"))
    if isinstance(creds, list) and len(creds) == 1:
        creds = creds[0]
    if creds is None:
        raise errors.MissingParam("auth.threepid_creds: is required")
    if not isinstance(creds, dict):
        raise errors.InvalidParam("auth.threepid_creds: must be an object")
    return read(ThreepidCreds, creds)


def _claimed(hs: Homeserver, session: Session, purpose: Purpose, claimant: str, user_id: str | None) -> Session | None:
    now = hs.clock()
    if not session.usable(purpose, claimant, user_id, now, hs.policy.lifetimes):
        return None
    fresh = session.claimed_by == claimant and now < (session.claimed_at or 0) + hs.policy.lifetimes.claim // 2
    return session if fresh else session.claim(claimant, now)


def _released(session: Session, claimant: str) -> Session | None:
    return session.release() if not session.over and session.claimed_by == claimant else None


def _consumed(session: Session, claimant: str, now: int) -> Session | None:
    return session.consume(now) if not session.over and session.claimed_by == claimant else None
