"""Call the workers of a job at the same time, in whatever loop the job runs, or in threads."""

# mypy: allow-untyped-calls
from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from threading import Thread
from typing import Any

from ..housekeeping import Together, Worker
from ..running_loop import running_loop

Run = Callable[[Coroutine[Any, Any, None]], object]
"""Runs a coroutine to its end in the calling thread."""


def threads_of(run: Run) -> Together:
    """Return what calls workers at the same time: in the loop of the job if one drives it, else in threads."""

    async def together(workers: Sequence[Worker]) -> None:
        if running_loop() is None:
            _in_threads(run, workers)
        else:
            await in_loop(workers)

    return together


def _in_threads(run: Run, workers: Sequence[Worker]) -> None:
    errors: list[Exception] = []

    def help_out(worker: Worker) -> None:
        try:
            run(_worked(worker))
        except Exception as error:  # raised by `run` itself
            errors.append(error)

    helpers = [Thread(target=help_out, args=(each,), name="matrix_threepid", daemon=True) for each in workers]
    for helper in helpers:
        helper.start()
    for helper in helpers:
        helper.join()
    if errors:
        raise errors[0]


async def in_loop(workers: Sequence[Worker]) -> None:
    """Call workers at the same time in the loop of asyncio, trio or Twisted that drives this coroutine."""
    loop = running_loop()
    if loop == "asyncio":
        await asyncio.gather(*map(_worked, workers))
    elif loop == "trio":
        await _in_trio(workers)
    else:
        await _in_twisted(workers)


async def _in_trio(workers: Sequence[Worker]) -> None:
    import trio

    async with trio.open_nursery() as nursery:
        for each in workers:
            nursery.start_soon(_worked, each)


async def _in_twisted(workers: Sequence[Worker]) -> None:
    from twisted.internet.defer import DeferredList, ensureDeferred

    await DeferredList([ensureDeferred(_worked(each)) for each in workers])


async def _worked(worker: Worker) -> None:
    await worker()
