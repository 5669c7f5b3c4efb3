"""Lines, read as ``smtplib`` wants them."""

from __future__ import annotations

from collections.abc import Callable


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
