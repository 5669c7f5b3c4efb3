"""Time work, one operation after another, under a driver; and what a driver is."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter_ns, process_time_ns
from typing import Any

from attrs import define, field, frozen

from matrix_threepid.offload import run_sync


@frozen(kw_only=True)
class Work:
    """Prepared work: ``act`` is called with each argument; ``wrong`` counts the results that are not right."""

    arguments: Sequence[Any]
    act: Callable[[Any], Any]
    wrong: Callable[[Sequence[Any]], int] = field(default=lambda _: 0)


@define
class Watch:
    """What was measured; ``laps`` are wall-clock ns, ``cpu`` ns of the whole process, ``blocks`` of memory kept."""

    laps: list[int] = field(factory=list)
    results: list[Any] = field(factory=list)
    cpu: int = 0
    blocks: int = 0

    def __enter__(self) -> Watch:
        gc.collect()
        self.blocks, self.cpu = -sys.getallocatedblocks(), -process_time_ns()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu += process_time_ns()
        self.blocks += sys.getallocatedblocks()

    def lap(self, began: int, result: Any) -> None:
        """Note the end of an operation."""
        self.laps.append(perf_counter_ns() - began)
        self.results.append(result)

    @property
    def cpu_us(self) -> float:
        """CPU time of the process, us per operation."""
        return self.cpu / len(self.laps) / 1000

    def fields(self) -> dict[str, Any]:
        """Return the figures of a JSON line, microseconds per operation."""
        ordered, ops = sorted(self.laps), len(self.laps)
        seconds = sum(ordered) / 1e9
        return {
            "ops": ops,
            "seconds": round(seconds, 6),
            "ops_per_s": round(ops / seconds),
            "p50_us": ordered[ops // 2] / 1000,
            "p99_us": ordered[ops * 99 // 100] / 1000,
            "max_us": ordered[-1] / 1000,
            "cpu_us": self.cpu_us,
            "alloc_per_op": round(self.blocks / ops, 1),
        }


def by_hand(work: Work) -> Watch:
    """Call a plain function: floors, and units that are no handlers."""
    with Watch() as watch:
        for argument in work.arguments:
            began = perf_counter_ns()
            watch.lap(began, work.act(argument))
    return watch


def bare(work: Work) -> Watch:
    """Run handlers without a loop."""
    with Watch() as watch:
        for argument in work.arguments:
            began = perf_counter_ns()
            watch.lap(began, run_sync(work.act(argument)))
    return watch


def under_asyncio(work: Work) -> Watch:
    """Run handlers as tasks of an asyncio loop, one after the other."""

    async def main() -> Watch:
        with Watch() as watch:
            for argument in work.arguments:
                began = perf_counter_ns()
                watch.lap(began, await asyncio.create_task(work.act(argument)))
        return watch

    return asyncio.run(main())


def under_trio(work: Work) -> Watch:
    """Run handlers as tasks of a trio nursery, one after the other."""
    import trio

    async def main() -> Watch:
        kept: list[Any]
        with Watch() as watch:
            for argument in work.arguments:
                began, kept = perf_counter_ns(), []
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_kept, work.act(argument), kept)
                watch.lap(began, kept[0])
        return watch

    return trio.run(main)


async def _kept(result: Awaitable[Any], into: list[Any]) -> None:
    into.append(await result)


def under_twisted(work: Work) -> Watch:
    """Run handlers as Deferreds; ports that answer at once need no reactor."""
    from twisted.internet.defer import Deferred

    kept: list[Any]
    with Watch() as watch:
        for argument in work.arguments:
            began, kept = perf_counter_ns(), []
            Deferred.fromCoroutine(work.act(argument)).addCallback(kept.append)
            watch.lap(began, kept[0])
    return watch


Driver = Callable[[Work], Watch]
DRIVERS: dict[str, Driver] = {
    "bare": bare,
    "asyncio": under_asyncio,
    "trio": under_trio,
    "twisted": under_twisted,
}
"""How handlers are run, by the name of ``--driver``."""
