"""Schedules as a contract for pytest: inherit one class, give one fixture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from ..world import World
from .explore import explore
from .pairs import FLOWS, explore_pairs

MakePorts = Callable[[], Mapping[str, Any]]
_PARTS = 10


class SchedulesContract:
    """No schedule breaks an invariant, whatever ports of yours are in it.

    Give a fixture ``make_ports`` that returns a function without parameters. It makes new, empty ports under the names
    that ``Homeserver`` has for them: ``lambda: {"sessions": MySessions(), "limiter": MyLimits()}``. They must answer
    without an event loop. ``seeds``: the schedules to run. ``recorded``: whether ``messages`` and ``suppressions`` are
    among the ports; then what becomes of messages is reported as well.
    """

    seeds: ClassVar[Sequence[int]] = range(1000)
    recorded: ClassVar[bool] = False

    def restart(self, world: World) -> None:
        """Open the ports again after a crash, with ``world.rewire(...)``; by default all of them last."""

    @pytest.mark.parametrize("part", range(_PARTS))
    def test_no_schedule_breaks_an_invariant(self, make_ports: MakePorts, part: int) -> None:
        """Calls that meet in any order, with faults, crashes and clocks that jump, leave the invariants whole."""
        seeds = self.seeds[part::_PARTS]
        assert explore(_worlds(make_ports), seeds, restart=self.restart, recorded=self.recorded) > 0

    @pytest.mark.parametrize("flow", FLOWS)
    def test_no_pair_of_calls_breaks_an_invariant(self, make_ports: MakePorts, flow: str) -> None:
        """Any two calls of a flow, switched at any call of a port, leave the invariants whole."""
        assert explore_pairs(_worlds(make_ports), {flow: FLOWS[flow]}, restart=self.restart) > 0


def _worlds(make_ports: MakePorts) -> Callable[[Mapping[str, Any]], World]:
    return lambda policy: World(policy, **make_ports())
