"""One timer thread for all deadlines of a process, so that calls which wait hold no thread of their own."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from typing import Any, TypeVar

from attrs import define, field

from ..forks import forget_at_fork
from .deadline import Deadline

T = TypeVar("T")
Call = Callable[[], object]


@define(order=True)
class Alarm:
    """One call that is due at a moment.

    * ``at``: the moment, in s of the monotonic clock.
    * ``number``: which alarm of the same moment comes first.
    * ``call``: what is called then; ``None`` once the alarm was cancelled.
    """

    at: float
    number: int
    call: Call | None = field(order=False)

    def cancel(self) -> None:
        """Call nothing, and keep nothing alive."""
        self.call = None


@define(eq=False)
class Timer:
    """Calls functions at given moments, in a thread that ends when nothing is due any more."""

    _alarms: list[Alarm] = field(init=False, factory=list)
    _numbers: count[int] = field(init=False, factory=count)
    _runs: bool = field(init=False, default=False)
    _changed: threading.Condition = field(init=False, factory=threading.Condition)

    def __attrs_post_init__(self) -> None:
        forget_at_fork(self)

    def at(self, moment: float, call: Call) -> Alarm:
        """Have ``call`` called at a moment (s of the monotonic clock). It must neither block nor raise."""
        with self._changed:
            alarm = Alarm(moment, next(self._numbers), call)
            heappush(self._alarms, alarm)
            if not self._runs:
                threading.Thread(target=self._run, name="matrix_threepid timer", daemon=True).start()
                self._runs = True
            elif self._alarms[0] is alarm:
                self._changed.notify()
        return alarm

    def forget(self) -> None:
        """Begin anew in a forked child, which has no timer thread."""
        self._alarms, self._runs, self._changed = [], False, threading.Condition()

    def _run(self) -> None:
        while (alarm := self._next()) is not None:
            if (call := alarm.call) is not None:
                call()
            del alarm, call  # a thread that sleeps keeps nothing alive

    def _next(self) -> Alarm | None:
        with self._changed:
            while self._alarms:
                first = self._alarms[0]
                left = 0 if first.call is None else first.at - time.monotonic()
                if left <= 0:
                    return heappop(self._alarms)
                self._changed.wait(min(left, threading.TIMEOUT_MAX))
            self._runs = False
            return None


TIMER = Timer()


def by(future: Future[T], until: Deadline) -> Future[T]:
    """Return a future that ends as ``future`` does, or with ``TimeoutError`` at the deadline.

    Cancelling the returned future does not cancel ``future``: event loops do so when a waiting caller is cancelled.
    """
    if future.done():
        return future
    outer: Future[T] = Future()
    alarm = TIMER.at(until.at, lambda: _end(outer, TimeoutError(errno.ETIMEDOUT, "out of time")))

    def ended(inner: Future[T]) -> None:
        alarm.cancel()
        error = inner.exception()
        _end(outer, inner.result() if error is None else error)

    future.add_done_callback(ended)
    return outer


def _end(future: Future[Any], result: Any) -> None:
    """End a future unless it has ended or was cancelled: answer and deadline may come at the same moment."""
    with suppress(InvalidStateError):
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
