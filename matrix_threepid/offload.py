"""Run the handlers without an event loop, and name how blocking work leaves one."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Offload(Protocol):
    """Runs blocking work away from the event loop: ``Threads``, ``asyncio.to_thread``, ``trio.to_thread.run_sync``."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


class _Driver(threading.local):
    running = False


_driver = _Driver()


def driven_by_run_sync() -> bool:
    """Return whether ``run_sync`` drives the coroutine that asks, also inside of an event loop."""
    return _driver.running


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a handler to its end without a loop; all its ports must answer without waiting.

    Blocking work of our own parts runs in this thread, also where an event loop runs, such as at the import of an
    application. Raises ``RuntimeError`` naming what it would have to wait for.
    """
    before, _driver.running = _driver.running, True
    try:
        waits_for = coroutine.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        _driver.running = before
    chain = " > ".join(_names(coroutine))
    coroutine.close()
    raise RuntimeError(f"run_sync needs ports that answer at once, but {chain} waits for {waits_for!r}")


def _names(awaitable: Any) -> Iterator[str]:
    """Yield the names of the coroutines that wait for one another, the outermost first."""
    while awaitable is not None:
        yield getattr(awaitable, "__qualname__", type(awaitable).__qualname__)
        awaitable = getattr(awaitable, "cr_await", None)
