"""Drivers of the jobs beside the requests, for asyncio, trio and threads; ``hosts.twisted`` has that for Twisted.

Each takes services, whose jobs it runs, and jobs of the host's own. Every job runs at its own pace, the first time at
once; none waits for another, and a failure of one stops none. Any number of processes may do this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from threading import Event, Thread
from typing import Any

from ..housekeeping import Job
from ..offload import run_sync
from ..service import Service
from ._shared import jobs_of

Sleep = Callable[[float], Awaitable[object]]
"""Waits so many s, such as ``asyncio.sleep``."""


async def keep_house(*kept: Service | Job, sleep: Sleep = asyncio.sleep) -> None:
    """Run jobs in an asyncio loop until cancelled. ``sleep``: waits between runs."""
    await asyncio.gather(*(_repeat(job, sleep) for job in jobs_of(kept)))


async def keep_house_in_trio(*kept: Service | Job, sleep: Sleep | None = None) -> None:
    """Run jobs in a trio loop until cancelled. ``sleep``: waits between runs; the default is ``trio.sleep``."""
    import trio

    async with trio.open_nursery() as nursery:
        for job in jobs_of(kept):
            nursery.start_soon(_repeat, job, sleep or trio.sleep)


def keep_house_in_threads(
    *kept: Service | Job, run: Callable[[Coroutine[Any, Any, int]], int] = run_sync, stopped: Event | None = None
) -> Callable[[], None]:
    """Start a daemon thread for each job; return a function that ends them once what they are doing is done.

    Start them in each process after it was forked; threads do not survive a fork. ``run``: runs a coroutine to its end;
    the default is for ports that answer at once. ``stopped``: set it to end them without waiting.
    """
    stopping = stopped or Event()
    threads = [
        Thread(target=_repeat_in_thread, args=(job, run, stopping), name=f"matrix_threepid {job.name}", daemon=True)
        for job in jobs_of(kept)
    ]
    for thread in threads:
        thread.start()

    def stop() -> None:
        stopping.set()
        for thread in threads:
            thread.join()

    return stop


async def _repeat(job: Job, sleep: Sleep) -> None:
    while True:
        await sleep(await job.run_once() / 1000)


def _repeat_in_thread(job: Job, run: Callable[[Coroutine[Any, Any, int]], int], stopped: Event) -> None:
    while True:
        try:
            pause = run(job.run_once())
        except Exception as error:  # of `run` itself: a port that waits, or a loop that is closed
            pause = job.failed(error)
        if stopped.wait(pause / 1000):
            return
