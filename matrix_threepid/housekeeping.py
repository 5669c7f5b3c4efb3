"""Jobs a host runs beside its requests. They contain no loop and no sleep: ``matrix_threepid.hosts`` has drivers."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define, field

from .ports import Clock, system_clock
from .protocol.errors import ConfigurationError

LONGEST_PAUSE = 60_000
"""The ms after which a job that fails again and again is tried, unless its own pace is slower."""
_CATCH_UP = 10
"""A job that left something to do is due again after this fraction of its pace."""
_log = logging.getLogger("matrix_threepid.housekeeping")


def _positive(_: object, attribute: Any, value: Any) -> None:
    if type(value) is not int or value < 1:
        raise ConfigurationError(f"{attribute.name}: must be a whole number of ms from 1")


@define(kw_only=True, eq=False)
class Job:
    """Work that is done again and again, whatever happened the last time. A host may make jobs of its own.

    ``name``: shown in logs.
    ``every``: the ms from the end of one run to the start of the next.
    ``work``: does the work once; what it returns counts only if there is a ``limit``.
    ``limit``: a run that returns this number or more has left something to do, so the next one follows sooner.
    ``clock``: returns the time in ms, for ``due_at``.
    ``due_at``: the time of ``clock`` from which the job is due; at first, when it was made.

    Raises ``ConfigurationError`` for an ``every`` below 1.
    """

    name: str
    every: int = field(validator=_positive)
    work: Callable[[], Awaitable[object]] = field(repr=False)
    limit: int | None = None
    clock: Clock = field(default=system_clock, repr=False)
    due_at: int = field(init=False)
    _failing: int = field(init=False, default=0, repr=False)

    @due_at.default
    def _due_when_made(self) -> int:
        return self.clock()

    async def run_once(self) -> int:
        """Do the work; return the ms until it is due again. Raises nothing but what stops a program or cancels a task.

        An ``Exception`` is logged once, as a warning of the logger ``matrix_threepid.housekeeping`` with its type only,
        since its text may hold addresses. Then the job is due after its pace, and each time in a row that it fails
        again after twice as long as before, up to ``LONGEST_PAUSE``.
        """
        try:
            done = await self.work()
        except Exception as error:
            return self.failed(error)
        self._failing = 0
        more = self.limit is not None and isinstance(done, int) and done >= self.limit
        return self._due_after(self.every // _CATCH_UP if more else self.every)

    def failed(self, error: Exception) -> int:
        """Note a failure that ``run_once`` could not see, such as one of the driver; return the ms until it is due."""
        longest = max(self.every, LONGEST_PAUSE)
        self._failing = min(2 * self._failing or self.every, longest)
        _log.warning("%s failed: %s; next try in %d ms", self.name, type(error).__name__, self._failing)
        return self._due_after(self._failing)

    def _due_after(self, pause: int) -> int:
        self.due_at = self.clock() + pause
        return pause
