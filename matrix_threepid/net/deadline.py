"""One deadline over many reads and writes of blocking work."""

from __future__ import annotations

import errno
import time

from attrs import frozen


@frozen
class Deadline:
    """The moment until which something must be done.

    * ``at``: s of this process's monotonic clock.
    """

    at: float

    @classmethod
    def in_ms(cls, duration: int) -> Deadline:
        """Return the moment so many ms from now."""
        return cls(time.monotonic() + duration / 1000)

    def left(self) -> float:
        """Return how many s are left. Raises ``TimeoutError`` when there are none."""
        seconds = self.at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError(errno.ETIMEDOUT, "out of time")
        return seconds

    def left_ms(self) -> int:
        """Return how many ms are left, 0 when there are none."""
        return max(0, int((self.at - time.monotonic()) * 1000))
