"""How often what may be done."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from ..model.limit import Limit, per_hour
from ..protocol.members import Choices, choice, documented
from ..protocol.rules import Integer
from .choices import COUNT, LIMIT

PER_ADDRESS = Limit(5, 0.003)
"""The default of ``Limits.per_address``; with another one the host has decided how often an address has a message."""
_APART = 30_000
_AUTHENTICATIONS = Limit(300, 3)
_MAILS, _SMS = 20, 6


@documented
@frozen(kw_only=True)
class Limits(Choices):
    """The limits in force; all are counted in the store, before anything else is looked up."""

    AT = "policy.limits"

    per_address: Limit = choice(LIMIT, PER_ADDRESS, doc="messages to one address")
    per_client: Limit = choice(
        LIMIT,
        per_hour(20),
        doc="messages asked for from one IPv4 address or IPv6 /64; "
        "four times as many from a /48, and sixteen times as many from a /32",
    )
    per_user: Limit = choice(LIMIT, per_hour(10), doc="messages one user asks for")
    apart: int | None = choice(
        Integer(0),
        None,
        optional=True,
        doc="ms between two messages to one address; 0 for none; "
        "`None` (`null` in a file): 30,000, and none where `per_address` is set",
    )
    mails_a_day: int | None = choice(
        COUNT,
        None,
        optional=True,
        doc="mails to one address in a day (UTC); `None` (`null` in a file): 20, or what the burst of `per_address` "
        "and `mails_kept` need, if that is more",
    )
    mails_kept: int = choice(Integer(0), 5, doc="of these, mails kept for the owner of the address")
    sms_a_day: int | None = choice(
        COUNT,
        None,
        optional=True,
        doc="SMS to one number in a day (UTC); `None` (`null` in a file): 6, or what the least burst of `per_address` "
        "and `SmsRules.per_number` and `sms_kept` need, if that is more",
    )
    sms_kept: int = choice(Integer(0), 2, doc="of these, SMS kept for the owner of the number")
    guesses: int = choice(COUNT, 25, doc="codes compared for one address in a day (UTC), over all its sessions")
    guesses_kept: int = choice(Integer(0), 10, doc="of these, codes kept for the owner of the address")
    changes: Limit = choice(LIMIT, Limit(60, 1), doc="adds of one user")
    call_outs: Limit = choice(
        LIMIT,
        Limit(60, 1),
        doc="requests from one IPv4 address or IPv6 /64 that make this server call another that they name: at an "
        "identity server, and at a homeserver where invitations are redeemed",
    )
    authentications: Limit | None = choice(
        LIMIT,
        None,
        optional=True,
        doc="sessions of user-interactive authentication of one user, or without one of one client, and passwords and "
        "names that are tried with them; `None` (`null` in a file): 300 at once and three a second, or `per_client` "
        "where that is set and has a larger burst",
    )
    passwords: Limit = choice(LIMIT, Limit(60, 0.1), doc="tries of one user's password in a session of the library")
    invitations: Limit = choice(
        LIMIT, per_hour(20), doc="addresses one user invites to rooms; each counts as a message to its address as well"
    )
    bindings: Limit = choice(
        LIMIT, Limit(10, 1 / 6), doc="requests of one user that bind, or that unbind at an identity server"
    )

    @property
    def pause(self) -> int:
        """The ms between two messages to one address, by ``apart``; 0 for none."""
        if self.apart is not None:
            return self.apart
        # A host that says how often one address may have a message means it.
        return _APART if self.per_address == PER_ADDRESS else 0

    @property
    def authenticating(self) -> Limit:
        """The limit of sessions of user-interactive authentication, by ``authentications``."""
        if self.authentications is not None:
            return self.authentications
        # A host that lets one client ask for more messages lets it authenticate as often.
        return max(_AUTHENTICATIONS, self.per_client, key=lambda limit: limit.burst)

    @property
    def at_once(self) -> int:
        """The messages that a host lets one address have at once, if it says so itself; else 0."""
        return 0 if self.per_address == PER_ADDRESS else self.per_address.burst

    @property
    def mails(self) -> int:
        """The mails to one address in a day, by ``mails_a_day``."""
        return max(_MAILS, self.at_once + self.mails_kept) if self.mails_a_day is None else self.mails_a_day

    def sms(self, per_number: Iterable[Limit]) -> int:
        """The SMS to one number in a day, by ``sms_a_day`` and the limits of ``SmsRules.per_number``."""
        least = min([self.at_once, *(each.burst for each in per_number)])
        return max(_SMS, least + self.sms_kept) if self.sms_a_day is None else self.sms_a_day
