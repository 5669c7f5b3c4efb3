"""How often something may be done."""

from __future__ import annotations

from attrs import frozen

from ..protocol.errors import ConfigurationError


@frozen
class Limit:
    """So many at once (``burst``), then one every ``1 / per_second`` seconds."""

    burst: int
    per_second: float

    def __attrs_post_init__(self) -> None:
        if self.burst < 1 or self.per_second <= 0:
            raise ConfigurationError("a limit has a burst of at least 1 and a positive per_second")

    @property
    def interval(self) -> int:
        """The ms one take costs."""
        return max(1, round(1000 / self.per_second))

    @property
    def span(self) -> int:
        """The ms after which an exhausted limit is as good as new."""
        return self.interval * self.burst


def per_hour(count: int) -> Limit:
    """Return a limit of ``count`` at once and ``count`` an hour."""
    return Limit(count, count / 3600)


def per_day(count: int) -> Limit:
    """Return a limit of ``count`` at once and ``count`` a day."""
    return Limit(count, count / 86_400)


@frozen(kw_only=True)
class Limits:
    """The limits in force; all are counted in the store, before anything else is looked up.

    ``per_address``, ``per_client`` (IPv4 address or IPv6 /64), ``per_user``: sending.
    ``guesses``: wrong codes for one address over all sessions. ``changes``: add and bind, per user.
    """

    per_address: Limit = Limit(5, 0.003)
    per_client: Limit = per_hour(20)
    per_user: Limit = per_hour(10)
    guesses: Limit = per_day(25)
    changes: Limit = Limit(60, 1)
