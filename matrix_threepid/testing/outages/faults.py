"""Parts, faults, and the conditions under which the parts work at present."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from itertools import combinations, product
from random import Random
from typing import TypeVar

from attrs import define, field, frozen

T = TypeVar("T")


class Part(Enum):
    """What may fail; the value is its name in tables."""

    DATABASE = "database"
    MAIL = "mail server"
    SMS = "SMS provider"
    IDENTITY = "identity server"
    KEYS = "key server"
    DNS = "DNS"


class Fault(Enum):
    """How it fails.

    * ``SLOW``: it does what is asked, late, and within the deadline.
    * ``REFUSING``: it says at once that it does nothing.
    * ``SILENT``: it says nothing until the deadline, and does nothing.
    * ``LYING``: half of what it says is not true: done and denied, promised and not done, or nonsense.
    """

    SLOW = "slow"
    REFUSING = "refusing"
    SILENT = "silent"
    LYING = "lying"


Outage = Mapping[Part, Fault]
"""What fails, and how; everything else works."""
SINGLES: tuple[Outage, ...] = tuple({part: fault} for part, fault in product(Part, Fault))
"""Every part with every fault."""
PAIRS: tuple[Outage, ...] = tuple(
    {one: fault, other: also} for one, other in combinations(Part, 2) for fault, also in product(Fault, Fault)
)
"""Every two parts with all their faults."""


def named(outage: Outage) -> str:
    """Return an outage in words."""
    return ", ".join(f"{part.value} {fault.value}" for part, fault in outage.items()) or "no outage"


@frozen
class Times:
    """How long a part takes, in s: usually, and while it is slow."""

    usual: float
    slow: float


TIMES: Mapping[Part, Times] = {
    Part.DATABASE: Times(0.005, 0.2),
    Part.MAIL: Times(0.3, 4.0),
    Part.SMS: Times(0.3, 4.0),
    Part.IDENTITY: Times(0.1, 2.0),
    Part.KEYS: Times(0.1, 2.0),
    Part.DNS: Times(0.02, 1.0),
}
PATIENCE = 5.0
"""The s after which a driver gives a silent database up."""


@define(eq=False)
class Conditions:
    """How the parts work at present.

    * ``chance``: decides when a lie is told.
    * ``outage``: what fails at present; it may be changed at any time.
    """

    chance: Random
    outage: Outage = field(factory=dict)

    def of(self, part: Part) -> Fault | None:
        """Return how a part fails; ``None`` if it works."""
        return self.outage.get(part)

    def lies(self) -> bool:
        """Return whether this answer is a lie: every other one is."""
        return self.chance.random() < 0.5

    async def pass_time(self, part: Part) -> None:
        """Wait as long as a part takes that works, or is slow."""
        times = TIMES[part]
        await asyncio.sleep(times.slow if self.of(part) is Fault.SLOW else times.usual)


Ask = Callable[[], Awaitable[T]]
