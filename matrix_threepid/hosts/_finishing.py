"""Finish what a request has begun, whatever becomes of the task that waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any, TypeVar

from ..offload import driven_by_run_sync
from ..running_loop import running_library

T = TypeVar("T")
_begun: set[asyncio.Task[Any]] = set()
"""Keeps tasks alive that nobody waits for any more: the loop itself refers to its tasks weakly."""


async def finish(work: Coroutine[Any, Any, T]) -> T:
    """Return what ``work`` returns; it raises nothing. If the caller is cancelled, it goes on until the loop ends.

    A message that was handed over has to be written down as sent. Work that is cancelled in between leaves its message
    due, and it goes out a second time.
    """
    library = None if driven_by_run_sync() else running_library()
    if library == "asyncio":
        return await _finish_in_asyncio(work)
    if library == "trio":
        return await _finish_in_trio(work)
    return await work


async def _finish_in_asyncio(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(work)
    _begun.add(task)
    task.add_done_callback(_begun.discard)
    return await asyncio.shield(task)


async def _finish_in_trio(work: Coroutine[Any, Any, T]) -> T:
    import trio

    done, results = trio.Event(), list[T]()

    async def to_the_end() -> None:
        results.append(await work)
        done.set()

    # A system task, since any other belongs to a nursery, and the caller's may be the one that is cancelled.
    trio.lowlevel.spawn_system_task(to_the_end, context=copy_context())
    await done.wait()
    return results[0]
