"""Places at hosts: so many calls at once to each, the others wait for one in order of arrival."""

from __future__ import annotations

from contextlib import suppress
from threading import Event, Lock

from attrs import define, field

from .deadline import Deadline


@define(eq=False)
class Ticket:
    """One call on its way to a host.

    ``host``: the host it is for.
    ``is_here``: whether its thread runs, so that it can use a place.
    ``has_place``: whether it may call the host now.
    ``ended``: set once it has a place, or has left.
    """

    host: str
    is_here: bool = False
    has_place: bool = False
    ended: Event = field(factory=Event, repr=False)


@define
class _Line:
    """The calls to one host: the number of those that have a place, and the others in order of arrival."""

    busy: int = 0
    waiting: dict[Ticket, None] = field(factory=dict)

    @property
    def calls(self) -> int:
        return self.busy + len(self.waiting)


@define(eq=False)
class Places:
    """Gives places to calls; threads may share it.

    A place goes to the call that came first among those whose threads run. A call whose thread has not been started
    yet is passed over: all threads of a pool may be taken by calls behind it, which would then wait for it in vain.

    ``per_host``: the calls at once to one host.
    ``waiting_per_host``: the calls that may wait for a place at one host.
    ``waiting``: the calls that may wait for places at all hosts together.
    """

    per_host: int
    waiting_per_host: int
    waiting: int
    _lines: dict[str, _Line] = field(init=False, factory=dict)
    _waiting: int = field(init=False, default=0)
    _lock: Lock = field(init=False, factory=Lock)

    def join(self, host: str) -> Ticket | None:
        """Let a call stand in line, or return ``None`` if too many wait already. It never blocks."""
        with self._lock:
            line = self._lines.get(host, _Line())
            waits = line.calls >= self.per_host
            full = line.calls >= self.per_host + self.waiting_per_host or self._waiting >= self.waiting
            if waits and full:
                return None
            self._lines[host] = line
            self._waiting += waits
            ticket = Ticket(host)
            line.waiting[ticket] = None
            return ticket

    def arrive(self, ticket: Ticket) -> None:
        """Say that the thread of a call runs, so that a place may be given to it."""
        with self._lock:
            ticket.is_here = True
            if ticket.host in self._lines:
                self._fill(self._lines[ticket.host])

    def wait(self, ticket: Ticket, deadline: Deadline) -> bool:
        """Wait for a place until the deadline; return whether there is one. For the call's own thread: it blocks."""
        self.arrive(ticket)
        if not ticket.has_place:
            with suppress(TimeoutError):
                ticket.ended.wait(deadline.left())
        return ticket.has_place

    def leave(self, ticket: Ticket) -> None:
        """Give back the place of a call, or its place in the line. Leaving again changes nothing."""
        with self._lock:
            self._leave(ticket)

    def stop_waiting(self, ticket: Ticket) -> None:
        """Let a call leave that has no place yet; one that has a place keeps it until its thread is done."""
        with self._lock:
            if not ticket.has_place:
                self._leave(ticket)

    def _leave(self, ticket: Ticket) -> None:
        line = self._lines.get(ticket.host)
        if line is None or not (ticket.has_place or ticket in line.waiting):
            return
        self._waiting -= line.calls > self.per_host
        if ticket.has_place:
            ticket.has_place = False
            line.busy -= 1
        else:
            del line.waiting[ticket]
            ticket.ended.set()
        self._fill(line)
        if not line.calls:
            del self._lines[ticket.host]

    def _fill(self, line: _Line) -> None:
        """Give free places to those who can use them."""
        while line.busy < self.per_host and (first := _first_here(line)) is not None:
            del line.waiting[first]
            line.busy += 1
            first.has_place = True
            first.ended.set()


def _first_here(line: _Line) -> Ticket | None:
    return next((ticket for ticket in line.waiting if ticket.is_here), None)
