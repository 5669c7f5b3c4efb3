"""What every contract has: a way to run awaitables, and threads that start together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

import pytest

from ...drive import run_sync

T = TypeVar("T")

_PATIENCE = 30


class Contract:
    """Tests of one port. ``run``: runs a coroutine; ``threads``: whether threads may share the back end."""

    run: Callable[[Coroutine[Any, Any, Any]], Any] = staticmethod(run_sync)
    threads: bool = False

    def do(self, method: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Call a method of the port and return what it comes to."""

        async def call() -> T:
            return await method(*args)

        result: T = self.run(call())
        return result

    def together(self, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Make calls (method, arguments …) in threads that start as one; skip the test without ``threads``."""
        if not self.threads:
            pytest.skip("this back end is not for threads")
        start = Barrier(len(calls))

        def call(method: Callable[..., Awaitable[Any]], *args: Any) -> Any:
            start.wait(_PATIENCE)
            return self.do(method, *args)

        with ThreadPoolExecutor(len(calls)) as pool:
            return [future.result() for future in [pool.submit(call, *each) for each in calls]]
