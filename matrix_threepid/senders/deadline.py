"""One deadline over many reads and writes, and lines read under it."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable

from attrs import frozen


@frozen
class Deadline:
    """A moment of this process's monotonic clock, in s."""

    at: float

    @classmethod
    def in_ms(cls, duration: int) -> Deadline:
        """Return the moment so many ms from now."""
        return cls(time.monotonic() + duration / 1000)

    def left(self) -> float:
        """Return the s that are left. Raises ``TimeoutError`` when there are none."""
        seconds = self.at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError(errno.ETIMEDOUT, "out of time")
        return seconds


class Lines:
    """The reading side of a connection, as ``smtplib`` wants it.

    ``receive``: returns the next bytes, empty at the end.
    """

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._buffer = bytearray()

    @property
    def pending(self) -> bool:
        """Whether more was received than was read."""
        return bool(self._buffer)

    def readline(self, limit: int) -> bytes:
        """Return the next line, or ``limit`` bytes of it, or what came before the end."""
        while b"\n" not in self._buffer and len(self._buffer) < limit:
            received = self._receive()
            if not received:
                break
            self._buffer += received
        end = min(self._buffer.find(b"\n") + 1 or len(self._buffer), limit)
        line = bytes(self._buffer[:end])
        del self._buffer[:end]
        return line

    def close(self) -> None:
        """Do nothing: the socket is closed by who opened it."""
