"""Spend the policy's limits in the store, before anything is looked up."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve, frozen

from .call import Call
from .events import Event, Limited, SmsBudgetUsed, SmsCountryPaused
from .listening import tell
from .model.msisdn import Plan, plan_of
from .model.threepid import Medium, Threepid
from .policy import Conversion, Limit
from .ports import Take
from .protocol.errors import LimitExceeded
from .role import Role

DISOWNED = Limit(1, 1 / 86_400)
_HOUR, _DAY = 3_600_000, 86_400_000


async def charge_sending(role: Role, call: Call, threepid: Threepid) -> None:
    """Count one message to be sent: per address, client and user. Raises ``LimitExceeded``."""
    limits = role.policy.limits
    address, client = key_of(role, "address", *_parts(threepid)), key_of(role, "client", call.client)
    takes = [Take(disowned_key(role, threepid, call.client), DISOWNED, cost=0), Take(address, limits.per_address)]
    if role.sees_clients:
        takes.insert(1, Take(client, limits.per_client))
    if call.user_id is not None:
        takes.append(Take(key_of(role, "user", call.user_id), limits.per_user))
    await _spend(role, "send", takes)


async def charge_sms(role: Role, threepid: Threepid, plan: Plan) -> None:
    """Count one SMS: per number, prefix, country, hour and day. Raises ``LimitExceeded``, and then counts nothing."""
    rules, budgets = role.policy.sms, _budgets(role, plan.region)
    if rules.conversion is not None:
        await _check_conversion(role, plan.region, rules.conversion)
    for budget in budgets:
        await _take(role, budget, cost=0)
    number, prefix = key_of(role, "sms number", threepid.address), key_of(role, "sms prefix", plan.prefix)
    takes = [*_numbered(number, rules.per_number), *_numbered(prefix, rules.per_prefix)]
    await _spend(role, "sms", [*(evolve(take, cost=0) for take in takes), *takes])
    for budget in budgets:
        await _take(role, budget)
        await _warn(role, budget)


async def count_validated(role: Role, threepid: Threepid) -> None:
    """Count that an SMS came to something."""
    if threepid.medium is Medium.MSISDN:
        validated = _validated_in(role, plan_of(threepid.address).region)
        await role.limiter.spend([validated.take(role)], role.clock())


async def sms_left(role: Role) -> dict[str, int]:
    """Return how many SMS may still go out: in this ``hour``, this ``day``, and today to each country."""
    budgets = {budget.name: budget for region in role.policy.sms.countries for budget in _budgets(role, region)}
    return {name: budget.allowed - await _used(role, budget) for name, budget in budgets.items()}


async def charge_change(role: Role, user_id: str) -> None:
    """Count one change of an account. Raises ``LimitExceeded``."""
    await _spend(role, "change", [Take(key_of(role, "change", user_id), role.policy.limits.changes)])


async def charge_guess(role: Role, threepid: Threepid) -> None:
    """Count one guess of a code for an address, over all its sessions. Raises ``LimitExceeded``."""
    await _spend(role, "guess", [Take(key_of(role, "guess", *_parts(threepid)), role.policy.limits.guesses)])


async def block_disowned(role: Role, threepid: Threepid, client_mac: str) -> None:
    """Let nobody from this client ask for messages to this address for a day."""
    await role.limiter.spend([Take(_pair(role, threepid, client_mac), DISOWNED)], role.clock())


def disowned_key(role: Role, threepid: Threepid, client: str) -> str:
    """Return the key of an address and a client together."""
    return _pair(role, threepid, client_mac(role, client))


def client_mac(role: Role, client: str) -> str:
    """Return a client's address as it is kept with a session."""
    return role.peppers.current.mac("client", client)


def key_of(role: Role, kind: str, *parts: str) -> str:
    """Return the key a limit is counted under: nothing personal can be read off it."""
    return f"{kind}:{role.peppers.current.mac(kind, *parts)}"


@frozen
class _Budget:
    """A count that starts anew with every hour or day of the clock; ``length`` in ms."""

    name: str
    allowed: int
    length: int

    def take(self, role: Role) -> Take:
        """Return one take. Its limit refills more slowly than the clock comes round to a new key."""
        key = key_of(role, "sms budget", self.name, str(role.clock() // self.length))
        return Take(key, Limit(self.allowed, 1000 / self.length))

    def ends_in(self, role: Role) -> int:
        """Return the ms until the count starts anew."""
        return self.length - role.clock() % self.length


def _budgets(role: Role, region: str) -> tuple[_Budget, ...]:
    rules = role.policy.sms
    return (
        _Budget(region, rules.budget_per_country, _DAY),
        _Budget("hour", rules.budget_per_hour, _HOUR),
        _Budget("day", rules.budget_per_day, _DAY),
    )


def _validated_in(role: Role, region: str) -> _Budget:
    return _Budget(f"{region} validated", role.policy.sms.budget_per_country, _DAY)


async def _take(role: Role, budget: _Budget, cost: int = 1) -> None:
    if await role.limiter.spend([evolve(budget.take(role), cost=cost)], role.clock()):
        _refuse(role, "sms budget", budget.ends_in(role))


async def _warn(role: Role, budget: _Budget) -> None:
    used = await _used(role, budget)
    for share in (role.policy.sms.warn_at, 1):
        if used >= share * budget.allowed:
            await _tell_once(role, budget, f"{share}", SmsBudgetUsed(budget.name, used, budget.allowed))


async def _check_conversion(role: Role, region: str, rule: Conversion) -> None:
    """Refuse SMS to a country where they come to nothing."""
    country, now_validated = _budgets(role, region)[0], _validated_in(role, region)
    sent, validated = await _used(role, country), await _used(role, now_validated)
    if sent >= rule.over and validated < rule.least * sent:
        await _tell_once(role, country, "paused", SmsCountryPaused(region, sent, validated))
        _refuse(role, "sms conversion", min(role.policy.lifetimes.code, country.ends_in(role)))


async def _used(role: Role, budget: _Budget) -> int:
    """Return how much of a budget is used. One more than all of it is never granted, so asking counts nothing."""
    wanted = evolve(budget.take(role), cost=budget.allowed + 1)
    wait = await role.limiter.spend([wanted], role.clock())
    return -(-(wait - budget.length) // budget.length)


async def _tell_once(role: Role, budget: _Budget, what: str, event: Event) -> None:
    told = _Budget(f"{budget.name} {what}", 1, budget.length)
    if not await role.limiter.spend([told.take(role)], role.clock()):
        tell(role, event)


def _numbered(key: str, limits: tuple[Limit, ...]) -> Iterator[Take]:
    """Yield a take for each limit of a key, under keys of their own."""
    return (Take(f"{key}:{number}", limit) for number, limit in enumerate(limits))


def _refuse(role: Role, action: str, wait: int) -> None:
    tell(role, Limited(action, wait))
    raise LimitExceeded(wait)


async def _spend(role: Role, action: str, takes: list[Take]) -> None:
    wait = await role.limiter.spend(takes, role.clock())
    if wait:
        _refuse(role, action, wait)


def _pair(role: Role, threepid: Threepid, mac: str) -> str:
    return key_of(role, "disowned", *_parts(threepid), mac)


def _parts(threepid: Threepid) -> tuple[str, str]:
    return threepid.medium.value, threepid.address
