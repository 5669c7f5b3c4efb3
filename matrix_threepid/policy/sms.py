"""Where SMS may go, and how many."""

from __future__ import annotations

from collections.abc import Collection

from attrs import frozen

from ..model.limit import Limit
from ..model.msisdn import NUMBER_KINDS, Plan
from ..protocol.errors import ConfigurationError
from ..protocol.members import Choices, Nested, choice, documented
from ..protocol.rules import COUNTRY, Integer, ListOf, OneOf
from .choices import LIMITS, PART, SHARE


@documented
@frozen(kw_only=True)
class Conversion(Choices):
    """When an asker, a prefix or a country is paused: SMS are paid for there, and the codes are not typed.

    Users and those who ask without one are judged apart. What is paused gets only ``probes`` until people type their
    codes, or the day (UTC) ends. A paused network or user gets one SMS an hour, none of which counts for its country.
    """

    AT = "policy.sms.conversion"

    least: float = choice(SHARE, 0.2, doc="the share of the SMS whose codes must come back")
    over: int = choice(Integer(1), 50, doc="the SMS to a country in a day (UTC) that are not judged")
    over_prefix: int = choice(Integer(1), 20, doc="the same for the numbers that share a prefix")
    over_asker: int = choice(Integer(1), 5, doc="the same for one network, or one user")
    probes: int = choice(
        Integer(1),
        20,
        doc="SMS an hour to a paused country or prefix, one for each network or user; "
        "three quarters of them are for networks that had no SMS for a day",
    )


@documented
@frozen(kw_only=True)
class SmsRules(Choices):
    """Where SMS may go and how many: strangers must not run up a bill. Everything is counted in the store.

    Budgets go by the clock (UTC) and stop at the number; the ``Listener`` hears of each at its end and before.
    """

    AT = "policy.sms"

    countries: Collection[str] = choice(
        ListOf(COUNTRY, into=frozenset),
        frozenset(),
        doc="the regions that SMS go to, as told by the number itself; without any, no SMS is sent",
    )
    refused_kinds: Collection[str] = choice(
        ListOf(OneOf(*NUMBER_KINDS), into=frozenset),
        frozenset(NUMBER_KINDS),
        doc="the kinds of numbers that get no SMS anywhere",
    )
    per_number: tuple[Limit, ...] = choice(
        LIMITS,
        (Limit(3, 3 / 900),),
        doc="SMS to one number, beside `Limits.sms_a_day`; every limit of the list holds",
    )
    per_prefix: tuple[Limit, ...] = choice(
        LIMITS,
        (Limit(10, 10 / 600),),
        doc="SMS to numbers that share country code and the next four digits; every limit of the list holds",
    )
    budget_per_country: int = choice(Integer(1), 500, doc="SMS a day to one country")
    budget_per_hour: int = choice(Integer(1), 200, doc="SMS an hour to all countries")
    budget_per_day: int = choice(Integer(1), 1000, doc="SMS a day to all countries")
    kept_for_users: float = choice(
        PART, 0.3, doc="the share of every budget, and of `per_prefix`, that is kept for callers with an access token"
    )
    kept_for_new: float = choice(
        PART, 0.4, doc="the share of the same that is kept for networks that had no SMS for a day"
    )
    network_share: float = choice(
        SHARE,
        0.1,
        doc="the share of an hour's budget that one network (an IPv4 address or IPv6 /48) may use without an access "
        "token, at least 3 SMS; it does not hold for private client addresses",
    )
    warn_at: float = choice(SHARE, 0.8, doc="the used share of a budget at which the `Listener` hears `SmsBudgetUsed`")
    conversion: Conversion | None = choice(
        Nested(Conversion),
        Conversion(),
        optional=True,
        doc="when a country is paused since its codes do not come back; `None` (`null` in a file) never pauses one",
    )

    def __attrs_post_init__(self) -> None:
        if self.kept_for_users + self.kept_for_new > 0.9:
            raise ConfigurationError("policy.sms: kept_for_users and kept_for_new must leave a tenth to everybody else")

    def reaches(self, plan: Plan) -> bool:
        """Return whether SMS go to such numbers at all."""
        return plan.region in self.countries and plan.kind not in self.refused_kinds
