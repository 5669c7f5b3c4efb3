"""How users of an identity server may invite people by mail."""

from __future__ import annotations

from attrs import frozen

from ..protocol.members import Choices, choice, documented
from ..protocol.rules import Flag, Integer
from .choices import BASE_URL, COUNT


@documented
@frozen(kw_only=True)
class InvitationRules(Choices):
    """How users of an identity server may invite people by mail; counts are by the day (UTC)."""

    AT = "policy.invitations"

    enabled: bool = choice(Flag(), True, doc="people may be invited by mail")
    web_client: str | None = choice(
        BASE_URL,
        None,
        optional=True,
        doc="the web client that the link of an invitation opens, such as `https://app.element.io`; without it the "
        "mail holds no link",
    )
    per_sender: int = choice(COUNT, 50, doc="invitations a day of one user")
    per_homeserver: int = choice(
        COUNT, 1_000, doc="invitations a day of all users of a homeserver: accounts are free there"
    )
    per_network: int = choice(
        COUNT,
        1_000,
        doc="invitations a day from one IPv4 address or IPv6 /64, which is often that of a homeserver",
    )
    per_address: int = choice(Integer(1, 1_000), 20, doc="invitations of one address that wait at once")
    days: int = choice(Integer(1, 3650), 90, doc="days after which an invitation ends that nobody accepted")
