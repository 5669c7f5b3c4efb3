"""Where SMS may go, and how many."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from attrs import field, frozen

from ..model.limit import Limit, per_day
from ..model.msisdn import NUMBER_KINDS, Plan
from .choices import names, number, share


def _all_of(limits: Iterable[Limit]) -> tuple[Limit, ...]:
    return tuple(limits)


def _is_region(name: str) -> bool:
    return len(name) == 2 and name.isascii() and name.isupper()


@frozen(kw_only=True)
class Conversion:
    """When a country is taken for one that is being pumped: SMS are paid for there, and nobody types the codes.

    Once more than ``over`` SMS went to a country in a day (UTC), at least the share ``least`` of them must have come
    to something; else it gets no more until people type their codes, or the day ends.
    """

    least: float = share(0.2)
    over: int = number(50, 1)


@frozen(kw_only=True)
class SmsRules:
    """Where SMS may go and how many: strangers must not run up a bill. Everything is counted in the store.

    ``countries``: regions (ISO 3166-1), as told by the number itself; none means no SMS at all.
    ``refused_kinds``: kinds of numbers (``model.msisdn.NUMBER_KINDS``) that get none anywhere. ``per_number``,
    ``per_prefix`` (country code and the next four digits): every limit in the list holds. ``budget_per_country``: SMS
    a day to one country; ``budget_per_hour``, ``budget_per_day``: to all. Budgets go by the clock (UTC) and stop at
    the number; the listener hears of each when the share ``warn_at`` is used, and at its end. ``conversion``:
    ``None`` for off.
    """

    countries: Collection[str] = names(fits=_is_region, rule="two capital letters of ISO 3166-1 each")
    refused_kinds: Collection[str] = names(
        NUMBER_KINDS, fits=set(NUMBER_KINDS).__contains__, rule=f"of {', '.join(NUMBER_KINDS)}"
    )
    per_number: tuple[Limit, ...] = field(default=(Limit(3, 3 / 900), per_day(6)), converter=_all_of)
    per_prefix: tuple[Limit, ...] = field(default=(Limit(10, 10 / 600),), converter=_all_of)
    budget_per_country: int = number(500, 1)
    budget_per_hour: int = number(200, 1)
    budget_per_day: int = number(1000, 1)
    warn_at: float = share(0.8)
    conversion: Conversion | None = Conversion()

    def reaches(self, plan: Plan) -> bool:
        """Return whether SMS go to such numbers at all."""
        return plan.region in self.countries and plan.kind not in self.refused_kinds
