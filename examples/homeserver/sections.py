"""The sections of the configuration file, and the rules for what their settings may be."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from matrix_threepid import Lifetimes, Limit
from matrix_threepid.model.binding import Retrying
from matrix_threepid.senders.server import is_loopback
from matrix_threepid.texts import BUILT_IN

from .settings import FLAG, RATE, TEXT, Rule, Section, many, matching, one_of, read_by, setting, whole


def _is_provider(value: Any) -> bool:
    parts = urlsplit(value) if isinstance(value, str) and URL.holds(value) else None
    return parts is not None and (parts.scheme == "https" or is_loopback(parts.hostname or ""))


HOST_PATTERN = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
HOST = matching(rf"{HOST_PATTERN}|[0-9A-Fa-f:.]+", "must be a host name or an IP address")
_MAILBOX = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+"
_NAMED = rf'[^<>"\\\x00-\x1f\x7f]*[^<>"\\\x00-\x20\x7f] +<{_MAILBOX}>'
ADDRESS = matching(f"{_MAILBOX}|{_NAMED}", "must be user@domain or Name <user@domain>")
URL = matching(r"https?://[^\s/?#]+[^\s?#]*", "must be an http or https URL")
PROVIDER = Rule("must be an https URL, or an http URL on this very machine", _is_provider)
ACCOUNT = matching(r"AC[0-9A-Za-z]{1,64}", "must be an account SID, which begins with AC")
CALLER = matching(
    r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|[0-9 &+_-]*[A-Za-z][A-Za-z0-9 &+_-]*",
    "must be a number such as +15005550006, a short code, or a name",
)
PORT, SECONDS = whole(1, 65535), whole(1, 31_536_000)
LANGUAGE = one_of(*sorted(path.stem for path in BUILT_IN.glob("*.json")))
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

    base_url: str | None = setting(PROVIDER, None)
    account_sid: str = setting(ACCOUNT)
    auth_token: str = setting(TEXT, secret=True)
    sender: str = setting(CALLER, key="from")
    countries: tuple[str, ...] = setting(many(COUNTRY), ())


@frozen(kw_only=True)
class IdentityServerSettings:
    """How identity servers are reached; ``retry_s``: the first pause before an unbind is tried again."""

    ca_file: str | None = setting(TEXT, None)
    allow_addresses: tuple[str, ...] = setting(
        many(read_by(ip_network, "must be an address range, such as 10.0.0.0/8")), ()
    )
    ports: tuple[int, ...] = setting(many(PORT), (443,))
    timeout_s: float = setting(RATE, 10)
    retry_s: float = setting(RATE, Retrying().first // 1000)

    @property
    def deadline(self) -> int:
        """The ms the calls of one request may take."""
        return max(1, round(self.timeout_s * 1000))

    @property
    def retrying(self) -> Retrying:
        """How unbinds are tried again."""
        return Retrying(first=max(1, round(self.retry_s * 1000)))


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
