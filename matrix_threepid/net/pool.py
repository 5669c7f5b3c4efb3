"""Connections that are kept for the next request to the same host at the same checked address."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakMethod, finalize

from attrs import define, field, frozen

from ..forks import forget_at_fork
from .timer import TIMER

if TYPE_CHECKING:
    import socket

Now = Callable[[], int]
"""Returns the time in ms; it never jumps."""
_MOST_ABRUPT = 256


def monotonic_ms() -> int:
    """Return the time of this process in ms; it never jumps."""
    return time.monotonic_ns() // 1_000_000


@frozen
class KeepRule:
    """How many connections are kept, and for how long.

    * ``per_address``: connections to one address, those in use included, and idle ones to one host. For one more the
      idle one whose last use is longest ago is closed.
    * ``most``: idle connections in all.
    * ``idle``: ms after which an idle connection is closed.
    * ``oldest``: ms after which a connection is not used again, so that certificates are checked anew.
    * ``fresh``: ms since its last use within which a connection may carry a request that must not be repeated.
      Servers close idle connections without a word, some after 2 s, and the outcome of such a request would be unknown.
    """

    per_address: int = 4
    most: int = 64
    idle: int = 30_000
    oldest: int = 300_000
    fresh: int = 1000


@define(eq=False)
class Connection:
    """A connection over which complete exchanges only were made.

    * ``sock``: the socket, after the TLS handshake for ``host``.
    * ``host``, ``port``: what the certificate was checked for, and the port.
    * ``address``: what it is connected to.
    * ``made_at``, ``used_at``: ms, when it was connected, and when its last answer was complete.
    """

    sock: socket.socket = field(repr=False)
    host: str
    port: int
    address: str
    made_at: int
    used_at: int

    def is_quiet(self) -> bool:
        """Return whether the other side has neither closed it nor sent anything that nobody asked for."""
        from ssl import SSLWantReadError

        try:
            self.sock.settimeout(0)
            self.sock.recv(1)
        except (BlockingIOError, SSLWantReadError):
            return True
        except OSError:
            return False
        return False


@define(eq=False)
class Pool:
    """The connections of one client; all have the client's TLS context. Threads may share it.

    * ``rule``: how many connections are kept, and for how long.
    * ``now``: the clock.
    """

    rule: KeepRule = KeepRule()
    now: Now = field(default=monotonic_ms, repr=False)
    _idle: dict[Connection, None] = field(init=False, factory=dict)
    """In order of their last use."""
    _busy: Counter[str] = field(init=False, factory=Counter)
    """The connections in use, by address."""
    _abrupt: dict[tuple[str, int], int] = field(init=False, factory=dict)
    """When hosts last closed a connection that had just been used, by host and port."""
    _sweeps: bool = field(init=False, default=False)
    _lock: Lock = field(init=False, factory=Lock)

    def __attrs_post_init__(self) -> None:
        forget_at_fork(self)
        finalize(self, _close_all, self._idle)  # also at the end of the process

    def __len__(self) -> int:
        """Return how many idle connections are kept."""
        return len(self._idle)

    def order(self, host: str, port: int, addresses: Sequence[str]) -> list[str]:
        """Return addresses in the order in which they are to be tried: first those with a connection."""
        with self._lock:
            kept = {each.address for each in self._idle if (each.host, each.port) == (host, port)}
        return sorted(dict.fromkeys(addresses), key=lambda address: address not in kept)

    def take(self, host: str, port: int, address: str, *, repeatable: bool) -> Connection | None:
        """Return a kept connection to this host at this address that is in good order; give it back in any case."""
        while (found := self._take((host, port), address, repeatable)) is not None:
            if found.is_quiet():
                return found
            self.note_abrupt(found)
            self.close(found)
        return None

    def make_room(self, address: str) -> None:
        """Count a connection that is about to be made; for more than the rule allows close idle ones to the address."""
        with self._lock:
            self._busy[address] += 1
            there = [each for each in self._idle if each.address == address]
            over = self._busy[address] + len(there) - self.rule.per_address
            closed = self._remove(there[: max(0, over)])
        _close_all(closed)

    def forget_one(self, address: str) -> None:
        """Stop counting a connection that could not be made."""
        with self._lock:
            self._count_down(address)

    def keep(self, connection: Connection) -> None:
        """Take back a connection after a complete exchange."""
        with self._lock:
            connection.used_at = self.now()
            self._count_down(connection.address)
            self._idle[connection] = None
            of_host = [each for each in self._idle if (each.host, each.port) == (connection.host, connection.port)]
            closed = self._remove(of_host[: -self.rule.per_address])
            closed |= self._remove(list(self._idle)[: -self.rule.most])
            sweeps, self._sweeps = self._sweeps, True
        _close_all(closed)
        if not sweeps:
            self._sweep_later()

    def close(self, connection: Connection) -> None:
        """Take back a connection that must not be used again."""
        self.forget_one(connection.address)
        connection.sock.close()

    def note_abrupt(self, connection: Connection) -> None:
        """Remember a host that closes connections right after an answer, without saying so in the answer.

        Requests that must not be repeated go to it over new connections for a while.
        """
        with self._lock:
            if self.now() - connection.used_at <= self.rule.fresh:
                self._abrupt[(connection.host, connection.port)] = self.now()
                if len(self._abrupt) > _MOST_ABRUPT:
                    del self._abrupt[next(iter(self._abrupt))]

    def sweep(self) -> None:
        """Close what is too old."""
        with self._lock:
            closed = self._remove([each for each in self._idle if not self._is_good(each)])
            self._sweeps = bool(self._idle)
            again = self._sweeps
        _close_all(closed)
        if again:
            self._sweep_later()

    def close_idle(self) -> None:
        """Close all idle connections."""
        with self._lock:
            closed = self._remove(list(self._idle))
        _close_all(closed)

    def forget(self) -> None:
        """Begin anew in a forked child: the connections are the parent's, so nothing is sent on them.

        Closing a socket sends no TLS alert, and the parent's connection stays open.
        """
        self._lock, self._busy, self._sweeps = Lock(), Counter(), False
        _close_all(self._idle)
        self._idle.clear()

    def _take(self, origin: tuple[str, int], address: str, repeatable: bool) -> Connection | None:
        with self._lock:
            now = self.now()
            if not repeatable and now - self._abrupt.get(origin, now - self.rule.oldest) < self.rule.oldest:
                return None
            for each in reversed(self._idle):
                fits = (each.host, each.port) == origin and each.address == address
                if fits and self._is_good(each) and (repeatable or now - each.used_at <= self.rule.fresh):
                    del self._idle[each]
                    self._busy[address] += 1
                    return each
        return None

    def _is_good(self, connection: Connection) -> bool:
        now = self.now()
        return now - connection.used_at < self.rule.idle and now - connection.made_at < self.rule.oldest

    def _remove(self, connections: list[Connection]) -> dict[Connection, None]:
        for connection in connections:
            del self._idle[connection]
        return dict.fromkeys(connections)

    def _count_down(self, address: str) -> None:
        self._busy[address] -= 1
        if self._busy[address] <= 0:
            del self._busy[address]

    def _sweep_later(self) -> None:
        weak = WeakMethod(self.sweep)  # the timer must not keep a pool alive that nobody uses any more

        def sweep() -> None:
            if (alive := weak()) is not None:
                alive()

        TIMER.at(time.monotonic() + self.rule.idle / 1000, sweep)


def _close_all(connections: dict[Connection, None]) -> None:
    for connection in connections:
        connection.sock.close()
