"""``within`` gives work of a host's port a deadline, in whatever drives the running coroutine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from .running_loop import Loop, running_loop

T = TypeVar("T")


async def within(ms: int, work: Coroutine[Any, Any, T]) -> T:
    """Return what ``work`` returns; raise ``TimeoutError`` after ``ms``, and cancel it.

    Without a loop, and under ``run_sync``, it cannot be interrupted: the caller compares the clock afterwards.
    """
    loop = running_loop()
    return await (work if loop is None else _WITHIN[loop](ms / 1000, work))


async def _within_asyncio(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    import asyncio

    # Not ``wait_for``, which waits for work that ignores its cancellation.
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # nobody else asks for it
            task.cancel()
    if not task.done():
        raise TimeoutError
    return task.result()


async def _within_trio(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    import trio

    with trio.move_on_after(seconds):
        return await work
    raise TimeoutError


async def _within_twisted(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    from twisted.internet import defer

    reactor: Any = sys.modules["twisted.internet.reactor"]
    deferred: Any = defer.ensureDeferred(work).addTimeout(seconds, reactor)
    # Synapse charges what runs to a log context, which a Deferred has to come back in; other hosts know none.
    contexts: Any = sys.modules.get("synapse.logging.context")
    try:
        result: T = await (deferred if contexts is None else contexts.make_deferred_yieldable(deferred))
    except defer.TimeoutError:
        raise TimeoutError from None
    return result


_WITHIN: dict[Loop, Callable[[float, Coroutine[Any, Any, Any]], Coroutine[Any, Any, Any]]] = {
    "asyncio": _within_asyncio,
    "trio": _within_trio,
    "twisted": _within_twisted,
}
