"""Drivers of the recurring jobs, for asyncio, trio and threads; ``hosts.twisted_jobs`` has the one for Twisted.

Each takes services, whose jobs it runs, and jobs of the host's own (decision 39). Every job runs once at the start and
then at its own pace; no job waits for another, and a failure of one stops none. A driver that is stopped begins nothing
more, and finishes what it has begun: a message that was handed over has to be written down as sent. Any number of
processes may run them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from threading import Event, Thread
from time import monotonic
from typing import Any

from ..housekeeping import Job
from ..offload import run_sync
from ..service import Service
from ._shared import jobs_of
from ._together import in_loop, threads_of

Sleep = Callable[[float], Awaitable[object]]
"""Waits a number of s, as ``asyncio.sleep`` does."""
GRACE = 30.0
"""The s that a driver which is stopped waits for work that it has begun; a sending takes 10 s by default."""


async def keep_house(*kept: Service | Job, sleep: Sleep = asyncio.sleep, grace: float = GRACE) -> None:
    """Run jobs in an asyncio loop until cancelled; then finish what has begun.

    * ``kept``: services and jobs.
    * ``sleep``: waits between runs, for tests; ``asyncio.sleep`` by default.
    * ``grace``: the s that work may take to finish after the cancellation, 30 by default. Work that takes longer, and
      all work at a second cancellation, is cancelled.
    """
    tasks = [asyncio.ensure_future(_repeat(job, sleep, grace)) for job in jobs_of(kept)]
    if not tasks:
        return
    try:
        # Not `gather`, which ends with the first of its tasks that ends, also when it is cancelled.
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _end(tasks)
    for task in ended:
        task.result()  # no job raises what does not end the program


async def keep_house_in_trio(*kept: Service | Job, sleep: Sleep | None = None, grace: float = GRACE) -> None:
    """Run jobs in a trio loop until cancelled; then finish what has begun.

    * ``kept``: services and jobs.
    * ``sleep``: waits between runs, for tests; ``None`` takes ``trio.sleep``.
    * ``grace``: the s that work may take to finish after the cancellation, 30 by default; then it is cancelled.
    """
    import trio

    async with trio.open_nursery() as nursery:
        for job in jobs_of(kept):
            nursery.start_soon(_repeat_in_trio, job, sleep or trio.sleep, grace)


def keep_house_in_threads(
    *kept: Service | Job,
    run: Callable[[Coroutine[Any, Any, Any]], Any] = run_sync,
    stopped: Event | None = None,
    grace: float = GRACE,
) -> Callable[[], None]:
    """Start a daemon thread for each job; return a function that stops them and waits until what has begun is finished.

    * ``kept``: services and jobs.
    * ``run``: runs a coroutine to its end; the default, ``run_sync``, is for ports that answer without waiting. Several
      threads call it at the same time.
    * ``stopped``: an event that ends the threads when it is set, without waiting for them; ``None`` makes one.
    * ``grace``: the s that the returned function waits at most, 30 by default.

    Call it in each process after it was forked, because threads do not survive a fork.
    """
    stopping = stopped or Event()
    jobs = jobs_of(kept)
    threads = [
        Thread(target=_repeat_in_thread, args=(job, run, stopping), name=f"matrix_threepid {job.name}", daemon=True)
        for job in jobs
    ]
    for thread in threads:
        thread.start()

    def stop() -> None:
        stopping.set()
        for job in jobs:
            job.stop()
        latest = monotonic() + grace
        for thread in threads:
            thread.join(max(0.0, latest - monotonic()))

    return stop


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have finished what they had begun; cancelled itself, cancel that as well."""
    for task in tasks:
        task.cancel()
    try:
        await asyncio.wait(tasks)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        raise


async def _repeat(job: Job, sleep: Sleep, grace: float) -> None:
    while True:
        await sleep(await _finished(job, sleep, grace) / 1000)


async def _finished(job: Job, sleep: Sleep, grace: float) -> int:
    """Run a job once; if that is cancelled, let it finish first. Return the ms until it is due again."""
    run = asyncio.ensure_future(job.run_once(in_loop))
    try:
        return await asyncio.shield(run)
    except asyncio.CancelledError:
        job.stop()
        patience = asyncio.ensure_future(sleep(grace))
        try:
            await asyncio.wait((run, patience), return_when=asyncio.FIRST_COMPLETED)
        finally:
            run.cancel()
            patience.cancel()
            await asyncio.wait((run, patience))
        raise


async def _repeat_in_trio(job: Job, sleep: Sleep, grace: float) -> None:
    while True:
        await sleep(await _finished_in_trio(job, grace) / 1000)


async def _finished_in_trio(job: Job, grace: float) -> int:
    import trio

    done, scope, pauses = trio.Event(), trio.CancelScope(shield=True), list[int]()

    async def run() -> None:
        with scope:
            pauses.append(await job.run_once(in_loop))
        done.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        try:
            await done.wait()
        except trio.Cancelled:
            job.stop()
            scope.deadline = trio.current_time() + grace
            raise
    return pauses[0]


def _repeat_in_thread(job: Job, run: Callable[[Coroutine[Any, Any, Any]], Any], stopped: Event) -> None:
    while True:
        try:
            pause = run(job.run_once(threads_of(run)))
        except Exception as error:  # raised by `run` itself: a port that waits, or a closed loop
            pause = job.failed(error)
        # Waits for the pause and for the end at once.
        if stopped.wait(pause / 1000):
            return
