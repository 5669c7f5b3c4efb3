"""``Threads``: runs blocking work for coroutines of asyncio, trio and Twisted, and for those without a loop."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field

from .forks import forget_at_fork
from .loop_calls import LoopCalls, settle
from .protocol.errors import ConfigurationError, Unavailable
from .protocol.wiring import demand, whole
from .running_loop import Loop, running_loop

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")
Wait = Callable[["Future[Any]"], Awaitable[Any]]

IDLE = 10.0
"""The s that a thread waits for more work before it ends."""


class Threads:
    """An ``Offload`` with threads of its own; stores and senders have one each, so that none waits for another.

    * ``most``: the number of threads at most, from 1; further work waits for a free one.
    * ``patience``: the ms that work may wait for a thread before it fails with ``Unavailable``; ``None``, the default,
      for any time.

    Under asyncio, trio and Twisted the work runs in a thread and the loop goes on; without a loop, and under
    ``run_sync``, it runs in the calling thread. Threads start when they are needed, end after 10 s without work, and do
    not delay the end of the process. Cancelling withdraws work that has not begun; work that has begun is finished in
    its thread. Raises ``ConfigurationError`` for a ``most`` below 1.

    >>> from matrix_threepid import run_sync
    >>> run_sync(Threads(4)(lambda: "done"))
    'done'
    """

    def __init__(self, most: int, *, patience: int | None = None) -> None:
        demand("most", most, whole(1), "must be a whole number, 1 or more")
        if patience is not None:
            demand("patience", patience, whole(0), "must be a whole number of ms, or None")
        self._most, self._patience = most, patience
        self._crew = _Crew(most)

    def __repr__(self) -> str:
        return f"Threads(most={self._most})"

    async def __call__(self, work: Callable[[], T], /) -> T:
        """Run ``work`` and return what it returns, or raise what it raises."""
        loop = running_loop()
        if loop is None:
            return work()
        if loop == "asyncio":
            # A future of the loop itself: one of a thread, and its twin in the loop, cost more than a short look-up.
            calls, running = LoopCalls.here()
            waiter = running.create_future()
            self._crew.do(_Awaited(partial(copy_context().run, work), self._latest(), waiter, calls))
            answer: T = await waiter
            return answer
        result: T = await _WAITS[loop](self.start(work))
        return result

    def start(self, work: Callable[[], T], /) -> Future[T]:
        """Have ``work`` done in a thread, also where no event loop runs; return a future of its result."""
        # In a copy of the context, as `asyncio.to_thread` does: context variables of a request reach its log lines.
        job = _Job(partial(copy_context().run, work), self._latest())
        self._crew.do(job)
        return job.future

    def start_unwatched(self, work: Callable[[], None], /) -> None:
        """Have ``work`` done in a thread.

        It tells by itself what came of it, and must not raise, which would end the thread.
        """
        self._crew.do(_Unwatched(partial(copy_context().run, work)))

    def _latest(self) -> float | None:
        return None if self._patience is None else time.monotonic() + self._patience / 1000


async def result_of(future: Future[T]) -> T:
    """Wait for a future in whatever drives this coroutine; return its result, or raise its error.

    Under asyncio, trio and Twisted the loop goes on. Without a loop, and under ``run_sync``, this thread waits, so a
    future that may never end needs a deadline of its own.
    """
    wait = None if future.done() else _wait_of_loop()
    if wait is None:
        return future.result()
    result: T = await wait(future)
    return result


async def inline(work: Callable[[], T], /) -> T:
    """Run blocking work in the calling thread. Raises ``ConfigurationError`` if that would stop an event loop."""
    if _wait_of_loop() is not None:
        raise ConfigurationError("offload: inline would stop the event loop that runs; leave offload out")
    return work()


@define(eq=False)
class _Job:
    """A piece of work.

    * ``work``: the work.
    * ``latest``: the time in s of the monotonic clock from which it fails instead of beginning; ``None``: never.
    * ``future``: gets the result.
    """

    work: Callable[[], Any]
    latest: float | None
    future: Future[Any] = field(factory=Future)

    def run(self) -> Callable[[], None]:
        """Do the work; return what tells the future of it."""
        if not self.future.set_running_or_notify_cancel():
            return _nothing
        result, error = _done(self.work, self.latest)
        return partial(self.future.set_result, result) if error is None else partial(self.future.set_exception, error)


@define(eq=False)
class _Awaited:
    """A piece of work that a task of asyncio awaits.

    * ``work``, ``latest``: as of ``_Job``.
    * ``waiter``: the future that the task awaits; cancelled with it.
    * ``calls``: what is called in the loop of the task.
    """

    work: Callable[[], Any]
    latest: float | None
    waiter: asyncio.Future[Any]
    calls: LoopCalls

    def run(self) -> Callable[[], None]:
        """Do the work; return what has the loop told of it."""
        if self.waiter.cancelled():
            return _nothing
        return partial(self.calls.add, partial(settle, self.waiter, *_done(self.work, self.latest)))


@define(eq=False)
class _Unwatched:
    """A piece of work that tells by itself what came of it."""

    work: Callable[[], None]

    def run(self) -> Callable[[], None]:
        """Do the work."""
        self.work()
        return _nothing


def _done(work: Callable[[], Any], latest: float | None) -> tuple[Any, BaseException | None]:
    """Do a piece of work, unless it is too late for it; return its result, or ``None`` and its error."""
    if latest is not None and time.monotonic() >= latest:
        return None, Unavailable()
    try:
        return work(), None
    except BaseException as error:
        return None, error


def _nothing() -> None:
    return None


_Work = _Job | _Awaited | _Unwatched


class _Crew:
    """The threads of one process, and the work that waits for one.

    Not ``ThreadPoolExecutor``, because the interpreter waits for its threads when the program ends
    (https://docs.python.org/3/library/concurrent.futures.html#threadpoolexecutor): a mail server that does not answer
    would delay that.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.forget()
        forget_at_fork(self)

    def forget(self) -> None:
        """Begin anew in a forked child, which has none of the threads, but their counts and perhaps a held lock."""
        # A thread that is woken takes the next job without this lock: a condition would have each of them wait for it.
        self._jobs: SimpleQueue[_Work] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = self._unfinished = 0

    def do(self, job: _Work) -> None:
        """Queue a job for the next free thread. Raises ``RuntimeError`` if there is none and none can be started."""
        with self._lock:
            self._jobs.put(job)
            self._unfinished += 1
            # Else there is a thread for each unfinished job, and one of them is free.
            if self._threads < min(self._unfinished, self._most):
                self._start()

    def _start(self) -> None:
        try:
            threading.Thread(target=self._work, name="matrix_threepid", daemon=True).start()
        except RuntimeError:
            # The system has no more threads. If one of ours runs, it will do the job.
            if not self._threads:
                self._jobs.get_nowait()
                self._unfinished -= 1
                raise
        else:
            self._threads += 1

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=IDLE)
            except Empty:
                with self._lock:
                    # Unless a job has come for it since.
                    if self._threads > self._unfinished:
                        self._threads -= 1
                        return
                continue
            tell = job.run()
            with self._lock:
                self._unfinished -= 1
            tell()
            del job, tell  # an idle thread must not keep the result and its context in memory


