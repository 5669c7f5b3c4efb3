"""What a host wants of the addresses on accounts; everything is off by default."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from ..model.threepid import Medium
from ..protocol.members import Choices, choice, documented
from ..protocol.rules import Flag, Integer, OneOf

_DAYS = Integer(1, 36_500)
_DAY = 86_400_000


@documented
@frozen(kw_only=True)
class AccountAddresses(Choices):
    """What a host wants of the addresses on accounts; nothing by default."""

    AT = "policy.addresses"

    removals: Literal["allow", "keep_last", "refuse"] = choice(
        OneOf("allow", "keep_last", "refuse"),
        "allow",
        doc="users may remove every address, all but the last one of their account (`keep_last`), or none (`refuse`); "
        "a refusal is answered with 403 as the open MSC4223 has it, which no release of the specification has yet",
    )
    most: int | None = choice(
        Integer(1),
        None,
        optional=True,
        doc="addresses that an account may have; a further one is refused with 403; `None` for any number",
    )
    release: bool = choice(
        Flag(),
        False,
        doc="whoever proves an address may take it off another account, whose other addresses are told as of any "
        "removal; without it an address stays where it is until its user removes it",
    )
    max_age_for_reset_email: int | None = choice(
        _DAYS,
        None,
        optional=True,
        doc="days after which a mail address that was proved once resets no password any more; `None` for never",
    )
    max_age_for_reset_msisdn: int | None = choice(
        _DAYS,
        None,
        optional=True,
        doc="the same for phone numbers, which are given to other people after a while; with "
        "`password_reset_by_phone` 365 is advised; `None` for never",
    )

    def max_age_for_reset(self, medium: Medium) -> int | None:
        """Return the ms for which an address of a medium may reset a password after it was proved; ``None``: ever."""
        days: int | None = getattr(self, f"max_age_for_reset_{medium.value}", None)
        return None if days is None else days * _DAY
