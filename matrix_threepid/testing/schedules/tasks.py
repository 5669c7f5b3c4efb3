"""A call that runs, and how an invariant that does not hold is told."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, NoReturn

from attrs import define, field

from ...model.session import Session
from .schedule import Call


class Broken(AssertionError):
    """An invariant does not hold. ``rule``: which."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule


def broken(rule: str, detail: str) -> NoReturn:
    """Say that an invariant does not hold. Raises ``Broken``."""
    raise Broken(rule, detail)


@define(eq=False)
class Task:
    """A call that runs or has run.

    ``call``, ``faults``: of the schedule. ``work``: the coroutine. ``began``, ``ended``: the numbers of turns.
    ``asked``: how many calls of ports it has made. ``excused``: whether it may answer 5xx, since a fault or the clock
    met it. ``stalled``: whether the clock moved meanwhile. ``answered``: whether it came to its end. ``sid``: the
    session it names. ``stored``: the session it stored last.
    """

    call: Call
    faults: Mapping[int, str]
    work: Coroutine[Any, Any, str] = field(repr=False)
    began: int
    ended: int | None = None
    asked: int = 0
    excused: bool = False
    stalled: bool = False
    answered: bool = False
    sid: str | None = None
    stored: Session | None = None

    def overlaps(self, other: Task) -> bool:
        """Whether both ran at one time."""
        return (self.ended is None or self.ended >= other.began) and (other.ended is None or other.ended >= self.began)
