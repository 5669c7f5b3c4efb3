"""Settings of the ways to mailboxes and phones."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from ..offload import Offload
from ..policy import SmsRules
from ..protocol.errors import ConfigurationError
from .reading import Section, setting
from .rules import (
    ACCOUNT,
    ADDRESS,
    CALLER,
    COUNT,
    COUNTRY,
    FLAG,
    HEADERS,
    HOST,
    OBJECT,
    PORT,
    PROVIDER,
    TEXT,
    URL_WITH_QUERY,
    many,
    one_of,
)

if TYPE_CHECKING:
    from ..net.direct_https import DirectHttp
    from ..senders.gateway.sender import HttpSender
    from ..senders.smtp.sender import SmtpSender
    from ..senders.twilio.sender import TwilioSender


@frozen(kw_only=True)
class SmtpSettings:
    """The mail server to hand mails to; ``tls`` says more than ``starttls``, counts before it, and tells the port."""

    host: str = setting(HOST)
    port: int | None = setting(PORT, None)
    starttls: bool = setting(FLAG, True)
    tls: Literal["starttls", "implicit", "off"] | None = setting(one_of("starttls", "implicit", "off"), None)
    username: str | None = setting(TEXT, None)
    password: str | None = setting(TEXT, None, secret=True)
    mailbox: str = setting(ADDRESS, key="from")

    def sender(self, server_name: str, offload: Offload | None = None) -> SmtpSender:
        """Return the way to mailboxes. Raises ``ConfigurationError``."""
        from ..senders.smtp.sender import SmtpSender

        return SmtpSender(
            self.host,
            self.port or (None if self.tls else 25),
            sender=self.mailbox,
            server_name=server_name,
            tls=self.tls or ("starttls" if self.starttls else "off"),
            username=self.username,
            password=self.password,
            offload=offload,
        )


@frozen(kw_only=True)
class TwilioSettings:
    """A Twilio account, and the number, name or messaging service its SMS come from."""

    base_url: str | None = setting(PROVIDER, None)
    account_sid: str = setting(ACCOUNT)
    auth_token: str = setting(TEXT, secret=True)
    number: str | None = setting(CALLER, None, key="from")
    messaging_service_sid: str | None = setting(TEXT, None)

    def sender(self, offload: Offload | None = None) -> TwilioSender:
        """Return the way to phones. Raises ``ConfigurationError``."""
        from ..senders.twilio.sender import TwilioSender

        try:
            return TwilioSender(
                self.account_sid,
                self.auth_token,
                sender=self.number,
                messaging_service_sid=self.messaging_service_sid,
                base_url=self.base_url,
                fetch=_direct(self.base_url, offload),
            )
        except ConfigurationError as error:
            raise ConfigurationError(f"twilio: {error}") from None


@frozen(kw_only=True)
class GatewaySettings:
    """Any other provider of SMS; the members are those of ``HttpSender``."""

    url: str = setting(URL_WITH_QUERY, secret=True)
    template: Mapping[str, Any] = setting(OBJECT, secret=True)
    headers: Mapping[str, str] = setting(HEADERS, MappingProxyType({}), secret=True)
    body: Literal["json", "form"] = setting(one_of("json", "form"), "json")

    def sender(self, offload: Offload | None = None) -> HttpSender:
        """Return the way to phones. Raises ``ConfigurationError``."""
        from ..senders.gateway.sender import HttpSender

        return HttpSender(self.url, self.template, self.headers, _direct(self.url, offload), body=self.body)


@frozen(kw_only=True)
class SmsSettings:
    """Where SMS may go, how many, and by whom: one of ``twilio`` and ``gateway``."""

    countries: tuple[str, ...] = setting(many(COUNTRY))
    twilio: TwilioSettings | None = setting(Section(TwilioSettings), None)
    gateway: GatewaySettings | None = setting(Section(GatewaySettings), None)
    budget_per_hour: int = setting(COUNT, SmsRules().budget_per_hour)
    budget_per_day: int = setting(COUNT, SmsRules().budget_per_day)

    def __attrs_post_init__(self) -> None:
        if (self.twilio is None) is (self.gateway is None):
            raise ConfigurationError("give either twilio or gateway")
        if not self.countries:
            raise ConfigurationError("countries: must name at least one")

    @property
    def rules(self) -> SmsRules:
        """The rules as the library takes them."""
        return SmsRules(
            countries=self.countries, budget_per_hour=self.budget_per_hour, budget_per_day=self.budget_per_day
        )

    def sender(self, offload: Offload | None = None) -> TwilioSender | HttpSender:
        """Return the way to phones. Raises ``ConfigurationError``."""
        provider: TwilioSettings | GatewaySettings | None = self.twilio or self.gateway
        if provider is None:
            raise ConfigurationError("give either twilio or gateway")
        return provider.sender(offload)


def _direct(url: str | None, offload: Offload | None) -> DirectHttp:
    from ..net.direct_https import DirectHttp

    return DirectHttp(offload=offload, tls=url is None or url.startswith("https:"))
