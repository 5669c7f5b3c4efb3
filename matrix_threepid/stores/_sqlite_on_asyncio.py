"""``OnAsyncio``: operations on an SQLite file for the tasks of asyncio, by two threads.

One reads while the other writes. More would only wait for each other, because Python runs one thread at a time and
SQLite has one writer. No thread waits for a commit that another one makes; a task does, and is woken together with
others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar, cast

from attrs import Factory, define, field, frozen

from ..loop_calls import LoopCalls, settle
from ..protocol.errors import Unavailable
from ..threads import Threads
from ._shared_commits import Execute, SharedCommits, Waiting
from .sql.operation import TRIES, Again, Later, Operation, Statement

T = TypeVar("T")


class Read(Protocol):
    """Runs what an operation reads before it writes.

    Returns whether that was all, and the result of the operation or else the statement with which it goes on.
    """

    def __call__(self, operation: Operation[Any], /, *, as_reader: bool) -> tuple[bool, Any]: ...


@frozen
class OnAsyncio:
    """Runs operations for tasks of asyncio.

    * ``read``: runs what an operation reads before it writes.
    * ``write``: runs the rest of an operation, from a statement on.
    * ``shared``: runs what operations write, together.
    * ``patience``: the s that an operation waits to begin and then to write, both together; as long again if it is
      still reading then, or has waited until no other did.
    * ``threads``: where all of this runs.
    """

    read: Read
    write: Callable[[Operation[Any], Statement, Execute], Any]
    shared: SharedCommits
    patience: float
    threads: Threads = Factory(lambda: Threads(2))

    async def run(self, operation: Callable[[], Operation[T]]) -> T:
        """Run an operation, again while it raises ``Again``. Raises ``Unavailable`` after the last try."""
        last: BaseException | None = None
        for number in range(TRIES):
            try:
                # Only the first try may begin as a reader, see `Sqlite`.
                return cast("T", await self._once(operation(), as_reader=number == 0))
            except Again as again:  # noqa: PERF203  trying again is what the loop is for
                last = again.__cause__
        raise Unavailable from last

    async def _once(self, operation: Operation[Any], *, as_reader: bool) -> Any:
        calls, loop = LoopCalls.here()
        run = _Run(self, operation, as_reader, calls, loop.create_future())
        self.threads.start_unwatched(run.begin)
        run.watch(loop)
        try:
            return await run.waiter
        except asyncio.CancelledError:
            run.withdrawn()
            raise
        finally:
            run.timer.cancel()


@define(eq=False)
class _Run:
    """One try of an operation.

    * ``by``: gives what runs it.
    * ``operation``: a generator that has not begun.
    * ``as_reader``: whether it may begin as a reader.
    * ``calls``: what is called in the loop of the task.
    * ``waiter``: the future that the task awaits.
    * ``waiting``: what waits to write, once the operation has come to that.
    * ``turn``: taken by whoever comes first, the thread that begins the operation or the task that gives it up.
    * ``timer``: calls ``_late`` when its patience ends.
    """

    by: OnAsyncio
    operation: Operation[Any]
    as_reader: bool
    calls: LoopCalls
    waiter: asyncio.Future[Any]
    waiting: Waiting | None = None
    turn: list[None] = Factory(lambda: [None])
    timer: asyncio.TimerHandle = field(init=False)

    def begin(self) -> None:
        """Read, and have the rest written; in a thread."""
        if not self._takes_turn():
            return
        try:
            over, value = self.by.read(self.operation, as_reader=self.as_reader)
            if not over:
                write = partial(self.by.write, self.operation, value)
                start, later = self.by.threads.start_unwatched, isinstance(value, Later)
                self.waiting = self.by.shared.begin(write, self._ended, start, later=later)
                return
        except BaseException as error:
            self._ended(None, error)
        else:
            self._ended(value, None)

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the operation up, unless it has begun to write, when the patience is over."""
        self.timer = loop.call_later(self.by.patience, self._late, loop)

    def withdrawn(self) -> bool:
        """Take the operation back unless it has begun; return whether that was so."""
        return self._takes_turn() or (self.waiting is not None and self.waiting.withdrawn())

    def _late(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.waiting is not None and self.waiting.hurried():
            self.watch(loop)  # it has waited until nothing else did
        elif self.withdrawn():
            settle(self.waiter, None, Unavailable())
        elif self.waiting is None:
            self.watch(loop)  # it still reads

    def _takes_turn(self) -> bool:
        try:
            self.turn.pop()
        except IndexError:
            return False
        return True

    def _ended(self, result: Any, error: BaseException | None) -> None:
        self.calls.add(partial(settle, self.waiter, result, error))
