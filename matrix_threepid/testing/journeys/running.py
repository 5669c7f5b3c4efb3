"""Runs journeys and collects their results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from attrs import frozen

from ..parts import Failed
from .journey import Journey, NotOffered
from .surroundings import Surroundings
from .visit import Visit


@frozen
class Result:
    """The result of a journey.

    * ``outcome``: ``ok``, ``failed`` or ``skipped``.
    * ``why``: the step with what was expected and what came, or the part that is missing.
    """

    journey: Journey
    outcome: Literal["ok", "failed", "skipped"]
    why: str = ""

    def __str__(self) -> str:
        return f"{self.outcome:8}{self.journey.name}{': ' if self.why else ''}{self.why}"


def run(journeys: Iterable[Journey], surroundings: Surroundings) -> Iterator[Result]:
    """Run journeys one by one; their exceptions become results."""
    return (_result(journey, surroundings) for journey in journeys)


def _result(journey: Journey, surroundings: Surroundings) -> Result:
    lacking = journey.missing(surroundings.offered)
    if lacking is not None:
        return Result(journey, "skipped", lacking)
    visit = Visit(surroundings)
    try:
        journey.run(visit)
    except NotOffered as absent:
        return Result(journey, "skipped", str(absent))
    except Failed as failed:
        return Result(journey, "failed", f"{visit.at}: {failed}")
    except Exception as error:  # a server may answer anything, and values may be secrets
        return Result(journey, "failed", f"{visit.at}: the answer was not of the expected form ({_kind(error)})")
    return Result(journey, "ok")


def _kind(error: Exception) -> str:
    where = error.__traceback__
    while where and where.tb_next:
        where = where.tb_next
    return f"{type(error).__name__} in {where.tb_frame.f_code.co_name}" if where else type(error).__name__
