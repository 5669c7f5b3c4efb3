"""The configuration file: every setting, its rule, and what it means to the library."""

from __future__ import annotations

from functools import cached_property, partial

from attrs import evolve, frozen

from matrix_threepid import ConfigurationError, MatrixError, Policy, canonical_email
from matrix_threepid.senders import is_loopback
from matrix_threepid.settings import (
    COUNTRY,
    HOST_PATTERN,
    TEXT,
    URL,
    Flag,
    IdentityServerSettings,
    Limits,
    ListOf,
    Nested,
    PolicySettings,
    SmtpSettings,
    Text,
    TwilioSettings,
    member,
    read_file,
)

DOMAIN = Text(r"[^\s@<>()\[\],;:\"\\]{1,253}", "must be a domain")
SERVER_NAME = Text(rf"({HOST_PATTERN}|\[[0-9A-Fa-f:.]+\])(:\d{{1,5}})?", "must be a host name, perhaps with a port")
DATABASE = Text(r"sqlite:///.+|postgres(ql)?://.+", "must be sqlite:///FILE or postgresql://…")
SESSIONS = Text(r"(valkeys?|rediss?)://.+", "must be valkey://HOST:PORT")
LISTEN = Text(rf"({HOST_PATTERN}|\[[0-9A-Fa-f:.]+\]):\d{{1,5}}", "must be HOST:PORT")
HEADER = Text(r"[A-Za-z0-9-]{1,64}", "must be the name of a header")


@frozen(kw_only=True)
class SmsAccount(TwilioSettings):
    """The account SMS are sent from, and where they may go."""

    countries: tuple[str, ...] = member(ListOf(COUNTRY), ())


@frozen(kw_only=True, slots=False)
class Config:
    """The whole file."""

    listen: str = member(LISTEN)
    server_name: str = member(SERVER_NAME)
    public_base_url: str | None = member(URL, None)
    database: str | None = member(DATABASE, None, secret=True)
    sessions: str | None = member(SESSIONS, None, secret=True)
    smtp: SmtpSettings | None = member(Nested(SmtpSettings), None)
    twilio: SmsAccount | None = member(Nested(SmsAccount), None)
    signing_key_file: str | None = member(TEXT, None)
    identity_servers: IdentityServerSettings | None = member(Nested(IdentityServerSettings), None)
    identity_server: bool = member(Flag(), False)
    denied_email_domains: tuple[str, ...] = member(ListOf(DOMAIN), ())
    client_ip_header: str | None = member(HEADER, None)
    policy: PolicySettings = member(Nested(PolicySettings), PolicySettings())
    limits: Limits | None = member(Nested(Limits), None)

    def __attrs_post_init__(self) -> None:
        if self.address[1] > 65535:
            raise ConfigurationError("listen: must be HOST:PORT with a port up to 65535")
        self.library_policy(self.public_base_url)
        self.denied_domains  # noqa: B018  reading it checks it

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen at; port 0 takes a free one."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    def base_url(self, port: int) -> str | None:
        """Return where links lead: as configured, or, on a machine that talks to itself only, where it listens."""
        here = f"http://{self.listen.rpartition(':')[0]}:{port}" if is_loopback(self.address[0]) else None
        return self.public_base_url or here

    def library_policy(self, base_url: str | None) -> Policy:
        """Return the library's policy. Raises ``ConfigurationError``."""
        sms = None if self.twilio is None else evolve(self.policy.sms, countries=self.twilio.countries)
        return self.policy.policy(base_url, self.limits, self.identity_servers, sms)

    @cached_property
    def denied_domains(self) -> frozenset[str]:
        """The refused mail domains, as they end canonical addresses."""
        try:
            addresses = [canonical_email(f"x@{domain}").threepid.address for domain in self.denied_email_domains]
        except MatrixError:
            raise ConfigurationError("denied_email_domains: must be domains of the public mail system") from None
        return frozenset(address.rpartition("@")[2] for address in addresses)


read_config = partial(read_file, Config)
"""Returns the configuration in a file (a ``Path``). Raises ``ConfigurationError`` naming the file or the key."""
