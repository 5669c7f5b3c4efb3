"""Run an outage: steady load, a minute in which parts fail, and time for everything to drain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field, frozen

from ...hosts.housekeeping import keep_house
from ..virtual_time import run
from .faults import Outage, named
from .invariants import BEGINS, ENDS, answered, ended, kept, left, texted_once
from .people import WISHES, Person
from .steps import Step
from .town import Answered, Town

DRAINED = 600.0
"""The s after the end of an outage within which everything is done that was asked for."""
_SHOWN = 20
MakePorts = Callable[[], Mapping[str, Any]]


class OutageFailed(AssertionError):
    """Something does not hold in an outage; the text names the outage and what."""


@frozen
class Ran:
    """What came of an outage.

    * ``outage``: what failed.
    * ``answers``: the answers, in the order in which they were there.
    """

    outage: Outage
    answers: tuple[Answered, ...]

    @property
    def longest(self) -> dict[Step, float]:
        """How long each step took at most, in s."""
        return {step: max((each.took for each in self.answers if each.step == step), default=0.0) for step in Step}


@define(eq=False)
class Outages:
    """Runs outages, each over new ports.

    * ``make_ports``: returns new, empty ports of the homeserver by the names that ``Homeserver`` has for them; others
      are in memory. They must not wait for anything but the time of asyncio, and use no threads.
    * ``policy``: choices that replace the defaults, by name.
    * ``seed``: decides what is drawn.
    * ``people``: how many people there are; 54 by default, three for each step.
    """

    make_ports: MakePorts = dict
    policy: Mapping[str, Any] = field(factory=dict)
    seed: int = 1
    people: int = 54
    _normal: Mapping[Step, float] | None = field(init=False, default=None)

    @property
    def normal(self) -> Mapping[Step, float]:
        """How long each step takes at most without an outage, in s."""
        if self._normal is None:
            self._normal = self._run({}, None).longest
        return self._normal

    def run(self, outage: Outage) -> Ran:
        """Run an outage of a minute; return what came of it. Raises ``OutageFailed``."""
        return self._run(outage, self.normal)

    def _run(self, outage: Outage, normal: Mapping[Step, float] | None) -> Ran:
        answers, broken = run(_ran(self, outage, normal))
        if broken:
            more = f"\nand {len(broken) - _SHOWN} more" if len(broken) > _SHOWN else ""
            raise OutageFailed("\n".join([f"{named(outage)}, seed {self.seed}:", *broken[:_SHOWN]]) + more)
        return Ran(outage, tuple(answers))


async def _ran(
    outages: Outages, outage: Outage, normal: Mapping[Step, float] | None
) -> tuple[list[Answered], list[str]]:
    town = Town(outages.seed, outages.policy, outages.make_ports())
    house = asyncio.ensure_future(keep_house(*town.services.values()))
    people = [
        # They go on where they rest at equal distances, until the outage ends.
        Person(
            town, number, WISHES[number % len(WISHES)][1], BEGINS + (number + 0.5) * (ENDS - BEGINS) / outages.people
        )
        for number in range(outages.people)
    ]
    for person in people:
        await person.log_in()
    town.answers.clear()
    town.begin()
    lives = [asyncio.ensure_future(_lived(person)) for person in people]
    await town.until(BEGINS)
    town.conditions.outage = outage
    await town.until(ENDS)
    town.conditions.outage = {}
    await town.until(ENDS + DRAINED)
    house.cancel()
    await asyncio.wait({house})
    broken = [*answered(town.answers, outage, normal, town.homeserver.policy), *ended(people, lives)]
    broken += [*await left(town), *await kept(people), *texted_once(town)]
    return town.answers, broken


async def _lived(person: Person) -> None:
    await WISHES[person.number % len(WISHES)][0](person)
