"""Run the handlers without an event loop, and name how blocking work leaves one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Offload(Protocol):
    """Runs blocking work where it blocks nobody: ``asyncio.to_thread``, ``trio.to_thread.run_sync``."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


async def inline(work: Callable[[], T], /) -> T:
    """Run blocking work here and now: right for threaded hosts, tests, and work of microseconds."""
    return work()


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a handler to its end without a loop; all its ports must answer without waiting.

    Raises ``RuntimeError`` naming what it would have to wait for.
    """
    try:
        waits_for = coroutine.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    chain = " > ".join(_names(coroutine))
    coroutine.close()
    raise RuntimeError(f"run_sync needs ports that answer at once, but {chain} waits for {waits_for!r}")


def _names(awaitable: Any) -> Iterator[str]:
    """Yield the names of the coroutines that wait for one another, the outermost first."""
    while awaitable is not None:
        yield getattr(awaitable, "__qualname__", type(awaitable).__qualname__)
        awaitable = getattr(awaitable, "cr_await", None)
