"""A deadline for transactions on connections that wait for ever: their socket is shut down, and whoever waits fails."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from time import monotonic

from ..net.timer import TIMER


def shut(number: int) -> None:
    """Shut the socket of a file descriptor down, in both directions, and leave it open to its owner."""
    with suppress(OSError), socket.socket(fileno=os.dup(number)) as twin:
        twin.shutdown(socket.SHUT_RDWR)


@contextmanager
def cut_after(ms: int | None, cut: Callable[[], None]) -> Iterator[None]:
    """Call ``cut`` from another thread if the block has not ended after ``ms``; ``None`` for never."""
    if ms is None:
        yield
        return
    lock, over = Lock(), False

    def fire() -> None:
        # Under the lock: once the block has ended, the connection may be somebody else's.
        with lock:
            if not over:
                cut()

    alarm = TIMER.at(monotonic() + ms / 1000, fire)
    try:
        yield
    finally:
        alarm.cancel()
        with lock:
            over = True
