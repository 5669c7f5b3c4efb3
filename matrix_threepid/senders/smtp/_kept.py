"""``KeptConnections``: connections to a mail server that wait for the next mail."""

from __future__ import annotations

import time
from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakMethod, finalize

from attrs import define, field

from ...forks import forget_at_fork
from ...net.timer import TIMER

if TYPE_CHECKING:
    from ._connection import Connection

MAX_IDLE = 30.0
"""The s that a connection is kept for the next mail, less than the minutes after which servers close it."""
MAX_AGE = 300.0
"""The s after which a connection is not used again, so that names, certificates and logins are checked anew."""


@define(eq=False)
class KeptConnections:
    """Keeps connections for the next mails; threads may share it.

    * ``most``: how many are kept at most.
    """

    most: int
    _idle: list[tuple[Connection, float]] = field(init=False, factory=list)
    """Each with the time (s) of its last use, the last one used at the end."""
    _sweeps: bool = field(init=False, default=False)
    _lock: Lock = field(init=False, factory=Lock)

    def __attrs_post_init__(self) -> None:
        forget_at_fork(self)
        finalize(self, _close, self._idle)  # also at the end of the process

    def take(self) -> Connection | None:
        """Return the connection that was used last, and keep it no longer; ``None`` if there is none that is good."""
        self.sweep()
        with self._lock:
            return self._idle.pop()[0] if self._idle else None

    def put(self, connection: Connection) -> None:
        """Keep a connection; close the one that was not used for longest if they are too many."""
        with self._lock:
            self._idle.append((connection, time.monotonic()))
            closed = self._idle[: -self.most]
            del self._idle[: -self.most]
            sweeps, self._sweeps = self._sweeps, True
        _close(closed)
        if not sweeps:
            self._sweep_later()

    def sweep(self) -> None:
        """Close the connections that are idle for too long, or too old."""
        now = time.monotonic()
        with self._lock:
            old = [each for each in self._idle if now - each[1] > MAX_IDLE or now - each[0].made_at > MAX_AGE]
            self._idle[:] = [each for each in self._idle if each not in old]
        _close(old)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            closed = self._idle[:]
            self._idle.clear()
        _close(closed)

    def forget(self) -> None:
        """Begin anew in a forked child: the connections are the parent's, so nothing is sent on them."""
        self._lock, self._sweeps = Lock(), False
        _close(self._idle)
        self._idle.clear()

    def _sweep_later(self) -> None:
        weak = WeakMethod(self._sweep_again)  # the timer must not keep alive what nobody uses any more

        def sweep() -> None:
            if (alive := weak()) is not None:
                alive()

        TIMER.at(time.monotonic() + MAX_IDLE, sweep)

    def _sweep_again(self) -> None:
        self.sweep()
        with self._lock:
            again = self._sweeps = bool(self._idle)
        if again:
            self._sweep_later()


def _close(connections: Iterable[tuple[Connection, float]]) -> None:
    # Without QUIT, whose answer would have to be waited for; a closed socket sends no TLS alert, so that the parent's
    # connection stays open when a child closes its copy.
    for connection, _ in connections:
        connection.close()
