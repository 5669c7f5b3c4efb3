"""Jobs whose work is in pieces: several at once, failures apart, and what has begun is finished."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from virtual_time import Time

from matrix_threepid import Job, run_sync
from matrix_threepid.hosts import keep_house, keep_house_in_threads, keep_house_in_trio, keep_house_in_twisted

AT_ONCE = 4


class Pieces:
    """Pieces of work; each waits for ``hold``, and ``most`` is how many were under way at the same time."""

    def __init__(self, count: int, hold: Callable[[], Any], fails: frozenset[int] = frozenset()) -> None:
        self.left, self.hold, self.fails = count, hold, fails
        self.begun: list[int] = []
        self.finished: list[int] = []
        self.most = 0

    async def one(self) -> bool:
        if not self.left:
            return False
        self.left -= 1
        number = len(self.begun)
        self.begun.append(number)
        self.most = max(self.most, len(self.begun) - len(self.finished))
        try:
            await self.hold()
            if number in self.fails:
                raise ValueError
        finally:
            self.finished.append(number)
        return True

    def job(self, **more: Any) -> Job:
        return Job(name="pieces", every=5000, work=self.one, at_once=AT_ONCE, **more)


async def at_once() -> None:
    """Hold nothing up."""


def in_asyncio(make: Callable[[Callable[[], Any]], Job], ms: int, cancelled_at: int | None = None) -> None:
    async def main() -> None:
        time = Time()
        task = asyncio.ensure_future(keep_house(make(lambda: time.sleep(1)), sleep=time.sleep))
        await time.pass_until(ms if cancelled_at is None else cancelled_at)
        task.cancel()
        await time.pass_until(ms + 60_000)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def in_trio(make: Callable[[Callable[[], Any]], Job], ms: int, cancelled_at: int | None = None) -> None:
    async def main() -> None:
        with trio.move_on_after((ms if cancelled_at is None else cancelled_at) / 1000):
            await keep_house_in_trio(make(lambda: trio.sleep(1)))  # noqa: ASYNC105  awaited by the piece

    trio.run(main, clock=MockClock(autojump_threshold=0))


def in_twisted(make: Callable[[Callable[[], Any]], Job], ms: int, cancelled_at: int | None = None) -> None:
    clock = Clock()

    def hold() -> Deferred[None]:
        held = Deferred[None]()
        clock.callLater(1, held.callback, None)
        return held

    stop = keep_house_in_twisted(make(hold), clock=clock)
    clock.pump([0.1] * ((ms if cancelled_at is None else cancelled_at) // 100))
    stop()
    clock.pump([0.1] * 100)


LOOPS = pytest.mark.parametrize("drive", [in_asyncio, in_trio, in_twisted], ids=lambda drive: drive.__name__)


@LOOPS
def test_pieces_are_done_several_at_once(drive: Callable[..., None]) -> None:
    """After the first piece of a run as many are under way as the job says, and no more than its limit in all."""
    held: list[Pieces] = []

    def make(hold: Callable[[], Any]) -> Job:
        held.append(Pieces(20, hold))
        return held[0].job(limit=9)

    drive(make, 3300)
    assert (held[0].most, len(held[0].finished)) == (AT_ONCE, 9)


@LOOPS
def test_a_piece_that_fails_ends_no_other(drive: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    """Each failure is logged by its type; the pieces at the same time are finished, and the others done as well."""
    held: list[Pieces] = []

    def make(hold: Callable[[], Any]) -> Job:
        held.append(Pieces(9, hold, frozenset({2, 3})))
        return held[0].job()

    drive(make, 5500)
    assert sorted(held[0].finished) == list(range(9))
    logged = [each.getMessage() for each in caplog.records if each.name == "matrix_threepid.housekeeping"]
    assert logged == ["pieces failed: ValueError", "pieces failed: ValueError; next try in 5000 ms"]


@LOOPS
def test_what_has_begun_is_finished_when_a_host_stops(drive: Callable[..., None]) -> None:
    """A driver that is stopped lets the pieces under way come to their end, and begins no others."""
    held: list[Pieces] = []

    def make(hold: Callable[[], Any]) -> Job:
        held.append(Pieces(20, hold))
        return held[0].job()

    drive(make, 1500, cancelled_at=1500)
    assert (len(held[0].begun), sorted(held[0].finished)) == (1 + AT_ONCE, list(range(1 + AT_ONCE)))


def test_a_second_cancellation_ends_work_in_the_middle() -> None:
    """A host that cannot wait cancels again: nothing of the driver goes on behind its back."""

    async def main() -> None:
        begun = asyncio.Event()

        async def forever() -> None:
            begun.set()
            await asyncio.Event().wait()

        task = asyncio.ensure_future(keep_house(Job(name="stuck", every=1, work=forever)))
        await begun.wait()
        for _ in range(2):
            task.cancel()
            for _ in range(10):
                await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_threads_do_pieces_several_at_once() -> None:
    """Without a loop the pieces of a job are done in threads; stopping waits for those under way."""
    together = threading.Barrier(AT_ONCE)
    count = iter(range(1000))
    begun = threading.Event()

    async def meet() -> None:
        if 0 < next(count) <= AT_ONCE:  # the first piece of a run is done alone
            together.wait(30)
            begun.set()

    pieces = Pieces(1 + 3 * AT_ONCE, meet)
    stop = keep_house_in_threads(pieces.job())
    assert begun.wait(30)
    stop()
    assert sorted(pieces.finished) == sorted(pieces.begun)
    assert pieces.most >= AT_ONCE


def test_threads_tell_of_what_cannot_run_their_pieces(caplog: pytest.LogCaptureFixture) -> None:
    """A port that waits where no loop runs is a failure of the job, in whichever thread it happens."""
    caplog.set_level(logging.WARNING)
    failed, count = threading.Event(), iter(range(1000))

    async def wait() -> None:
        if next(count):
            failed.set()
            await asyncio.sleep(1)

    stop = keep_house_in_threads(Pieces(9, wait).job())
    assert failed.wait(30)
    stop()
    assert "pieces failed: RuntimeError; next try in 5000 ms" in [each.getMessage() for each in caplog.records]


def test_a_host_may_do_pieces_one_by_one() -> None:
    """Driven by a clock and without a driver, a run does the pieces one after the other."""
    pieces = Pieces(7, at_once)
    assert run_sync(pieces.job(limit=5).run_once()) == 500
    assert (pieces.most, len(pieces.finished)) == (1, 5)
