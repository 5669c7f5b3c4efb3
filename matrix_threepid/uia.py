"""The stages of user-interactive authentication that prove an address, called by the host's UIA.

The host calls ``check`` when a client submits the stage, ``confirm`` right before it acts, ``consume`` right after:

    proof = await stages.check("m.login.email.identity", auth, uia_session, Purpose.REGISTER)
    await stages.confirm(proof)          # the address is still free and allowed, and nobody else can use the proof now
    ...                                  # the host makes the account and adds the address, in one transaction
    await stages.consume(proof)

See https://spec.matrix.org/latest/client-server-api/#email-based-identity--homeserver and
https://spec.matrix.org/latest/client-server-api/#phone-numbermsisdn-based-identity--homeserver.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from attrs import frozen

from .endpoints.homeserver.add_threepid import ThreepidCreds
from .flows import session_access
from .flows.add import account_threepid
from .flows.delivery import came_back
from .flows.notify_owner import notify_owner
from .flows.reversals import may_reset, note_change, password_reset
from .model.media import MEDIA, MEDIUM_OF_STAGE
from .model.message import MessageKind
from .model.session import Session
from .model.threepid import AccountThreepid, Purpose, Threepid
from .protocol import errors
from .protocol.message import read
from .roles.homeserver import Homeserver

STAGES = MEDIUM_OF_STAGE
"""The medium that each stage proves."""


@frozen
class Proof:
    """A completed stage; the host stores it with its UIA session.

    * ``sid``: the session that proved the address.
    * ``claimant``: ``uia:`` and a hash of the id of the UIA session for which the session is claimed.
    * ``purpose``: what it was proved for.
    * ``owner``: the user whose password is to change; ``None`` for a registration.
    * ``threepid``: the identifier to add to the account.
    """

    sid: str
    claimant: str
    purpose: Purpose
    owner: str | None
    threepid: AccountThreepid

    @property
    def identifier(self) -> Threepid:
        """The proved identifier, for look-up."""
        return self.threepid.threepid


class Stages:
    """The stages of a homeserver.

    * ``homeserver``: the role, with the same ports as the ``Service``.

    >>> from matrix_threepid.testing import World
    >>> Stages(World().homeserver).offered(Purpose.REGISTER)
    ('m.login.email.identity',)
    """

    def __init__(self, homeserver: Homeserver) -> None:
        if not isinstance(homeserver, Homeserver):
            raise errors.ConfigurationError(
                f"Stages: must be given a Homeserver, such as Stages(homeserver), got {type(homeserver).__name__}"
            )
        self._hs = homeserver

    def offered(self, purpose: Purpose) -> tuple[str, ...]:
        """Return the stages that work for a purpose with the senders and the policy of the homeserver."""
        resets = purpose is Purpose.PASSWORD
        rows = [row for row in MEDIA.values() if not (resets and row.resets) or row.resets(self._hs.policy)]
        return tuple(row.stage for row in rows if not self._hs.medium_off(row.medium))

    async def check(
        self, stage: str, auth: Mapping[str, object], uia_session: str, purpose: Purpose, user_id: str | None = None
    ) -> Proof:
        """Return the proof of a stage, and claim its session for the UIA session; a repeated call returns the same.

        * ``stage``: one of ``STAGES``.
        * ``auth``: the ``auth`` object of the request.
        * ``uia_session``: the id of the host's UIA session.
        * ``purpose``: what the address is to be proved for.
        * ``user_id``: the user whose password is to change; default the owner of the address now (REQ-UIA-6).

        Raises ``Unauthorized`` if the session is unknown, not validated yet or of no use, and ``MissingParam`` or
        ``InvalidParam`` for malformed credentials. The host answers each with 401, its UIA state, and the ``errcode``
        and ``error`` of the exception; clients poll in this way until the session is validated (REQ-UIA-4).
        """
        creds = read_creds(auth)
        session = await session_access.find(self._hs, creds.sid, creds.client_secret)
        if session is None or session.threepid.medium is not STAGES[stage]:
            raise errors.Unauthorized
        claimant = claimant_of(uia_session)
        user_id = user_id or await self._owner_of(session, purpose)
        if purpose is Purpose.PASSWORD and not await may_reset(self._hs, user_id, session.threepid):
            raise errors.Unauthorized
        claimed = await session_access.update_session(
            self._hs, session, lambda stored: _claimed(self._hs, stored, purpose, claimant, user_id)
        )
        if claimed is None:
            raise errors.Unauthorized(await came_back(self._hs, session))
        return Proof(session.sid, claimant, purpose, user_id, account_threepid(claimed, self._hs.clock()))

    async def recheck(self, proof: Proof) -> None:
        """Check a proof once more, and reserve nothing; for a host that is not about to act yet.

        Raises as ``confirm`` does.
        """
        claimed = await session_access.update_session(
            self._hs, proof.sid, lambda stored: _claimed(self._hs, stored, proof.purpose, proof.claimant, proof.owner)
        )
        if claimed is None:
            raise errors.Unauthorized
        await self._still_owned(proof)

    async def confirm(self, proof: Proof) -> None:
        """Check a proof once more, right before the host acts, and keep the session from everybody else until its end.

        After it the host acts and calls ``consume``, or ``release`` if it did not act.

        Raises ``Unauthorized`` if the claim has been lost; for a registration ``ThreepidInUse`` or ``ThreepidDenied``
        if the address may not be used any more; otherwise ``ThreepidNotFound`` if it has left the account.
        """
        # First what may refuse: a refused request must not touch the claim of another one of the same UIA session.
        await self.recheck(proof)

        def kept(stored: Session) -> Session | None:
            claimed = _claimed(self._hs, stored, proof.purpose, proof.claimant, proof.owner)
            # From here on the host may have acted although ``consume`` was never stored (a crash, a database out of
            # reach). A claim that expired would then let a second UIA session act on the same proof (SEC-6).
            return None if claimed is None else stored.claim_until_end(proof.claimant)

        if await session_access.update_session(self._hs, proof.sid, kept) is None:
            raise errors.Unauthorized

    async def consume(self, proof: Proof) -> None:
        """Consume the session of a proof, right after the host has acted; a new password also ends all open resets."""
        await session_access.update_session(
            self._hs, proof.sid, lambda stored: _consumed(stored, proof.claimant, self._hs.clock())
        )
        if proof.purpose is Purpose.PASSWORD and proof.owner is not None:
            # A second reset that was open at the same time must not change the password again (SEC-3).
            await self._end_resets(proof.owner)
            await password_reset(self._hs, proof.owner, proof.identifier)
            await notify_owner(self._hs, proof.owner, MessageKind.PASSWORD_CHANGED, proof.identifier)

    async def release(self, proof: Proof) -> None:
        """Release the claim of a proof when the action failed, so that another attempt can use the session."""
        await session_access.update_session(self._hs, proof.sid, lambda stored: _released(stored, proof.claimant))

    async def end_resets(self, user_id: str) -> None:
        """End every open password reset of an account; to be called when a password was changed in another way.

        With ``Policy.undo_links`` the holders of old addresses are told, and can take it back.
        """
        await self._end_resets(user_id)
        await note_change(self._hs, user_id, MessageKind.PASSWORD_CHANGED, None)

    async def _end_resets(self, user_id: str) -> None:
        for threepid in await self._hs.accounts.list(user_id):
            await session_access.end_all(self._hs, threepid.threepid, Purpose.PASSWORD)

    async def _still_owned(self, proof: Proof) -> None:
        """Raise unless the address is still free, or for a reset still the owner's."""
        # Hours may lie between the stage and the action: the owner of an address is looked up at use (SEC-129).
        owner = await self._hs.accounts.owner(proof.identifier)
        if proof.purpose is Purpose.REGISTER:
            await self._still_free(proof, taken=owner is not None)
        elif (
            owner is None
            or owner.user_id != proof.owner
            or (proof.purpose is Purpose.PASSWORD and not await may_reset(self._hs, proof.owner, proof.identifier))
        ):
            raise errors.ThreepidNotFound

    async def _still_free(self, proof: Proof, *, taken: bool) -> None:
        """Raise ``ThreepidInUse`` or ``ThreepidDenied`` if an address cannot be registered any more (REQ-UIA-7)."""
        if taken:
            raise errors.ThreepidInUse
        if not await self._hs.rules.allows(proof.identifier, Purpose.REGISTER, None):
            await session_access.update_session(self._hs, proof.sid, Session.end)
            raise errors.ThreepidDenied

    async def _owner_of(self, session: Session, purpose: Purpose) -> str | None:
        """Return the user whose password a proved address resets: its owner at this moment, or ``None``."""
        if purpose is not Purpose.PASSWORD:
            return None
        owner = await self._hs.accounts.owner(session.threepid)
        return None if owner is None else owner.user_id


