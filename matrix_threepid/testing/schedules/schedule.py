"""A schedule: who calls what, which calls of ports fail, and in which order; a value with a text form.

policy deferred
call 1 alice ask add mail1 s1 1
call 2 bob ask add mail1 s2 1
fault 1 4 unsaid
run 1 3
clock 60000
run 2
crash
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, get_args

from attrs import evolve, frozen

FaultKind = Literal["lost", "unsaid", "refused"]
FAULT_KINDS: tuple[str, ...] = get_args(FaultKind)


@frozen
class Call:
    """One call. ``label``: its number. ``who``: the person. ``act``: a method of ``People``, with its ``values``."""

    label: int
    who: str
    act: str
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(("call", str(self.label), self.who, self.act, *self.values))


@frozen
class Fault:
    """What goes wrong with a call of a port.

    ``label``: the call it happens in. ``asked``: which of the calls of ports made there, from 1.
    ``kind``: ``lost``: the port is not called; ``unsaid``: it is, and its answer gets lost; ``refused``: a sender or an
    identity server says no.
    """

    label: int
    asked: int
    kind: str

    def __str__(self) -> str:
        return f"fault {self.label} {self.asked} {self.kind}"


@frozen
class Run:
    """Let a call go on for so many ``turns``, or to its end. There is one before and one after each call of a port."""

    label: int
    turns: int | None = None

    def __str__(self) -> str:
        return f"run {self.label}" if self.turns is None else f"run {self.label} {self.turns}"


@frozen
class Clock:
    """Move the clock by so many ms, back if they are below 0."""

    ms: int

    def __str__(self) -> str:
        return f"clock {self.ms}"


@frozen
class Crash:
    """Cut off all calls that run, and start the host again over the same stores."""

    def __str__(self) -> str:
        return "crash"


@frozen
class Rotate:
    """Put a new pepper in place; calls that run keep the old one."""

    def __str__(self) -> str:
        return "rotate"


Move = Run | Clock | Crash | Rotate


@frozen
class Schedule:
    """Calls with all that happens to them.

    ``calls``: who calls what. ``moves``: what happens, in order; afterwards each call that is left runs to its end, one
    after the other. ``faults``: what goes wrong. ``policies``: names of ``POLICIES``.
    """

    calls: tuple[Call, ...]
    moves: tuple[Move, ...] = ()
    faults: tuple[Fault, ...] = ()
    policies: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def __len__(self) -> int:
        return len(self.policies) + len(self.calls) + len(self.faults) + len(self.moves)

    def _lines(self) -> Iterator[str]:
        yield from (f"policy {name}" for name in self.policies)
        for part in (self.calls, self.faults, self.moves):
            yield from map(str, part)

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Return the schedule of a text as ``str`` makes it; what follows ``#`` in a line is left out.

        Raises ``ValueError`` naming the line that is none of a schedule.
        """
        schedule = cls(())
        for number, line in enumerate(text.splitlines(), 1):
            if words := line.partition("#")[0].split():
                try:
                    schedule = _with_line(schedule, words)
                except (ValueError, IndexError, KeyError):
                    raise ValueError(f"line {number} is no line of a schedule: {line!r}") from None
        return schedule

    def without(self, label: int) -> Schedule:
        """Return the schedule without one call and what happens in it."""
        return evolve(
            self,
            calls=tuple(call for call in self.calls if call.label != label),
            faults=tuple(fault for fault in self.faults if fault.label != label),
            moves=tuple(move for move in self.moves if not isinstance(move, Run) or move.label != label),
        )

    def faults_of(self, label: int) -> Mapping[int, str]:
        """Return the kinds of the faults of a call, by the number of the call of a port."""
        return {fault.asked: fault.kind for fault in self.faults if fault.label == label}


def _with_line(schedule: Schedule, words: list[str]) -> Schedule:
    kind, *rest = words
    if kind == "policy":
        (name,) = rest
        return evolve(schedule, policies=(*schedule.policies, name))
    if kind == "call":
        return evolve(schedule, calls=(*schedule.calls, Call(int(rest[0]), rest[1], rest[2], tuple(rest[3:]))))
    if kind == "fault":
        return evolve(schedule, faults=(*schedule.faults, _fault(*rest)))
    return evolve(schedule, moves=(*schedule.moves, _move(kind, [int(word) for word in rest])))


def _fault(label: str, asked: str, kind: str = "") -> Fault:
    if kind not in FAULT_KINDS:
        raise ValueError(kind)
    return Fault(int(label), int(asked), kind)


def _move(kind: str, numbers: list[int]) -> Move:
    if kind == "run":
        label, *turns = numbers
        return Run(label, *turns[:1])
    if kind == "clock":
        (ms,) = numbers
        return Clock(ms)
    if numbers:
        raise ValueError(kind)
    plain: dict[str, Move] = {"crash": Crash(), "rotate": Rotate()}
    return plain[kind]
