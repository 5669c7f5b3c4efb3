"""One repetition of a unit that is many small operations: floor, unit, floor, on fresh data each."""

from __future__ import annotations

import resource
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from attrs import frozen

from .floors import FLOORS
from .measure import DRIVERS, Driver, Watch, Work, by_hand
from .setting import Options, People, Setting

Prepare = Callable[[Setting], Work]
WARM_UP = 20


@frozen(kw_only=True)
class Latency:
    """A unit of handlers (or of plain functions), and its floor.

    ``floor``: a name of ``FLOORS``, or work of the unit's own. ``share``: it does the ``share``-th part of the
    operations asked for, where one is much. ``identity``: what its identity server is.
    """

    prepare: Prepare
    floor: str | Prepare
    share: int = 1
    handler: bool = True
    identity: str | None = None

    kind = "latency"

    def floor_name(self, options: Options) -> str:
        """Return what a line calls the floor."""
        place = "cpu" if options.kind_of_store == "memory" else "sql"
        return f"{place}.{self.floor}" if isinstance(self.floor, str) else self.floor.__module__.rpartition(".")[2]

    def reps(self, options: Options) -> int:
        """Return how often the unit runs."""
        return options.reps

    def repeat(self, options: Options, name: str, rep: int) -> dict[str, Any]:
        """Run once and return the fields of its line."""
        floor, seed = FLOORS[self.floor] if isinstance(self.floor, str) else self.floor, f"{options.seed} {name} {rep}"
        drive = DRIVERS[options.driver] if self.handler else by_hand
        for prepare, driver in ((floor, by_hand), (self.prepare, drive)):
            self._once(prepare, driver, options, f"{seed} warm", WARM_UP)
        before, _ = self._once(floor, by_hand, options, f"{seed} before")
        watch, wrong = self._once(self.prepare, drive, options, seed)
        after, _ = self._once(floor, by_hand, options, f"{seed} after")
        floor_us = (before.cpu_us + after.cpu_us) / 2
        return {
            **watch.fields(),
            "errors": wrong,
            "identity": self.identity,
            "floor_us": floor_us,
            "floor_ratio": watch.cpu_us / floor_us,
            "rss_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        }

    def _once(
        self, prepare: Prepare, drive: Driver, options: Options, seed: str, ops: int | None = None
    ) -> tuple[Watch, int]:
        """Prepare, time, then look at every result."""
        with ExitStack() as cleanup:
            setting = Setting(options, People(seed), ops or max(options.ops // self.share, WARM_UP), cleanup)
            work = prepare(setting)
            watch = drive(work)
            return watch, work.wrong(watch.results)
