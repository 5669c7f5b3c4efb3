"""The parts put together: configuration, database and peppers in, the wiring out."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from matrix_threepid import Medium, Purpose, Threepid
from matrix_threepid.ports import RateLimiter, SessionStore, TokenSender, system_clock
from matrix_threepid.stores import Database, SqlBindings, SqlReversals, SqlUiaSessions

from .accounts import Accounts
from .config import Config
from .devices import Devices
from .exchanges import Exchanges
from .home import Home
from .keeper import Keeper
from .keys import ServerSecret
from .openid import OpenId
from .passwords import Passwords
from .peers import Peers
from .rooms import Rooms


@frozen
class DeniedDomains:
    """``AddressRules``: nobody comes in by an address of these domains; who is in may still reset a password."""

    domains: frozenset[str]

    async def allows(self, threepid: Threepid, purpose: Purpose, user_id: str | None) -> bool:
        return purpose is Purpose.PASSWORD or threepid.address.rpartition("@")[2] not in self.domains


@frozen
class Parts:
    """What a homeserver is put together from."""

    config: Config
    db: Database
    sessions: SessionStore
    limiter: RateLimiter
    secret: ServerSecret
    peers: Peers
    senders: Mapping[Medium, TokenSender]


def assemble(parts: Parts, base_url: str | None) -> Home:
    """Return the wiring; ``base_url``: where links lead. Raises ``ConfigurationError``."""
    config, db = parts.config, parts.db
    accounts, limiter = Accounts(db, config.server_name), parts.limiter
    policy = config.library_policy(base_url)
    passwords, devices = Passwords(accounts, limiter, system_clock), Devices(db)
    exchanges = Exchanges(db, parts.peers, system_clock)
    return Home(
        server_name=config.server_name,
        accounts=accounts,
        callers=devices,
        keeper=Keeper(accounts, passwords, devices),
        uia_sessions=SqlUiaSessions(db),
        passwords=passwords,
        openid=OpenId(db, system_clock),
        peers=parts.peers,
        peppers=parts.secret.peppers(),
        policy=policy,
        senders=parts.senders,
        sessions=parts.sessions,
        bindings=SqlBindings(db),
        reversals=SqlReversals(db),
        identity=parts.peers.client,
        invitations=parts.peers.client,
        rooms=Rooms(db, config.server_name, accounts, exchanges),
        exchanges=exchanges,
        verifier=parts.peers.verifier(config.server_name) if parts.peers.client else None,
        limiter=limiter,
        rules=DeniedDomains(config.denied_domains),
    )


def senders_of(config: Config) -> Mapping[Medium, TokenSender]:
    """Return the ways to mailboxes and phones. Raises ``ConfigurationError``."""
    senders: dict[Medium, TokenSender] = {}
    if config.smtp is not None:
        senders[Medium.EMAIL] = config.smtp.sender(config.server_name)
    if config.twilio is not None:
        senders[Medium.MSISDN] = config.twilio.sender()
    return senders
