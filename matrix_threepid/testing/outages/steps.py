"""The steps of people, and what each of them needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum

from ...policy import Policy
from .faults import Part

DONE = frozenset({200, 303})
"""The statuses of answers that do what was asked."""


class Step(str, Enum):
    """One request of a person; the value is its name in tables."""

    ASK_MAIL = "ask for a mail"
    ASK_SMS = "ask for an SMS"
    LINK = "open a link"
    CONFIRM = "confirm a link"
    SUBMIT = "submit a code"
    ADD = "add an address"
    LIST = "list the addresses"
    REGISTER = "register"
    RESET = "set a password"
    DELETE = "delete a published address"
    LOG_IN = "log in at the identity server"
    ASK_IDENTITY = "ask the identity server for a mail"
    PROVE = "submit a token there"
    LOOK_UP = "look an address up there"
    KEYS = "check a key there"
    ALIVE = "ask whether it is there"
    BIND = "bind an address"
    UNBIND = "unbind an address"


INTERACTIVE = frozenset({Step.ADD, Step.REGISTER, Step.RESET})
"""The steps that are first answered with 401, for user-interactive authentication."""
_OURS = frozenset({Part.DATABASE})
_WAY = frozenset({Part.IDENTITY, Part.DNS})
NEEDS: Mapping[Step, Collection[Part]] = {
    **dict.fromkeys(Step, _OURS),
    Step.ASK_MAIL: _OURS | {Part.MAIL},
    Step.ASK_IDENTITY: _OURS | {Part.MAIL},
    Step.ASK_SMS: _OURS | {Part.SMS},
    Step.LOG_IN: _OURS | {Part.KEYS, Part.DNS},
    Step.BIND: _OURS | _WAY,
    Step.UNBIND: _OURS | _WAY | {Part.KEYS},
    Step.KEYS: frozenset(),
    Step.ALIVE: frozenset(),
}
"""The parts without which a step does not succeed, where messages are sent at once."""


def needs(step: Step, policy: Policy) -> Collection[Part]:
    """Return the parts without which a step does not succeed: if sending is deferred, no sender is one of them."""
    return set(NEEDS[step]) - {Part.MAIL, Part.SMS} if policy.deferred_sending else NEEDS[step]


USES: Mapping[Step, Collection[Part]] = {Step.DELETE: _WAY | {Part.KEYS}}
"""The parts that a step waits for, and does without."""
BELIEVES: Mapping[Step, Collection[Part]] = {
    **USES,
    Step.SUBMIT: {Part.MAIL, Part.SMS},
    Step.PROVE: {Part.MAIL},
}
"""The parts that are not needed for a step, and whose lies are believed: a message that they deny has an old code."""
