"""Ask the host's ``Gate`` whether a message may be sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from ..events import GateFailed
from ..limits.rate import ASKING
from ..model.call import Call
from ..model.gate import Challenge, Deny, GateAnswer, GateRequest
from ..model.threepid import Purpose, Threepid
from ..protocol.errors import ChallengeRequired, ConfigurationError, Forbidden, HostRefused, MatrixError, Unavailable
from ..roles.base import Role
from ..within import within


async def ask_gate(role: Role, call: Call, purpose: Purpose, threepid: Threepid) -> None:
    """Return if the gate allows a message, or if there is none.

    Raises ``Forbidden``, ``ChallengeRequired`` or ``HostRefused`` as the gate answers, and ``Unavailable`` if it fails.
    """
    if role.gate is None:
        return
    answer = await _answer(role, role.gate.allows, GateRequest.of(call, purpose, threepid))
    if isinstance(answer, Deny):
        raise Forbidden(answer.rule)
    if isinstance(answer, Challenge):
        raise ChallengeRequired(answer.state())


class GivesBack(Protocol):
    """What a message was charged."""

    def give_back(self, but: Collection[str] = ()) -> Awaitable[None]:
        """Take the charges back, but for these kinds."""


async def pass_gate(role: Role, call: Call, purpose: Purpose, threepid: Threepid, charged: GivesBack) -> None:
    """Ask the gate; give limits back if it allows no message. Raises what ``ask_gate`` raises.

    * ``charged``: what the message was charged.
    """
    try:
        await ask_gate(role, call, purpose, threepid)
    except Unavailable:
        await charged.give_back()
        raise
    except MatrixError:
        # Who asked is charged all the same, so that challenges and refusals are limited too; an address, and the money
        # for SMS, must not be used up by those who never pass.
        await charged.give_back(but=ASKING)
        raise


async def _answer(role: Role, allows: Callable[[GateRequest], Awaitable[GateAnswer]], asked: GateRequest) -> GateAnswer:
    deadline = role.policy.gate_deadline

    async def ask() -> GateAnswer:
        begun = role.clock()
        answer = await allows(asked)
        # A host without a loop cannot interrupt its gate; what comes too late is no answer there either.
        if role.clock() - begun > deadline:
            raise TimeoutError
        return answer

    try:
        return await within(deadline, ask())
    except HostRefused:
        raise
    # Of any kind: a gate that fails must let nothing pass, and the one who asks is not to blame.
    except Exception as error:
        wrong = isinstance(error, ConfigurationError)
        role.emit(GateFailed(str(error) if wrong else type(error).__name__))
        raise Unavailable from error
