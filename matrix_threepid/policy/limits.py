"""How often what may be done."""

from __future__ import annotations

from attrs import frozen

from ..model.limit import Limit, per_hour
from ..protocol.members import Choices, choice, documented
from ..protocol.rules import Integer
from .choices import COUNT, LIMIT


@documented
@frozen(kw_only=True)
class Limits(Choices):
    """The limits in force; all are counted in the store, before anything else is looked up."""

    AT = "policy.limits"

    per_address: Limit = choice(LIMIT, Limit(5, 0.003), doc="messages to one address")
    per_client: Limit = choice(
        LIMIT,
        per_hour(20),
        doc="messages asked for from one IPv4 address or IPv6 /64; "
        "four times as many from a /48, and sixteen times as many from a /32",
    )
    per_user: Limit = choice(LIMIT, per_hour(10), doc="messages one user asks for")
    apart: int = choice(Integer(0), 30_000, doc="ms between two messages to one address; 0 for none")
    mails_a_day: int = choice(COUNT, 20, doc="mails to one address in a day (UTC)")
    mails_kept: int = choice(Integer(0), 5, doc="of these, mails kept for the owner of the address")
    sms_a_day: int = choice(COUNT, 6, doc="SMS to one number in a day (UTC)")
    sms_kept: int = choice(Integer(0), 2, doc="of these, SMS kept for the owner of the number")
    guesses: int = choice(COUNT, 25, doc="codes compared for one address in a day (UTC), over all its sessions")
    guesses_kept: int = choice(Integer(0), 10, doc="of these, codes kept for the owner of the address")
    changes: Limit = choice(LIMIT, Limit(60, 1), doc="adds of one user")
    call_outs: Limit = choice(
        LIMIT,
        Limit(60, 1),
        doc="requests from one IPv4 address or IPv6 /64 that make an identity server call a server that they name",
    )
    authentications: Limit = choice(
        LIMIT, Limit(60, 1), doc="sessions of user-interactive authentication of one user, or without one of one client"
    )
    passwords: Limit = choice(LIMIT, Limit(60, 0.1), doc="tries of one user's password in a session of the library")
    bindings: Limit = choice(
        LIMIT, Limit(10, 1 / 6), doc="requests of one user that bind, or that unbind at an identity server"
    )
