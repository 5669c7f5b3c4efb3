"""An asyncio loop whose time passes as soon as nothing else can run, so that a day takes seconds."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop with a time of its own.

    * ``now``: the s that have passed.
    """

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Passing(self))

    def time(self) -> float:
        """Return the s that have passed."""
        return self.now


class _Passing(selectors.SelectSelector):
    """A selector that waits for nothing: it lets the time of its loop pass instead."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let the time pass until the next timer is due."""
        if timeout is None:
            raise RuntimeError("everything waits, and nothing will ever happen")
        self._loop.now += timeout
        return []


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time to its end, and cancel the tasks that it leaves; return its result."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
