"""How often what may be done."""

from __future__ import annotations

from attrs import frozen

from ..model.limit import Limit, per_day, per_hour


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
