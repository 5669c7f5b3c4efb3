"""SMS: which numbers get any, and how many are sent (SEC-33, SEC-118).

Every SMS costs money, and toll fraud earns a share of the cost of SMS to rented numbers. See
https://www.twilio.com/docs/verify/preventing-toll-fraud.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..events import SmsBudgetUsed
from ..model.msisdn import Plan, plan_of
from ..model.threepid import Threepid
from ..policy import Limit
from ..protocol.errors import ThreepidDenied
from ..roles.base import Role
from .counting import DAY, HOUR, Counter, once, period, used


def plan_reached(role: Role, threepid: Threepid) -> Plan:
    """Return the place of a number in the numbering plan. Raises ``ThreepidDenied`` if no SMS are sent there."""
    plan = plan_of(threepid.address)
    if not role.policy.sms.reaches(plan):
        raise ThreepidDenied
    return plan


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


async def warn(role: Role, name: str, budget: Counter, count: int) -> None:
    """Emit ``SmsBudgetUsed`` once for the share ``warn_at``, and once when the whole budget is used."""
    allowed = budget.limit.burst
    for share in (role.policy.sms.warn_at, 1):
        if count >= share * allowed and await once(role, budget, f"{share}"):
            role.emit(SmsBudgetUsed(name, count, allowed))


def number_limits(role: Role, threepid: Threepid) -> list[Counter]:
    """Return a counter for each limit of a number."""
    return _numbered("sms number", threepid.address, role.policy.sms.per_number)


def prefix_limits(role: Role, plan: Plan) -> list[Counter]:
    """Return a counter for each limit of the numbers that share a prefix."""
    return _numbered("sms prefix", plan.prefix, role.policy.sms.per_prefix)


def _numbered(kind: str, part: str, limits: Iterable[Limit]) -> list[Counter]:
    # Their numbers keep several limits of one thing apart.
    return [Counter(kind, (part, str(number)), limit) for number, limit in enumerate(limits)]
