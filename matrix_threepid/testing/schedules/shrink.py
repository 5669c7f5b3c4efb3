"""Make a failing schedule shorter, as long as it breaks the same invariant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from attrs import evolve

from .runner import Outcome
from .schedule import Move, Run, Schedule

T = TypeVar("T")
Attempt = Callable[[Schedule], Outcome]


def shrink(failed: Outcome, attempt: Attempt) -> Outcome:
    """Return the outcome of the shortest schedule found: no part of it can be left out.

    ``attempt``: runs a schedule. Calls, faults, moves and policies are left out, then runs of one call are joined, then
    turns are made fewer.
    """
    shortest, before = failed, None
    while shortest is not before:
        before = shortest
        tries = map(attempt, _shorter(shortest.schedule))
        shortest = next((outcome for outcome in tries if outcome.rule == failed.rule), shortest)
    return shortest


def _shorter(schedule: Schedule) -> Iterator[Schedule]:
    """Yield schedules that are simpler than this one, the much simpler ones first."""
    yield from (evolve(schedule, moves=moves) for moves in _without_parts(schedule.moves, at_least=4))
    yield from (schedule.without(call.label) for call in schedule.calls)
    for part in ("faults", "moves", "policies"):
        yield from (evolve(schedule, **{part: left}) for left in _without_parts(getattr(schedule, part)))
    yield from (evolve(schedule, moves=moves) for moves in _joined(schedule.moves))
    for at, move in enumerate(schedule.moves):
        for simpler in _simpler(move):
            yield evolve(schedule, moves=(*schedule.moves[:at], simpler, *schedule.moves[at + 1 :]))


def _without_parts(values: Sequence[T], at_least: int = 1) -> Iterator[tuple[T, ...]]:
    """Yield values without a part of them: all, each half, each quarter … down to parts of some length."""
    length = len(values)
    while length >= at_least:
        yield from ((*values[:at], *values[at + length :]) for at in range(0, len(values), length))
        length //= 2


def _joined(moves: Sequence[Move]) -> Iterator[tuple[Move, ...]]:
    """Yield moves with two runs of one call made one, at the place of the first or of the second."""
    for later, move in enumerate(moves):
        earlier = next((at for at in range(later - 1, -1, -1) if _same_call(moves[at], move)), None)
        if earlier is not None:
            both = _sum(moves[earlier], move)
            yield (*moves[:earlier], both, *moves[earlier + 1 : later], *moves[later + 1 :])
            yield (*moves[:earlier], *moves[earlier + 1 : later], both, *moves[later + 1 :])


def _same_call(one: Move, other: Move) -> bool:
    return isinstance(one, Run) and isinstance(other, Run) and one.label == other.label


def _sum(one: Move, other: Move) -> Move:
    assert isinstance(one, Run) and isinstance(other, Run)
    return Run(one.label, None if one.turns is None or other.turns is None else one.turns + other.turns)


def _simpler(move: Move) -> Iterator[Move]:
    """Yield simpler forms of a move: to the end of the call, or fewer turns."""
    if isinstance(move, Run) and move.turns is not None:
        fewer = dict.fromkeys((1, move.turns // 2, move.turns - 1))
        yield Run(move.label)
        yield from (Run(move.label, turns) for turns in fewer if 0 < turns < move.turns)
