"""How often something may be done: a limit as a value. ``ports.Charge`` has the arithmetic that counts against it.

The generic cell rate algorithm needs one number a key: the time from which the key is completely refilled.
See https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm.
"""

from __future__ import annotations

import math

from attrs import frozen

from ..protocol.errors import ConfigurationError
from ..protocol.wiring import demand, whole


@frozen
class Limit:
    """``burst`` charges at once, then one every ``1 / per_second`` seconds.

    * ``burst``: the charges granted at once, from 1.
    * ``per_second``: the charges refilled a second, above 0.

    Raises ``ConfigurationError`` for values that would refuse or grant everything.

    >>> Limit(5, 0.5).interval
    2000
    """

    burst: int
    per_second: float

    def __attrs_post_init__(self) -> None:
        rate = self.per_second
        # Not ``isfinite`` alone, which takes booleans; NaN and infinity would refuse or grant everything.
        known = type(self.burst) is int and type(rate) in (int, float) and math.isfinite(rate)
        if not known or self.burst < 1 or rate <= 0:
            raise ConfigurationError("a limit has a burst of at least 1, a whole number, and a positive per_second")

    @property
    def interval(self) -> int:
        """The ms that one charge takes to refill."""
        return max(1, round(1000 / self.per_second))

    @property
    def span(self) -> int:
        """The ms that a used-up limit takes to refill completely."""
        return self.interval * self.burst


def per_hour(count: int) -> Limit:
    """Return a limit of ``count`` at once and ``count`` an hour."""
    demand("per_hour", count, whole(1), "must be a whole number from 1")
    return Limit(count, count / 3600)


def per_day(count: int) -> Limit:
    """Return a limit of ``count`` at once and ``count`` a day."""
    demand("per_day", count, whole(1), "must be a whole number from 1")
    return Limit(count, count / 86_400)
