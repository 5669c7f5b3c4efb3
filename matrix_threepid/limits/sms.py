"""SMS: which numbers get any, and how many are sent (SEC-33, SEC-118).

Every SMS costs money, and toll fraud earns a share of the cost of SMS to rented numbers. See
https://www.twilio.com/docs/verify/preventing-toll-fraud.
"""

from __future__ import annotations

from ..events import SmsBudgetUsed, SmsCountryPaused
from ..model.msisdn import Plan, plan_of
from ..model.threepid import Threepid
from ..protocol.errors import ThreepidDenied
from ..roles.base import Role
from .counting import DAY, HOUR, Counter, charged, once, period, refuse, used


def plan_reached(role: Role, threepid: Threepid) -> Plan:
    """Return the place of a number in the numbering plan. Raises ``ThreepidDenied`` if no SMS are sent there."""
    plan = plan_of(threepid.address)
    if not role.policy.sms.reaches(plan):
        raise ThreepidDenied
    return plan


async def count_validated(role: Role, threepid: Threepid) -> None:
    """Count that the code of an SMS was submitted, for the conversion of its country."""
    await charged(role, [validated_in(role, plan_of(threepid.address).region)])


async def sms_left(role: Role) -> dict[str, int]:
    """Return how many SMS may still be sent: by ``hour``, by ``day``, and for today by each country of the policy."""
    budgets = {name: each for region in role.policy.sms.countries for name, each in budgets_of(role, region).items()}
    counts = await used(role, list(budgets.values()))
    return {name: each.limit.burst - count for (name, each), count in zip(budgets.items(), counts, strict=True)}


def budgets_of(role: Role, region: str) -> dict[str, Counter]:
    """Return the budgets of an SMS by name, that of its country first."""
    rules = role.policy.sms
    return {
        region: period("budget", rules.budget_per_country, DAY, region),
        "hour": period("budget", rules.budget_per_hour, HOUR, "hour"),
        "day": period("budget", rules.budget_per_day, DAY, "day"),
    }


def validated_in(role: Role, region: str) -> Counter:
    """Return what counts the codes of SMS to a country that were submitted today."""
    return period("validated", role.policy.sms.budget_per_country, DAY, region)


async def check_conversion(role: Role, region: str, country: Counter, sent: int, validated: int) -> None:
    """Refuse SMS to a country in which too few of their codes are submitted.

    * ``role``: gives policy and limiter.
    * ``region``: the country.
    * ``country``: its budget of the day.
    * ``sent``, ``validated``: the SMS sent to it today, and how many codes of theirs were submitted.

    Raises ``LimitExceeded``.
    """
    rule = role.policy.sms.conversion
    if rule is None or sent < rule.over or validated >= rule.least * sent:
        return
    if await once(role, country, "paused"):
        role.emit(SmsCountryPaused(region, sent, validated))
    # Until the lifetime of a code is over, codes that were sent may be submitted and raise the share again.
    refuse(role, "sms conversion", min(role.policy.lifetimes.code, country.ends_in(role)))


async def warn(role: Role, name: str, budget: Counter, count: int) -> None:
    """Emit ``SmsBudgetUsed`` once for the share ``warn_at``, and once when the whole budget is used."""
    allowed = budget.limit.burst
    for share in (role.policy.sms.warn_at, 1):
        if count >= share * allowed and await once(role, budget, f"{share}"):
            role.emit(SmsBudgetUsed(name, count, allowed))


def number_and_prefix(role: Role, threepid: Threepid, plan: Plan) -> list[Counter]:
    """Return a counter for each limit of the number and of its prefix; numbers keep several limits apart."""
    rules = role.policy.sms
    return [
        Counter(kind, (part, str(number)), limit)
        for kind, part, limits in (
            ("sms number", threepid.address, rules.per_number),
            ("sms prefix", plan.prefix, rules.per_prefix),
        )
        for number, limit in enumerate(limits)
    ]
