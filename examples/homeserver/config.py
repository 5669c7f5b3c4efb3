"""The configuration file: every setting, its rule, and what it means to the library."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from attrs import frozen

from matrix_threepid import ConfigurationError, Lifetimes, Limits, MatrixError, Policy
from matrix_threepid.model.email import canonical_email
from matrix_threepid.policy import SmsRules
from matrix_threepid.protocol.body import read_object
from matrix_threepid.senders.server import is_loopback

from .sections import (
    HOST_PATTERN,
    URL,
    IdentityServerSettings,
    LimitsSettings,
    PolicySettings,
    SmtpSettings,
    TwilioSettings,
)
from .settings import FLAG, TEXT, Section, many, matching, read, setting

_MAX_FILE = 1 << 20
DOMAIN = matching(r"[^\s@<>()\[\],;:\"\\]{1,253}", "must be a domain")
SERVER_NAME = matching(rf"({HOST_PATTERN}|\[[0-9A-Fa-f:.]+\])(:\d{{1,5}})?", "must be a host name, perhaps with a port")
DATABASE = matching(r"sqlite:///.+|postgres(ql)?://.+", "must be sqlite:///FILE or postgresql://…")
LISTEN = matching(rf"({HOST_PATTERN}|\[[0-9A-Fa-f:.]+\]):\d{{1,5}}", "must be HOST:PORT")
HEADER = matching(r"[A-Za-z0-9-]{1,64}", "must be the name of a header")


@frozen(kw_only=True, slots=False)
class Config:
    """The whole file."""

    listen: str = setting(LISTEN)
    server_name: str = setting(SERVER_NAME)
    public_base_url: str | None = setting(URL, None)
    database: str | None = setting(DATABASE, None, secret=True)
    smtp: SmtpSettings | None = setting(Section(SmtpSettings), None)
    twilio: TwilioSettings | None = setting(Section(TwilioSettings), None)
    signing_key_file: str | None = setting(TEXT, None)
    identity_servers: IdentityServerSettings | None = setting(Section(IdentityServerSettings), None)
    identity_server: bool = setting(FLAG, False)
    denied_email_domains: tuple[str, ...] = setting(many(DOMAIN), ())
    client_ip_header: str | None = setting(HEADER, None)
    policy: PolicySettings = setting(Section(PolicySettings), PolicySettings())
    limits: LimitsSettings = setting(Section(LimitsSettings), LimitsSettings())

    def __attrs_post_init__(self) -> None:
        if not self.policy.languages:
            raise ConfigurationError("policy.languages: must name at least one language")
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
        chosen, given, servers = self.policy, self.limits, self.identity_servers or IdentityServerSettings()
        limits = {name: value.limit for name in ("per_address", "per_client") if (value := getattr(given, name))}
        return Policy(
            public_base_url=base_url,
            changes_enabled=chosen.changes_enabled,
            legacy_add=chosen.legacy_add,
            hide_known_addresses=chosen.hide_known_addresses,
            password_reset_by_phone=chosen.password_reset_by_phone,
            next_link_hosts=chosen.next_link_hosts,
            lifetimes=Lifetimes(token=chosen.token_lifetime_s * 1000, validated=chosen.validated_lifetime_s * 1000),
            limits=Limits(**limits),
            languages=chosen.languages,
            identity_deadline=servers.deadline,
            retrying=servers.retrying,
            sms=SmsRules(countries=self.twilio.countries) if self.twilio else SmsRules(),
        )

    @cached_property
    def denied_domains(self) -> frozenset[str]:
        """The refused mail domains, as they end canonical addresses."""
        try:
            addresses = [canonical_email(f"x@{domain}").threepid.address for domain in self.denied_email_domains]
        except MatrixError:
            raise ConfigurationError("denied_email_domains: must be domains of the public mail system") from None
        return frozenset(address.rpartition("@")[2] for address in addresses)


def read_config(path: Path) -> Config:
    """Return the configuration in a file. Raises ``ConfigurationError`` naming the file or the key."""
    try:
        return read(Config, read_object(path.read_bytes(), _MAX_FILE))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except MatrixError as error:
        raise ConfigurationError(f"{path}: {error}") from None
