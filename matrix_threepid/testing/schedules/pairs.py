"""Every pair of calls of a flow, in every order with at most two switches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations_with_replacement, count

from attrs import evolve, frozen

from ..world import World
from .explore import check_schedule
from .runner import MakeWorld, Outcome, Restart
from .schedule import Call, Run, Schedule


@frozen
class Flow:
    """What was done before, and the calls of which any two meet; each ``"who act values"``."""

    before: Sequence[str]
    calls: Sequence[str]
    policies: tuple[str, ...] = ()

    def schedule_of(self, first: str, second: str) -> tuple[Schedule, int, int]:
        """Return a schedule of two calls after what was done before, and their labels."""
        calls = [_call(label, text) for label, text in enumerate((*self.before, first, second), 1)]
        done = tuple(Run(label) for label in range(1, len(self.before) + 1))
        return Schedule(tuple(calls), done, (), self.policies), len(self.before) + 1, len(self.before) + 2


_ADDED = ("alice ask add mail1 s1 1", "alice press mail1", "alice add mail1 s1")
_BOUND = (*_ADDED, "alice bind mail1 0")
FLOWS: Mapping[str, Flow] = {
    "ask for a mail": Flow(
        (),
        ("alice ask add mail1 s1 1", "alice ask add mail1 s1 2", "bob ask add mail1 s1 1", "alice press mail1",
         "alice disown mail1", "host deliver"),
    ),
    "ask, and send later": Flow(
        ("alice ask add mail1 s1 1",),
        ("alice ask add mail1 s1 2", "alice press mail1", "alice disown mail1", "host deliver", "host purge"),
        ("deferred",),
    ),
    "ask for a text message": Flow(
        ("alice ask add phone1 s1 1",),
        ("alice ask add phone1 s1 1", "alice ask add phone1 s1 2", "alice type add phone1 s1",
         "alice type add phone1 s1 wrong", "host deliver"),
    ),
    "text later": Flow(
        ("alice ask add phone1 s1 1",),
        ("alice ask add phone1 s1 2", "alice type add phone1 s1", "host deliver"),
        ("deferred",),
    ),
    "add": Flow(
        (*_ADDED[:2], "bob ask add mail1 s2 1", "bob press mail1"),
        ("alice add mail1 s1", "alice legacy mail1 s1", "bob add mail1 s2", "bob add mail1 s1 alice",
         "alice disown mail1 oldest", "alice delete mail1", "alice deactivate", "alice erase",
         "alice ask add mail1 s1 2"),
    ),
    "register": Flow(
        ("alice ask register mail1 s1 1", "alice press mail1", "bob ask add mail1 s2 1", "bob press mail1"),
        ("alice register mail1 s1", "alice release register mail1 s1", "bob add mail1 s2",
         "alice disown mail1 oldest", "alice ask register mail1 s1 2"),
    ),
    "reset": Flow(
        (*_ADDED, "alice ask password mail1 s2 1", "alice press mail1"),
        ("alice reset mail1 s2", "alice release password mail1 s2", "alice disown mail1", "alice delete mail1",
         "alice deactivate", "alice ask password mail1 s2 2"),
    ),
    "bind": Flow(
        _BOUND,
        ("alice bind mail1 0", "bob bind mail1 0", "alice unbind mail1", "alice unbind mail1 0", "alice delete mail1",
         "alice deactivate", "alice erase", "host retry", "host purge"),
    ),
}  # fmt: skip
"""The flows, by what they are about."""


def explore_pairs(
    make_world: MakeWorld = World, flows: Mapping[str, Flow] = FLOWS, *, restart: Restart | None = None
) -> int:
    """Run every pair of calls of each flow in every order with at most two switches; return how many orders.

    Parameters and errors: ``explore``.
    """
    return sum(
        1
        for flow in flows.values()
        for pair in combinations_with_replacement(flow.calls, 2)
        for _ in _orders(flow, *pair, make_world, restart)
    )


def _orders(flow: Flow, one: str, other: str, make_world: MakeWorld, restart: Restart | None) -> Iterator[Outcome]:
    """Run all orders: one call goes on for so many turns, then the other to its end, then the rest of the first."""
    schedule, first, second = flow.schedule_of(one, other)
    for begins, meets in ((first, second), (second, first)):
        for turns in count(1):
            order = evolve(schedule, moves=(*schedule.moves, Run(begins, turns), Run(meets)))
            outcome = check_schedule(order, make_world, restart=restart)
            yield outcome
            if turns >= outcome.turns[begins]:
                break
        if one == other:
            break


def _call(label: int, text: str) -> Call:
    who, act, *values = text.split()
    return Call(label, who, act, tuple(values))