def claimant_of(uia_session: str) -> str:
    """Return what claims a session for a UIA session.

    A hash, since whoever knows the id can go on with what its user has begun, and the claim is stored (SEC-20). A plain
    hash and no MAC: the id is random, and a claim has to outlive peppers.
    """
    return f"uia:{sha256(ascii(uia_session).encode()).hexdigest()}"


def read_creds(auth: Mapping[str, object]) -> ThreepidCreds:
    """Return the credentials in an ``auth`` object, in the form of any release.

    ``threepid_creds`` or ``threepidCreds``, as an object or as a list of one object.

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
    """Return the session claimed for a UIA session; ``None`` if it cannot be used for the purpose."""
    now = hs.clock()
    if not session.usable(purpose, claimant, user_id, now, hs.policy.lifetimes):
        return None
    # Clients poll every few seconds: the claim is renewed, and the row written, only in the second half of its life.
    fresh = session.claimed_by == claimant and now < (session.claimed_at or 0) + hs.policy.lifetimes.claim // 2
    return session if fresh else session.claim(claimant, now)


def _released(session: Session, claimant: str) -> Session | None:
    return session.release() if not session.over and session.claimed_by == claimant else None


def _consumed(session: Session, claimant: str, now: int) -> Session | None:
    # Also without a claim: of two requests of one UIA session the one that failed may have released it.
    fits = not session.over and session.claimed_by in (None, claimant)
    return session.consume(now, claimant) if fits else None
