"""The driver of the recurring jobs for Twisted; ``hosts.housekeeping`` has the others, and what all of them keep to."""

# mypy: allow-untyped-calls
from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredList, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from ..housekeeping import Job
from ..service import Service
from ._kept import Kept
from ._shared import jobs_of
from ._together import in_loop
from .housekeeping import GRACE


def keep_house_in_twisted(
    *kept: Service | Job,
    run: Callable[[Coroutine[Any, Any, int]], Deferred[int]] = ensureDeferred,
    clock: Any = None,
    grace: float = GRACE,
) -> Callable[[], Deferred[Any]]:
    """Run the jobs of services, and jobs of the host's own, each at its own pace and the first time at once.

    * ``kept``: services and jobs.
    * ``run``: makes a Deferred of a coroutine, as for ``ThreepidResource``.
    * ``clock``: an ``IReactorTime``; ``None`` takes the reactor.
    * ``grace``: the s that work may take to finish once it is stopped, 30 by default; then it is cancelled.

    Returns a function that stops the jobs; its Deferred fires once their runs are finished, for
    ``reactor.addSystemEventTrigger("before", "shutdown", stop)``.
    """
    clock = clock or installed_reactor()
    rounds = [_Rounds(job, run, clock) for job in jobs_of(kept)]

    def stop() -> Deferred[Any]:
        ended = DeferredList([each.stop() for each in rounds])
        return ended.addTimeout(grace, clock, onTimeoutCancel=lambda *_: None)

    return stop


def keep_house_with(reactor: Any, kept: Kept, run: Callable[[Coroutine[Any, Any, Any]], Deferred[Any]]) -> None:
    """Run jobs from the start of a reactor to its shutdown, which waits until what has begun is finished."""

    def start() -> None:
        stop = keep_house_in_twisted(*kept, run=run, clock=reactor)
        reactor.addSystemEventTrigger("before", "shutdown", stop)

    reactor.callWhenRunning(start)


def installed_reactor() -> Any:
    """Return the reactor that the program has installed, or else the default one."""
    # Not at the top: the import installs the default reactor, and the program may want another.
    from twisted.internet import reactor

    return reactor


class _Rounds:
    """Runs one job until it is stopped; a run that has begun is finished, the pause between runs is cancelled."""

    def __init__(self, job: Job, run: Callable[[Coroutine[Any, Any, int]], Deferred[int]], clock: IReactorTime) -> None:
        self._job, self._run, self._clock = job, run, clock
        self._stopped = False
        self._pause: Deferred[None] | None = None
        self._ended = ensureDeferred(self._repeat())

    def stop(self) -> Deferred[None]:
        self._stopped = True
        self._job.stop()
        if self._pause is not None:
            self._pause.cancel()
        return self._ended

    async def _repeat(self) -> None:
        while not self._stopped:
            try:
                pause = await self._run(self._job.run_once(in_loop))
            except Exception as error:  # raised by `run` itself
                pause = self._job.failed(error)
            await self._wait(pause)

    async def _wait(self, ms: int) -> None:
        if self._stopped:
            return
        self._pause = deferLater(self._clock, ms / 1000)
        with suppress(CancelledError):
            await self._pause
