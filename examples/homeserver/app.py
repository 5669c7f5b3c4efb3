"""The parts put together: configuration, database and peppers in, the wiring out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from attrs import frozen

from matrix_threepid import Medium, Peppers, Purpose, Threepid
from matrix_threepid.ports import TokenSender
from matrix_threepid.role import system_clock
from matrix_threepid.senders.smtp import SmtpSender
from matrix_threepid.stores.sql import Database, SqlLimits, SqlSessions

from .accounts import Accounts
from .config import Config, SmtpSettings
from .devices import Devices
from .home import Home
from .passwords import Passwords
from .uia import Interactive


@frozen
class DeniedDomains:
    """``AddressRules``: nobody comes in by an address of these domains; who is in may still reset a password."""

    domains: frozenset[str]

    async def allows(self, threepid: Threepid, purpose: Purpose, user_id: str | None) -> bool:
        return purpose is Purpose.PASSWORD or threepid.address.rpartition("@")[2] not in self.domains


def assemble(config: Config, db: Database, peppers: Peppers, base_url: str | None) -> Home:
    """Return the wiring. Raises ``ConfigurationError``."""
    accounts, limiter = Accounts(db, config.server_name), SqlLimits(db)
    passwords = Passwords(accounts, limiter, system_clock)
    return Home(
        server_name=config.server_name,
        accounts=accounts,
        callers=Devices(db),
        uia=Interactive(db, passwords, system_clock),
        passwords=passwords,
        peppers=peppers,
        policy=config.library_policy(base_url),
        senders=_senders(config),
        sessions=SqlSessions(db),
        limiter=limiter,
        rules=DeniedDomains(config.denied_domains),
    )


def _senders(config: Config) -> Mapping[Medium, TokenSender]:
    return {} if config.smtp is None else {Medium.EMAIL: _mail(config.smtp, config.server_name)}


def _mail(smtp: SmtpSettings, server_name: str) -> SmtpSender:
    return SmtpSender(
        smtp.host,
        smtp.port,
        sender=smtp.sender,
        server_name=server_name,
        tls="starttls" if smtp.starttls else "off",
        offload=asyncio.to_thread,
    )
