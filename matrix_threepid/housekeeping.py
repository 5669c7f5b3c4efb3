"""``Job``: recurring work of a host (decision 39), without a loop and sleep; the drivers are in ``hosts``."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from attrs import define, field

from .ports import Clock, system_clock
from .protocol.errors import ConfigurationError

LONGEST_PAUSE = 60_000
"""The ms between tries of a job that keeps failing, at most, unless its own pace is slower."""
_CATCH_UP = 10
"""A job that has left work undone is due again after this part of its pace: a tenth."""
_log = logging.getLogger("matrix_threepid.housekeeping")

Worker = Callable[[], Awaitable[None]]
"""Does pieces of work, one after the other, until it returns; it raises nothing."""
Together = Callable[[Sequence[Worker]], Awaitable[object]]
"""Calls workers, if possible at the same time, and returns once all of them have returned."""


async def one_by_one(workers: Sequence[Worker]) -> None:
    """Call workers one after the other: a ``Together`` for any loop, and without one."""
    for worker in workers:
        await worker()


def _positive(_: object, attribute: Any, value: Any) -> None:
    if type(value) is not int or value < 1:
        raise ConfigurationError(f"{attribute.name}: must be a whole number of ms from 1")


@define(kw_only=True, eq=False)
class Job:
    """Recurring work; a failure delays the next run and ends nothing. A host may make jobs of its own.

    * ``name``: the name in logs.
    * ``every``: the ms from the end of one run to the start of the next, from 1.
    * ``work``: does all the work of a run; its result counts only with a ``limit``. With ``at_once`` it does one piece
      and returns whether there may be more.
    * ``limit``: a run that returns this number or more, or has done so many pieces, has left work undone, so the next
      one follows after a tenth of the pace; ``None``, the default: never.
    * ``at_once``: the number of pieces that a driver may have done at the same time; ``None``, the default: ``work``
      is not in pieces.
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
    at_once: int | None = None
    clock: Clock = field(default=system_clock, repr=False)
    due_at: int = field(init=False)
    _failing: int = field(init=False, default=0, repr=False)
    _stopping: bool = field(init=False, default=False, repr=False)

    @due_at.default
    def _due_when_made(self) -> int:
        return self.clock()

    async def run_once(self, together: Together = one_by_one) -> int:
        """Do the work and return the ms until it is due again; raise only what ends a program or cancels a task.

        * ``together``: has pieces of work done at the same time; by default one is done after the other.

        An ``Exception`` is logged, as a warning of the logger ``matrix_threepid.housekeeping`` with its type only,
        since its text may hold addresses. Then the job is due after its pace, and each time in a row that it fails
        again after twice as long as before, up to ``LONGEST_PAUSE``. A piece that fails ends none of those that are
        done at the same time.
        """
        try:
            done = await (self.work() if self.at_once is None else self._pieces(self.at_once, together))
        except Exception as error:
            return self.failed(error)
        finally:
            self._stopping = False
        self._failing = 0
        more = self.limit is not None and isinstance(done, int) and done >= self.limit
        return self._due_after(self.every // _CATCH_UP if more else self.every)

    def stop(self) -> None:
        """Let the run under way finish the pieces that it has begun, and begin no others."""
        self._stopping = True

    async def _pieces(self, at_once: int, together: Together) -> int:
        """Do pieces of work until there are none or the limit is reached; return how many."""
        # The first one alone: most of the time there is none, and nobody else has to look.
        done, errors = 1, list[Exception]()
        if not await self.work():
            return 0

        async def worker() -> None:
            nonlocal done
            try:
                while not self._stopping and (self.limit is None or done < self.limit):
                    done += 1  # before the piece, so that workers at the same time keep to the limit together
                    if not await self.work():
                        done -= 1
                        return
            except Exception as error:
                errors.append(error)

        await together([worker] * at_once)
        for error in errors[1:]:
            _log.warning("%s failed: %s", self.name, type(error).__name__)
        if errors:
            raise errors[0]
        return done

    def failed(self, error: Exception) -> int:
        """Count a failure outside of ``run_once``, such as one of the driver; return the ms until the job is due."""
        longest = max(self.every, LONGEST_PAUSE)
        self._failing = min(2 * self._failing or self.every, longest)
        _log.warning("%s failed: %s; next try in %d ms", self.name, type(error).__name__, self._failing)
        return self._due_after(self._failing)

    def _due_after(self, pause: int) -> int:
        self.due_at = self.clock() + pause
        return pause
