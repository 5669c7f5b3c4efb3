"""How often what may be done."""

from __future__ import annotations

from attrs import frozen

from ..model.limit import Limit, per_hour
from ..protocol.members import Choices, choice, documented
from .choices import COUNT, LIMIT


@documented
@frozen(kw_only=True)
class Limits(Choices):
    """The limits in force; all are counted in the store, before anything else is looked up."""

    AT = "policy.limits"

    per_address: Limit = choice(LIMIT, Limit(5, 0.003), doc="messages to one address")
    per_client: Limit = choice(LIMIT, per_hour(20), doc="messages asked for from one IPv4 address or IPv6 /64")
    per_user: Limit = choice(LIMIT, per_hour(10), doc="messages one user asks for")
    guesses: int = choice(COUNT, 25, doc="codes compared for one address in a day (UTC), over all its sessions")
    changes: Limit = choice(LIMIT, Limit(60, 1), doc="adds of one user")
    call_outs: Limit = choice(
        LIMIT,
        Limit(60, 1),
        doc="requests from one IPv4 address or IPv6 /64 that make an identity server call a server that they name",
    )
    bindings: Limit = choice(
        LIMIT, Limit(10, 1 / 6), doc="requests of one user that bind, or that unbind at an identity server"
    )
