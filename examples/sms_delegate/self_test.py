"""One SMS, to see that everything is right before users see that it is not."""

from __future__ import annotations

from matrix_threepid import Medium
from matrix_threepid.commands import sending_role, sent

from .config import Config


async def self_test(config: Config, number: str) -> int:
    """Check the number, the account, and send one SMS; print what came of it; return 0 if it went out."""
    senders = {Medium.MSISDN: config.sender()}
    return await sent(sending_role(config.server_name, config.policy(), senders), Medium.MSISDN, number)
