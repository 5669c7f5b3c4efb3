"""One SMS, to see that everything is right before users see that it is not."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from matrix_threepid import MatrixError, Medium, Purpose
from matrix_threepid.model.message import Accepted, Kind, TokenMessage
from matrix_threepid.model.msisdn import canonical_msisdn, plan_of
from matrix_threepid.role import system_clock

from .config import Config


async def self_test(config: Config, number: str) -> int:
    """Check the number, the account, and send one SMS; print what came of it; return 0 if it went out."""
    try:
        digits = canonical_msisdn(config.countries[0], number).threepid.address
    except MatrixError:
        print(f"{number} is no phone number")
        return 1
    plan, rules = plan_of(digits), config.policy().sms
    if plan.region not in rules.countries or plan.kind in rules.refused_kinds:
        print(f"users of this number would be refused: country {plan.region}, kind {plan.kind or 'usual'}")
        return 1
    return await _send(config, digits)


async def _send(config: Config, digits: str) -> int:
    way = config.sender(asyncio.to_thread)
    check: Callable[[], Awaitable[str | None]] | None = getattr(way, "check", None)
    trouble = await check() if check else None
    if trouble is not None:
        print(f"the account cannot be used: {trouble}")
        return 1
    outcome = await way.send(_message(config, digits))
    print(outcome)
    return 0 if isinstance(outcome, Accepted) else 1


def _message(config: Config, digits: str) -> TokenMessage:
    policy = config.policy()
    return TokenMessage(
        medium=Medium.MSISDN,
        recipient=digits,
        purpose=Purpose.BIND,
        kind=Kind.TOKEN,
        code=str(secrets.randbelow(10**policy.code_digits)).zfill(policy.code_digits),
        server=config.server_name,
        host=config.public_base_url.partition("://")[2].partition("/")[0].partition(":")[0],
        language=config.languages[0],
        requested_at=system_clock(),
        lifetime=policy.lifetimes.code,
        deadline=policy.send_deadline,
    )
