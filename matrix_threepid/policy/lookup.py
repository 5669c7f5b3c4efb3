"""How users of an identity server may look others up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from attrs import frozen

from ..protocol.members import Choices, choice, documented
from ..protocol.rules import Integer, ListOf, OneOf

_COUNT = Integer(1, 1_000_000_000)


@documented
@frozen(kw_only=True)
class LookupRules(Choices):
    """How users of an identity server may look others up; counts are by the day (UTC) and by addresses."""

    AT = "policy.lookup"

    algorithms: Sequence[Literal["sha256", "none"]] = choice(
        ListOf(OneOf("sha256", "none"), least=1),
        ("sha256",),
        doc="how clients may name addresses: hashed with a pepper (`sha256`), or in plain text (`none`)",
    )
    per_account: int = choice(_COUNT, 10_000, doc="addresses a day that one user may look up")
    per_homeserver: int = choice(
        _COUNT,
        200_000,
        doc="addresses a day that all users of a homeserver may look up: accounts are free there",
    )
    per_network: int = choice(
        _COUNT, 20_000, doc="addresses a day that may be looked up from one IPv4 address or IPv6 /64"
    )
    pepper_days: int = choice(
        Integer(1, 3650),
        30,
        doc="days after which hashes get a new pepper; the one before is served until the next is made",
    )
