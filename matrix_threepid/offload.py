"""``run_sync`` runs a handler without an event loop; ``Offload`` is the type of what runs blocking work beside one."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Offload(Protocol):
    """Runs blocking work outside of the event loop's thread, as ``Threads`` and ``asyncio.to_thread`` do."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


# Local to a thread, since other threads may drive coroutines in other ways at the same time.
class _Driver(threading.local):
    running = False


_driver = _Driver()


def driven_by_run_sync() -> bool:
    """Return whether ``run_sync`` drives the running coroutine, even if an event loop runs in this thread."""
    return _driver.running


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end without an event loop and return its result; nothing in it may wait (decision 2).

    The blocking work of stores and senders then runs in this thread, even if an event loop runs in it, as it does while
    an application is imported. Raises ``RuntimeError`` with the names of the coroutines that wait if one does.

    >>> async def answer():
    ...     return 42
    >>> run_sync(answer())
    42
    """
    try:
        # One step is all: a coroutine that never waits ends in its first.
        waits_for = drive(coroutine)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    chain = " > ".join(_names(coroutine))
    coroutine.close()
    raise RuntimeError(f"run_sync needs ports that answer at once, but {chain} waits for {waits_for!r}")


def drive(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Take a coroutine to where it first waits, as ``run_sync`` does; return what it waits for.

    Raises ``StopIteration`` with what the coroutine returns, if it does not wait any more.
    """
    before, _driver.running = _driver.running, True
    try:
        return coroutine.send(None)
    finally:
        _driver.running = before


def _names(awaitable: Any) -> Iterator[str]:
    """Yield the names of the coroutines that await one another, the outermost first."""
    while awaitable is not None:
        yield getattr(awaitable, "__qualname__", type(awaitable).__qualname__)
        awaitable = getattr(awaitable, "cr_await", None)
