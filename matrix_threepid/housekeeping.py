"""``Job``: recurring work of a host (decision 39), without a loop and sleep; the drivers are in ``hosts``."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define, field

from .ports import Clock, system_clock
from .protocol.errors import ConfigurationError

LONGEST_PAUSE = 60_000
"""The ms between tries of a job that keeps failing, at most, unless its own pace is slower."""
_CATCH_UP = 10
"""A job that has left work undone is due again after this part of its pace: a tenth."""
_log = logging.getLogger("matrix_threepid.housekeeping")


def _positive(_: object, attribute: Any, value: Any) -> None:
    if type(value) is not int or value < 1:
        raise ConfigurationError(f"{attribute.name}: must be a whole number of ms from 1")


@define(kw_only=True, eq=False)
class Job:
    """Recurring work; a failure delays the next run and ends nothing. A host may make jobs of its own.

    * ``name``: the name in logs.
    * ``every``: the ms from the end of one run to the start of the next, from 1.
    * ``work``: does the work once; its result counts only with a ``limit``.
    * ``limit``: a run that returns this number or more has left work undone, so the next one follows after a tenth of
      the pace; ``None``, the default: never.
    * ``clock``: returns the time in ms, for ``due_at``; the system's clock by default.
    * ``due_at``: the time of ``clock`` from which the job is due; at first the time at which it was made.

    Raises ``ConfigurationError`` for an ``every`` below 1.

    >>> from matrix_threepid import run_sync
    >>> async def purge():
    ...     return 100
    >>> run_sync(Job(name="purge", every=60_000, work=purge, limit=100).run_once())
    6000
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
        """Do the work and return the ms until it is due again; raise only what ends a program or cancels a task.

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
        """Count a failure outside of ``run_once``, such as one of the driver; return the ms until the job is due."""
        longest = max(self.every, LONGEST_PAUSE)
        self._failing = min(2 * self._failing or self.every, longest)
        _log.warning("%s failed: %s; next try in %d ms", self.name, type(error).__name__, self._failing)
        return self._due_after(self._failing)

    def _due_after(self, pause: int) -> int:
        self.due_at = self.clock() + pause
        return pause
