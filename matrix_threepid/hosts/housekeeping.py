"""Drivers of the recurring jobs, for asyncio, trio and threads; ``hosts.twisted`` has the one for Twisted.

Each takes services, whose jobs it runs, and jobs of the host's own (decision 39). Every job runs once at the start and
then at its own pace; no job waits for another, and a failure of one stops none. Any number of processes may run them.
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
"""Waits a number of s, as ``asyncio.sleep`` does."""


async def keep_house(*kept: Service | Job, sleep: Sleep = asyncio.sleep) -> None:
    """Run jobs in an asyncio loop until cancelled.

    * ``kept``: services and jobs.
    * ``sleep``: waits between runs, for tests; ``asyncio.sleep`` by default.
    """
    await asyncio.gather(*(_repeat(job, sleep) for job in jobs_of(kept)))


async def keep_house_in_trio(*kept: Service | Job, sleep: Sleep | None = None) -> None:
    """Run jobs in a trio loop until cancelled.

    * ``kept``: services and jobs.
    * ``sleep``: waits between runs, for tests; ``None`` takes ``trio.sleep``.
    """
    import trio

    async with trio.open_nursery() as nursery:
        for job in jobs_of(kept):
            nursery.start_soon(_repeat, job, sleep or trio.sleep)


def keep_house_in_threads(
    *kept: Service | Job, run: Callable[[Coroutine[Any, Any, int]], int] = run_sync, stopped: Event | None = None
) -> Callable[[], None]:
    """Start a daemon thread for each job; return a function that stops them and waits until their runs are finished.

    * ``kept``: services and jobs.
    * ``run``: runs a coroutine to its end; the default, ``run_sync``, is for ports that answer without waiting.
    * ``stopped``: an event that ends the threads when it is set, without waiting for them; ``None`` makes one.

    Call it in each process after it was forked, because threads do not survive a fork.
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
        except Exception as error:  # raised by `run` itself: a port that waits, or a closed loop
            pause = job.failed(error)
        # Waits for the pause and for the end at once.
        if stopped.wait(pause / 1000):
            return
