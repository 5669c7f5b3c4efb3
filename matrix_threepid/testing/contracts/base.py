"""What every contract has: a way to run awaitables, threads that start together, and abilities one may lack."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from threading import Barrier, Thread
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

import pytest

from ...offload import run_sync

T = TypeVar("T")
_MEETING = 30


class Contract:
    """Tests of one port. ``run``: runs a coroutine; ``threads``: whether threads may share the back end.

    ``abilities``: what a back end, or its stand-in, may lack; ``unsupported``: what this one lacks, and why: the tests
    of it are skipped and say so. Another word raises ``TypeError`` when the class is made. ``patience``: the s after
    which a deadline was missed, also on a slow machine.
    """

    run: Callable[[Coroutine[Any, Any, Any]], Any] = staticmethod(run_sync)
    threads: bool = False
    patience: float = 20
    abilities: ClassVar[Collection[str]] = ()
    unsupported: Mapping[str, str] = MappingProxyType({})

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if unknown := set(cls.unsupported) - set(cls.abilities):
            raise TypeError(f"{cls.__name__}.unsupported: {sorted(unknown)} are none of {sorted(cls.abilities)}")

    def need(self, ability: str) -> None:
        """Skip the test if the back end is declared not to support this."""
        if ability in self.unsupported:
            pytest.skip(f"{ability}: {self.unsupported[ability]}")

    def do(self, method: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Call a method of the port and return what it comes to."""

        async def call() -> T:
            return await method(*args)

        result: T = self.run(call())
        return result

    def soon(self, method: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Do it in a thread and return what it comes to; fail if that takes too long."""
        done: SimpleQueue[Future[T]] = SimpleQueue()
        Thread(target=lambda: done.put(_settled(self.do, method, *args)), daemon=True).start()
        try:
            return done.get(timeout=self.patience).result()
        except Empty:
            pytest.fail(f"nothing after {self.patience:g} s: the deadline is not kept")

    def together(self, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Make calls (method, arguments …) in threads that start as one; skip the test without ``threads``."""
        if not self.threads:
            pytest.skip("this back end is not for threads")
        start = Barrier(len(calls))

        def call(method: Callable[..., Awaitable[Any]], *args: Any) -> Any:
            start.wait(_MEETING)
            return self.do(method, *args)

        with ThreadPoolExecutor(len(calls)) as pool:
            return [future.result() for future in [pool.submit(call, *each) for each in calls]]


def _settled(call: Callable[..., T], *args: Any) -> Future[T]:
    """Return what the call returned or raised."""
    future: Future[T] = Future()
    try:
        future.set_result(call(*args))
    except BaseException as error:
        future.set_exception(error)
    return future
