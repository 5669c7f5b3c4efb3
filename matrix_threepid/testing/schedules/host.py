"""What a host does with proofs, and its jobs; each act is a method, its values are words of the schedule."""

from __future__ import annotations

from ...deactivate import deactivate_threepids, erase_threepids
from ...flows.unbind_retry import retry_unbinds
from ...model.threepid import AccountThreepid, AddOutcome, Purpose
from ...protocol.errors import MatrixError
from ...uia import STAGES, Proof
from ..identity import FakeIdentityServers
from ..world import World
from .cast import ADDRESSES, SERVERS, USERS
from .promises import Ledger
from .tasks import Task

_STAGE_OF = {medium: stage for stage, medium in STAGES.items()}


class Host:
    """The host of ``world``, and the sessions its people know."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self.world, self.ledger = world, ledger
        self.sids: dict[tuple[str, ...], str] = {}
        self._proofs: dict[str, Proof] = {}

    def prepare(self, identity: FakeIdentityServers) -> None:
        """Let everybody have proved every address at every identity server."""
        for server in SERVERS:
            for who in USERS:
                for name, threepid in ADDRESSES.items():
                    identity.prove(server, f"{who}-{name}", "secret", threepid.address, threepid.medium)

    async def perform(self, task: Task) -> str:
        """Make a call; return how it ended."""
        try:
            return str(await getattr(self, f"_{task.call.act}")(task, *task.call.values))
        except MatrixError as error:
            self.ledger.ends(task, error.status)
            return f"{error.status} {error.errcode}"

    async def _check(self, task: Task, purpose: str, name: str, secret: str, asked_by: str = "") -> Proof:
        sid = self.sid(task, purpose, name, secret, asked_by)
        auth = {"threepid_creds": {"sid": sid, "client_secret": secret_of(secret)}}
        stage = _STAGE_OF[ADDRESSES[name].medium]
        proof = await self.world.stages.check(stage, auth, f"uia{task.call.label}", Purpose(purpose))
        self._proofs[sid] = proof
        return proof

    async def _register(self, task: Task, name: str, secret: str, asked_by: str = "") -> str:
        homeserver, stages = self.world.homeserver, self.world.stages
        proof = await self._check(task, "register", name, secret, asked_by)
        await stages.confirm(proof)
        user = f"@new{task.call.label}:hs.example.org"
        outcome = await homeserver.accounts.add(user, proof.threepid)
        if outcome is not AddOutcome.ADDED:
            await stages.release(proof)
            return "released"
        self.ledger.used(proof.sid, user)
        await stages.consume(proof)
        return "registered"

    async def _reset(self, task: Task, name: str, secret: str, asked_by: str = "") -> str:
        proof = await self._check(task, "password", name, secret, asked_by)
        await self.world.stages.confirm(proof)
        self.ledger.reset(task, proof)
        await self.world.stages.consume(proof)
        return "reset"

    async def _release(self, task: Task, purpose: str, name: str, secret: str, asked_by: str = "") -> str:
        proof = self._proofs.get(self.sid(task, purpose, name, secret, asked_by))
        if proof is not None:
            await self.world.stages.release(proof)
        return "released"

    async def _own(self, task: Task, name: str) -> str:
        """Put an address on an account that the host had before the library came."""
        threepid, now = ADDRESSES[name], self.world.clock()
        held = AccountThreepid(medium=threepid.medium, address=threepid.address, validated_at=now, added_at=now)
        return (await self.world.homeserver.accounts.add(USERS[task.call.who], held)).value

    async def _deactivate(self, task: Task) -> str:
        return await deactivate_threepids(self.world.homeserver, USERS[task.call.who])

    async def _erase(self, task: Task) -> str:
        return f"{len(await erase_threepids(self.world.homeserver, USERS[task.call.who]))} left"

    async def _deliver(self, task: Task) -> str:
        return f"{await self.world.service.deliver_due()} sent"

    async def _retry(self, task: Task) -> str:
        return f"{await retry_unbinds(self.world.homeserver)} tried"

    async def _purge(self, task: Task) -> str:
        return f"{await self.world.service.purge()} purged"

    def sid(self, task: Task, purpose: str, name: str, secret: str, asked_by: str = "") -> str:
        """Return the session that a person was given; remember that the task names it."""
        task.sid = self.sids.get((asked_by or task.call.who, purpose, name, secret), "nothing")
        return task.sid


def secret_of(name: str) -> str:
    """Return the client secret of a name."""
    return f"{name}-of-a-client"
