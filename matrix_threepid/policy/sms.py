"""Where SMS may go, and how many."""

from __future__ import annotations

from collections.abc import Collection

from attrs import frozen

from ..model.limit import Limit
from ..model.msisdn import NUMBER_KINDS, Plan
from ..protocol.members import Choices, Nested, choice, documented
from ..protocol.rules import COUNTRY, Integer, ListOf, OneOf
from .choices import LIMITS, SHARE


@documented
@frozen(kw_only=True)
class Conversion(Choices):
    """When a country is paused as a target of SMS pumping: SMS are paid for there, and the codes are not typed.

    A paused country gets no SMS until people type their codes, or the day (UTC) ends.
    """

    AT = "policy.sms.conversion"

    least: float = choice(SHARE, 0.2, doc="the share of the SMS to a country whose codes must come back")
    over: int = choice(Integer(1), 50, doc="the SMS to a country in a day (UTC) that are not judged")


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
    warn_at: float = choice(SHARE, 0.8, doc="the used share of a budget at which the `Listener` hears `SmsBudgetUsed`")
    conversion: Conversion | None = choice(
        Nested(Conversion),
        Conversion(),
        optional=True,
        doc="when a country is paused since its codes do not come back; `None` (`null` in a file) never pauses one",
    )

    def reaches(self, plan: Plan) -> bool:
        """Return whether SMS go to such numbers at all."""
        return plan.region in self.countries and plan.kind not in self.refused_kinds
