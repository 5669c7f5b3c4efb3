"""Places for calls: so many at once for each host name, for each address and in all; the others wait in line.

A call that waits holds no thread: it waits for a future, which its event loop waits for. Without an event loop it
waits in the thread of its caller.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from threading import Lock
from typing import TypeVar

from attrs import define, field, frozen

from ..forks import forget_at_fork
from ..threads import result_of
from .deadline import Deadline
from .timer import by

T = TypeVar("T")

SHARE = 4
"""One caller may have one such part of a waiting room: a quarter."""


class NoPlaceError(Exception):
    """No place for this call: too many wait, or its deadline passed while it waited."""


@frozen
class Line:
    """What calls stand in line for.

    * ``kind``: what the places are counted by, such as ``name`` or ``address``.
    * ``key``: which of its kind, such as the host name.
    * ``most``: calls that have a place at the same time.
    * ``room``: calls that may wait.
    """

    kind: str
    key: str
    most: int = field(eq=False)
    room: int = field(eq=False)


@define(eq=False)
class _Queue:
    """The calls in one line: the number of those that have a place, and the others in order of arrival."""

    busy: int = 0
    waiting: dict[Ticket, None] = field(factory=dict)
    callers: Counter[str] = field(factory=Counter)


@define(eq=False)
class Ticket:
    """One call in one line.

    * ``line``: what it stands in line for.
    * ``caller``: for whom the call is made; ``None``: unknown.
    * ``has_place``: whether it may go on.
    * ``holders``: how many still use its place; who began the call is one of them.
    * ``given``: ends when it gets a place; ``None`` for one that has never waited.
    """

    line: Line
    caller: str | None
    has_place: bool = False
    holders: int = 1
    given: Future[None] | None = field(default=None, repr=False)
    _queue: _Queue = field(factory=_Queue, repr=False)


@define(eq=False)
class Waiter:
    """One call on its way through all its lines.

    * ``caller``: for whom the call is made; ``None``: unknown.
    * ``until``: its deadline.
    * ``waited``: ms it has waited for places so far.
    """

    caller: str | None
    until: Deadline
    waited: int = 0


@define(eq=False)
class Places:
    """Gives places to calls in order of arrival; threads may share it.

    No caller may have more than a quarter of those who wait in one line, nor of all who wait, so that nobody can fill
    the waiting rooms alone. Calls of unknown callers are not counted together: they may be of different people.

    * ``waiting``: calls that may wait in all lines together.
    """

    waiting: int
    _queues: dict[Line, _Queue] = field(init=False, factory=dict)
    _waiting: int = field(init=False, default=0)
    _callers: Counter[str] = field(init=False, factory=Counter)
    _lock: Lock = field(init=False, factory=Lock)

    def __attrs_post_init__(self) -> None:
        forget_at_fork(self)

    @asynccontextmanager
    async def place(self, line: Line, waiter: Waiter) -> AsyncIterator[Ticket]:
        """Wait for a place until the deadline and have it inside of the block. Raises ``NoPlaceError``."""
        ticket = self.join(line, waiter.caller)
        if ticket is None:
            raise NoPlaceError
        try:
            if ticket.given is not None:
                left = waiter.until.left_ms()
                await _turn_of(ticket.given, waiter.until)
                waiter.waited += left - waiter.until.left_ms()
            yield ticket
        finally:
            self.leave(ticket)

    def join(self, line: Line, caller: str | None = None) -> Ticket | None:
        """Let a call stand in line, with a place if one is free; return ``None`` if it must not wait. Never blocks."""
        with self._lock:
            queue = self._queues.get(line) or _Queue()
            ticket = Ticket(line, caller, queue=queue)
            if queue.busy < line.most:
                queue.busy += 1
                ticket.has_place = True
            elif self._may_wait(queue, ticket):
                ticket.given = Future()
                queue.waiting[ticket] = None
                self._count(ticket, 1)
            else:
                return None
            self._queues[line] = queue
            return ticket

    def hold(self, *tickets: Ticket) -> bool:
        """Use the places of a call until ``leave``, also if who began it leaves; return whether it still has them.

        For the thread that does the work of a call: a cancelled call has its places until its thread is done.
        """
        with self._lock:
            if not all(ticket.has_place for ticket in tickets):
                return False
            for ticket in tickets:
                ticket.holders += 1
            return True

    def held(self, tickets: tuple[Ticket, ...], work: Callable[[], T]) -> T:
        """Do the work of a call while it has its places. Raises ``NoPlaceError`` if it was cancelled before."""
        if not self.hold(*tickets):
            raise NoPlaceError
        try:
            return work()
        finally:
            self.leave(*tickets)

    def leave(self, *tickets: Ticket) -> None:
        """Give back places, or places in line; a place is free when all who use it have left.

        One time more than there are holders changes nothing.
        """
        with self._lock:
            next_ones = [self._leave(ticket) for ticket in tickets]
        for ticket in next_ones:
            if ticket is not None and ticket.given is not None:
                ticket.given.set_result(None)  # outside of the lock, since it calls whoever waits for it

    def forget(self) -> None:
        """Begin anew in a forked child: the calls under way are the parent's."""
        self._queues, self._waiting, self._callers, self._lock = {}, 0, Counter(), Lock()

    def _may_wait(self, queue: _Queue, ticket: Ticket) -> bool:
        room, caller = ticket.line.room, ticket.caller
        if len(queue.waiting) >= room or self._waiting >= self.waiting:
            return False
        return caller is None or (queue.callers[caller] < _share(room) and self._callers[caller] < _share(self.waiting))

    def _leave(self, ticket: Ticket) -> Ticket | None:
        """Return the call whose turn it is now."""
        queue = ticket._queue
        if not ticket.holders or self._queues.get(ticket.line) is not queue:
            return None
        ticket.holders -= 1
        if ticket.holders:
            return None
        follower = None
        if not ticket.has_place:
            self._stop_waiting(ticket)
        elif follower := next(iter(queue.waiting), None):
            self._stop_waiting(follower)
            follower.has_place = True
        else:
            queue.busy -= 1
        ticket.has_place = False
        if not queue.busy:
            del self._queues[ticket.line]
        return follower

    def _stop_waiting(self, ticket: Ticket) -> None:
        del ticket._queue.waiting[ticket]
        self._count(ticket, -1)

    def _count(self, ticket: Ticket, change: int) -> None:
        self._waiting += change
        if ticket.caller is None:
            return
        for counter in (ticket._queue.callers, self._callers):
            counter[ticket.caller] += change
            if not counter[ticket.caller]:
                del counter[ticket.caller]


async def _turn_of(given: Future[None], until: Deadline) -> None:
    try:
        await result_of(by(given, until))
    except TimeoutError:
        raise NoPlaceError("out of time") from None


def _share(room: int) -> int:
    return max(1, room // SHARE)