def _wait_of_loop() -> Wait | None:
    """Return how the running coroutine can wait for a future; ``None`` if no event loop drives it."""
    loop = running_loop()
    return None if loop is None else _WAITS[loop]


async def _wait_on_asyncio(future: Future[Any]) -> Any:
    import asyncio

    return await asyncio.wrap_future(future)


async def _wait_on_trio(future: Future[Any]) -> Any:
    import trio

    done, token = trio.Event(), trio.lowlevel.current_trio_token()

    def tell(_: object) -> None:
        with suppress(trio.RunFinishedError):  # the waiting task was cancelled and the loop has ended
            token.run_sync_soon(done.set)

    future.add_done_callback(tell)
    try:
        await done.wait()
    finally:
        future.cancel()
    return future.result()


async def _wait_on_twisted(future: Future[Any]) -> Any:
    from twisted.internet.defer import Deferred

    def cancel(_: Deferred[Any]) -> None:
        future.cancel()

    def tell() -> None:
        if deferred.called:  # it was cancelled, and a Deferred fires once
            return
        if (error := future.exception()) is not None:
            deferred.errback(error)
        else:
            deferred.callback(future.result())

    reactor: Any = sys.modules["twisted.internet.reactor"]
    deferred: Deferred[Any] = Deferred(cancel)
    future.add_done_callback(lambda _: reactor.callFromThread(tell))
    # Synapse charges what runs to a log context, which a Deferred has to come back in; other hosts know none.
    contexts: Any = sys.modules.get("synapse.logging.context")
    return await (deferred if contexts is None else contexts.make_deferred_yieldable(deferred))


_WAITS: dict[Loop, Wait] = {"asyncio": _wait_on_asyncio, "trio": _wait_on_trio, "twisted": _wait_on_twisted}
