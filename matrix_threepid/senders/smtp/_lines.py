"""``Lines``: the file object by which ``smtplib`` reads lines, over a function that receives bytes."""

from __future__ import annotations

from collections.abc import Callable


class Lines:
    r"""Reads lines, in place of ``socket.makefile``, whose buffer cannot be asked whether it is empty.

    * ``receive``: returns the next bytes, of any number; none at the end of the connection.

    >>> pieces = iter([b"250-a", b"\r\n250 b\r\n", b""])
    >>> lines = Lines(lambda: next(pieces))
    >>> lines.readline(100), lines.pending
    (b'250-a\r\n', True)
    """

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._buffer = bytearray()

    @property
    def pending(self) -> bool:
        """Return whether more bytes were received than were read as lines."""
        return bool(self._buffer)

    def readline(self, limit: int) -> bytes:
        """Return the next line with its end, at most ``limit`` bytes of it; less at the end of the connection."""
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
        """Do nothing; ``smtplib`` calls this and then closes the socket itself."""
