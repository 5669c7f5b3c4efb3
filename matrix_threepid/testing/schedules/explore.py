"""Run the schedules of many seeds, and make the first failure as short as it can be."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from ..world import World
from .draw import draw
from .runner import MakeWorld, Outcome, Restart, run_schedule
from .schedule import Schedule
from .shrink import shrink


class ScheduleFailed(AssertionError):
    """A schedule breaks an invariant. ``seed``: which one it was drawn from; ``outcome``: its shortest form."""

    def __init__(self, outcome: Outcome, seed: int | None) -> None:
        where = "" if seed is None else f"seed {seed}: "
        super().__init__(f"{where}{outcome.why}\n{outcome}")
        self.outcome, self.seed = outcome, seed


def explore(
    make_world: MakeWorld = World,
    seeds: Iterable[int] = range(1000),
    *,
    restart: Restart | None = None,
    recorded: bool = False,
) -> int:
    """Run the schedule of each seed; return how many there were.

    * ``make_world``: returns a new ``World`` with the policy it is given, such as
      ``lambda policy: World(policy, sessions=MySessions())``. Ports must answer without an event loop.
    * ``seeds``: whole numbers; each is one schedule.
    * ``restart``: called with the world at each crash, to put ports in place with ``world.rewire(...)`` that must be
      opened again. Without it all ports are taken to last.
    * ``recorded``: whether the worlds record messages, so that schedules report what becomes of them. Default
      ``False``.

    Raises ``ScheduleFailed`` with the shortest schedule found that breaks the same invariant as the first failure.
    """
    drawn = ((seed, draw(seed, recorded=recorded)) for seed in seeds)
    return sum(check_schedule(each, make_world, restart=restart, seed=seed).rule is None for seed, each in drawn)


def check_schedule(
    schedule: Schedule | str, make_world: MakeWorld = World, *, restart: Restart | None = None, seed: int | None = None
) -> Outcome:
    """Run one schedule, given as a value or as its text; return what came of it. Parameters and errors: ``explore``."""
    attempt = partial(run_schedule, make_world=make_world, restart=restart)
    outcome = attempt(Schedule.parse(schedule) if isinstance(schedule, str) else schedule)
    if outcome.rule is not None:
        raise ScheduleFailed(shrink(outcome, attempt), seed)
    return outcome
