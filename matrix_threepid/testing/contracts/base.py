"""What all contracts share: running awaitables, threads that start together, and declared gaps."""

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
    """The base class of contracts.

    * ``run``: runs a coroutine to its end.
    * ``threads``: whether several threads may use the part at once.
    * ``abilities``: what a part of this kind, or its stand-in, may lack.
    * ``unsupported``: the abilities that this part lacks, each with the reason. Their tests are skipped and show it.
      Another word raises ``TypeError`` when the class is made.
    * ``patience``: s after which a deadline counts as missed, on slow machines as well.
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
        """Skip the test if the part is declared to lack this ability."""
        if ability in self.unsupported:
            pytest.skip(f"{ability}: {self.unsupported[ability]}")

    def do(self, method: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Call a method of the port and return its result."""

        async def call() -> T:
            return await method(*args)

        result: T = self.run(call())
        return result

    def soon(self, method: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Call a function in a thread and return its result; fail if that takes longer than ``patience``."""
        done: SimpleQueue[Future[T]] = SimpleQueue()
        Thread(target=lambda: done.put(_settled(self.do, method, *args)), daemon=True).start()
        try:
            return done.get(timeout=self.patience).result()
        except Empty:
            pytest.fail(f"nothing after {self.patience:g} s: the deadline is not kept")

    def together(self, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Make the calls (method, arguments …) in threads that start at once; skip the test without ``threads``."""
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
