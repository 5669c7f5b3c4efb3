"""The configuration file: every setting, its rule, and what it means to the library."""

from __future__ import annotations

from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from attrs import frozen

from matrix_threepid import ConfigurationError, Lifetimes, Limit, Limits, MatrixError, Policy
from matrix_threepid.model.email import canonical_email
from matrix_threepid.protocol.body import read_object
from matrix_threepid.senders.server import is_loopback
from matrix_threepid.texts import BUILT_IN

from .settings import FLAG, RATE, TEXT, Section, many, matching, one_of, read, read_by, setting, whole

_MAX_FILE = 1 << 20
_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
HOST = matching(rf"{_HOST}|[0-9A-Fa-f:.]+", "must be a host name or an IP address")
DOMAIN = matching(r"[^\s@<>()\[\],;:\"\\]{1,253}", "must be a domain")
SERVER_NAME = matching(rf"({_HOST}|\[[0-9A-Fa-f:.]+\])(:\d{{1,5}})?", "must be a host name, perhaps with a port")
_MAILBOX = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+"
_NAMED = rf'[^<>"\\\x00-\x1f\x7f]*[^<>"\\\x00-\x20\x7f] +<{_MAILBOX}>'
ADDRESS = matching(f"{_MAILBOX}|{_NAMED}", "must be user@domain or Name <user@domain>")
URL = matching(r"https?://[^\s/?#]+[^\s?#]*", "must be an http or https URL")
DATABASE = matching(r"sqlite:///.+|postgres(ql)?://.+", "must be sqlite:///FILE or postgresql://…")
LISTEN = matching(rf"({_HOST}|\[[0-9A-Fa-f:.]+\]):\d{{1,5}}", "must be HOST:PORT")
PORT, SECONDS = whole(1, 65535), whole(1, 31_536_000)
LANGUAGE = one_of(*sorted(path.stem for path in BUILT_IN.glob("*.json")))
HEADER = matching(r"[A-Za-z0-9-]{1,64}", "must be the name of a header")
COUNTRY = matching(r"[A-Z]{2}", "must be two capital letters of ISO 3166-1")


@frozen(kw_only=True)
class SmtpSettings:
    """The mail server to hand mails to."""

    host: str = setting(HOST)
    port: int = setting(PORT, 25)
    starttls: bool = setting(FLAG, True)
    sender: str = setting(ADDRESS, key="from")


@frozen(kw_only=True)
class TwilioSettings:
    """The account text messages are sent from."""

    base_url: str = setting(URL, "https://api.twilio.com")
    account_sid: str = setting(TEXT)
    auth_token: str = setting(TEXT, secret=True)
    sender: str = setting(TEXT, key="from")
    countries: tuple[str, ...] = setting(many(COUNTRY), ())


@frozen(kw_only=True)
class IdentityServerSettings:
    """How identity servers are reached."""

    ca_file: str | None = setting(TEXT, None)
    allow_addresses: tuple[str, ...] = setting(
        many(read_by(ip_network, "must be an address range, such as 10.0.0.0/8")), ()
    )
    ports: tuple[int, ...] = setting(many(PORT), (443,))
    timeout_s: float = setting(RATE, 10)


@frozen(kw_only=True)
class PolicySettings:
    """The choices of ``Policy`` an operator makes."""

    hide_known_addresses: bool = setting(FLAG, False)
    legacy_add: Any = setting(one_of("allow", "uia", "off"), "allow")
    changes_enabled: bool = setting(FLAG, True)
    token_lifetime_s: int = setting(SECONDS, Lifetimes().token // 1000)
    validated_lifetime_s: int = setting(SECONDS, Lifetimes().validated // 1000)
    next_link_hosts: tuple[str, ...] | None = setting(many(HOST), None)
    password_reset_by_phone: bool = setting(FLAG, False)
    languages: tuple[str, ...] = setting(many(LANGUAGE), ("en",))


@frozen(kw_only=True)
class LimitSettings:
    """So many at once, then so many a second."""

    burst: int = setting(whole(1, 1_000_000))
    per_second: float = setting(RATE)

    @property
    def limit(self) -> Limit:
        """The limit as the library takes it."""
        return Limit(self.burst, self.per_second)


@frozen(kw_only=True)
class LimitsSettings:
    """The limits of ``Limits`` an operator sets."""

    per_address: LimitSettings | None = setting(Section(LimitSettings), None)
    per_client: LimitSettings | None = setting(Section(LimitSettings), None)


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
        chosen, given = self.policy, self.limits
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
        )

    @cached_property
    def denied_domains(self) -> frozenset[str]:
        """The refused mail domains, as they end canonical addresses."""
        try:
            addresses = [canonical_email(f"x@{domain}").threepid.address for domain in self.denied_email_domains]
        except MatrixError:
            raise ConfigurationError("denied_email_domains: must be domains of the public mail system") from None
        return frozenset(address.rpartition("@")[2] for address in addresses)

    @property
    def put_off(self) -> tuple[str, ...]:
        """The parts that are asked for and that this server does not have yet."""
        later = ("twilio", "identity_servers", "identity_server")
        return tuple(name for name in later if getattr(self, name))


def read_config(path: Path) -> Config:
    """Return the configuration in a file. Raises ``ConfigurationError`` naming the file or the key."""
    try:
        return read(Config, read_object(path.read_bytes(), _MAX_FILE))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except MatrixError as error:
        raise ConfigurationError(f"{path}: {error}") from None
