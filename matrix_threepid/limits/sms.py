"""SMS: which numbers get any, and how many are sent (SEC-33, SEC-118).

Every SMS costs money, and toll fraud earns a share of the cost of SMS to rented numbers. See
https://www.twilio.com/docs/verify/preventing-toll-fraud.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from ..events import SmsBudgetUsed, SmsCountryPaused
from ..model.msisdn import Plan, plan_of
from ..model.threepid import Threepid
from ..policy import Limit
from ..ports import Charge
from ..protocol.errors import ThreepidDenied
from ..roles.base import Role
from .budgets import DAY, HOUR, Budget, emit_once, used
from .rate import charge, key_of, refuse


def plan_reached(role: Role, threepid: Threepid) -> Plan:
    """Return the place of a number in the numbering plan. Raises ``ThreepidDenied`` if no SMS are sent there."""
    plan = plan_of(threepid.address)
    if not role.policy.sms.reaches(plan):
        raise ThreepidDenied
    return plan


async def charge_sms(role: Role, threepid: Threepid, plan: Plan) -> None:
    """Charge one SMS to its number, prefix and country, and to the hour and the day.

    * ``role``: gives policy, limiter and listener.
    * ``threepid``: the number.
    * ``plan``: its place in the numbering plan.

    Raises ``LimitExceeded``; then nothing is charged.
    """
    budgets = [(budget, await used(role, budget)) for budget in _budgets(role, plan.region)]
    await _check_conversion(role, plan.region, *budgets[0])
    for budget, so_far in budgets:
        if so_far >= budget.allowed:
            await _warn(role, budget, so_far)
            refuse(role, "sms budget", budget.ends_in(role))
    # The limiter keeps the charges before a refused one, so all are asked at cost 0 first: a request that one limit
    # refuses must not use up the others.
    charges = list(_limited(role, threepid, plan))
    asked = [evolve(each, cost=0) for each in charges]
    await charge(role, "sms", [*asked, *charges, *(budget.charge(role) for budget, _ in budgets)])
    for budget, so_far in budgets:
        await _warn(role, budget, so_far + 1)


async def count_validated(role: Role, threepid: Threepid) -> None:
    """Count that the code of an SMS was submitted, for the conversion of its country."""
    validated = _validated_in(role, plan_of(threepid.address).region)
    await role.limiter.charge([validated.charge(role)], role.clock())


async def sms_left(role: Role) -> dict[str, int]:
    """Return how many SMS may still be sent: by ``hour``, by ``day``, and for today by each country of the policy."""
    budgets = {budget.name: budget for region in role.policy.sms.countries for budget in _budgets(role, region)}
    return {name: budget.allowed - await used(role, budget) for name, budget in budgets.items()}


def _budgets(role: Role, region: str) -> tuple[Budget, Budget, Budget]:
    rules = role.policy.sms
    return (
        Budget(region, rules.budget_per_country, DAY),
        Budget("hour", rules.budget_per_hour, HOUR),
        Budget("day", rules.budget_per_day, DAY),
    )


def _validated_in(role: Role, region: str) -> Budget:
    return Budget(f"{region} validated", role.policy.sms.budget_per_country, DAY)


async def _check_conversion(role: Role, region: str, country: Budget, sent: int) -> None:
    """Refuse SMS to a country in which too few of their codes are submitted.

    * ``role``: gives policy and limiter.
    * ``region``: the country.
    * ``country``: its budget of the day.
    * ``sent``: the SMS sent to it today.

    Raises ``LimitExceeded``.
    """
    rule = role.policy.sms.conversion
    if rule is None or sent < rule.over:
        return
    validated = await used(role, _validated_in(role, region))
    if validated < rule.least * sent:
        await emit_once(role, country, "paused", SmsCountryPaused(region, sent, validated))
        # Until the lifetime of a code is over, codes that were sent may be submitted and raise the share again.
        refuse(role, "sms conversion", min(role.policy.lifetimes.code, country.ends_in(role)))


async def _warn(role: Role, budget: Budget, count: int) -> None:
    """Emit ``SmsBudgetUsed`` once for the share ``warn_at``, and once when the whole budget is used."""
    for share in (role.policy.sms.warn_at, 1):
        if count >= share * budget.allowed:
            await emit_once(role, budget, f"{share}", SmsBudgetUsed(budget.name, count, budget.allowed))


def _limited(role: Role, threepid: Threepid, plan: Plan) -> Iterator[Charge]:
    """Yield a charge for each limit of the number and of its prefix."""
    yield from _numbered(key_of(role, "sms number", threepid.address), role.policy.sms.per_number)
    yield from _numbered(key_of(role, "sms prefix", plan.prefix), role.policy.sms.per_prefix)


def _numbered(key: str, limits: tuple[Limit, ...]) -> Iterator[Charge]:
    """Yield a charge for each limit; numbered keys keep the counts of a key's several limits apart."""
    return (Charge(f"{key}:{number}", limit) for number, limit in enumerate(limits))
