"""Run units: lines out as they come, summaries and goals at the end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from attrs import define, evolve, field

from . import goals, report
from .registry import UNITS
from .setting import Options
from .skipped import Skipped

Line = dict[str, Any]
_log = logging.getLogger(__name__)


@define
class Run:
    """One run. ``emit`` gets every line; ``limits``: the goals in force; ``errors``, ``missed``: what went wrong."""

    options: Options
    emit: Callable[[Line], None]
    limits: goals.Goals = field(factory=dict)
    errors: int = 0
    missed: int = 0

    def units(self, names: Iterable[str]) -> None:
        """Run units, then tell their summaries and how they stand to their goals."""
        self.emit(report.meta(self.options))
        last = [line for name in names for line in self._unit(name)]
        for line in last:
            self.missed += not line.get("ok", True)
            self.emit(line)

    def _unit(self, name: str) -> list[Line]:
        """Run a unit, once more if it missed a goal in too much noise; return what to say at the end."""
        _log.info("%s", name)
        try:
            return [line for options in self._sizes(name) for line in self._verdict(name, options)]
        except Skipped as reason:
            return [{"name": "skipped", "unit": name, "reason": str(reason)}]

    def _sizes(self, name: str) -> Iterator[Options]:
        """Yield the options of a unit, once for each size if it is about growth."""
        sizes = self.options.sizes if UNITS[name].kind == "growth" else (0,)
        return (evolve(self.options, rows=size) for size in sizes)

    def _verdict(self, name: str, options: Options) -> list[Line]:
        summary = self._summary(name, options)
        if self._noisy_miss(summary):
            summary = self._summary(name, options)
        self.errors += summary["errors"]
        return [summary, *goals.judge(self.limits, summary)]

    def _noisy_miss(self, summary: Mapping[str, Any]) -> bool:
        return any(line.get("noisy") for line in goals.judge(self.limits, summary))

    def _summary(self, name: str, options: Options) -> Line:
        return report.summary(list(self._lines(name, options)))

    def _lines(self, name: str, options: Options) -> Iterator[Line]:
        unit = UNITS[name]
        for rep in range(unit.reps(options)):
            line = report.line(name, unit, options, rep)
            self.emit(line)
            yield line


def listing(names: Iterable[str], options: Options, limits: goals.Goals) -> Iterator[Line]:
    """Yield one line a unit: its floor and its goals."""
    for name in names:
        yield {
            "name": "unit",
            "unit": name,
            "floor": UNITS[name].floor_name(options),
            "goals": goals.of_unit(limits, name),
        }
