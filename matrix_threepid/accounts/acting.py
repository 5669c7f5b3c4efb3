"""What the endpoints of accounts share: stages that prove an address, and acting once on what was proved."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

import attrs

from ..flows.interactive import Action, Check, finish, unfinished
from ..model.threepid import AccountThreepid, Medium, Purpose
from ..model.uia_session import UiaSession
from ..protocol import errors
from ..roles.homeserver import Homeserver
from ..uia import Proof, Stages


def by_address(hs: Homeserver, purpose: Purpose, user_id: str | None = None) -> dict[str, Check]:
    """Return the checks of the stages that prove an address, as far as they can work here."""
    stages = Stages(hs)

    async def check(stage: str, auth: Mapping[str, object], session: str) -> str:
        return _written(await stages.check(stage, auth, session, purpose, user_id))

    return {stage: partial(check, stage) for stage in stages.offered(purpose)}


def proofs_of(session: UiaSession) -> tuple[Proof, ...]:
    """Return the proofs of the addresses that the stages of a session have proved."""
    return tuple(_read(given) for given in session.stages.values() if given is not None)


@asynccontextmanager
async def acting(hs: Homeserver, action: Action, session: UiaSession, proofs: Sequence[Proof]) -> AsyncIterator[None]:
    """Confirm the proofs before the block, and consume them and the session after it.

    Raises ``UiaRequired`` if a proof holds no longer. After an exception in the block the proofs stay reserved for this
    session: the host may have acted, or another request of the session acts at this moment.
    """
    stages = Stages(hs)
    try:
        for proof in proofs:
            await stages.confirm(proof)
    except errors.Unauthorized as error:
        raise unfinished(hs, action, session, error) from None
    yield
    await acted(hs, session, proofs)


async def acted(hs: Homeserver, session: UiaSession, proofs: Sequence[Proof]) -> UiaSession:
    """Consume the proofs and the session of an action that is done; return the session."""
    for proof in proofs:
        await Stages(hs).consume(proof)
    return await finish(hs, session)


def _written(proof: Proof) -> str:
    return json.dumps(attrs.asdict(proof, value_serializer=lambda _, __, value: getattr(value, "value", value)))


def _read(text: str) -> Proof:
    values = json.loads(text)
    threepid = AccountThreepid(**{**values["threepid"], "medium": Medium(values["threepid"]["medium"])})
    return Proof(**{**values, "purpose": Purpose(values["purpose"]), "threepid": threepid})
