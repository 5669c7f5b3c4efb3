"""The sections that configuration files of hosts share, wherever SMS stand in them."""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

from ...model.threepid import Medium
from ...policy import Policy, SmsRules
from ...ports import TokenSender
from ...protocol.errors import ConfigurationError
from ...settings import (
    GatewaySettings,
    IdentityServerSettings,
    LimitsSettings,
    PolicySettings,
    Section,
    SmsSettings,
    SmtpSettings,
    TwilioSettings,
    setting,
)
from ...settings.rules import COUNT, COUNTRY, LANGUAGE, TEXT, URL, many


@frozen(kw_only=True)
class _Account(TwilioSettings):
    countries: tuple[str, ...] = setting(many(COUNTRY), ())


@frozen(kw_only=True)
class Shared:
    """What is read of a file. SMS stand in ``sms``, or their settings at the top, ``countries`` perhaps in ``twilio``.

    Raises ``ConfigurationError``.
    """

    server_name: str = setting(TEXT)
    public_base_url: str | None = setting(URL, None)
    smtp: SmtpSettings | None = setting(Section(SmtpSettings), None)
    sms: SmsSettings | None = setting(Section(SmsSettings), None)
    twilio: _Account | None = setting(Section(_Account), None)
    gateway: GatewaySettings | None = setting(Section(GatewaySettings), None)
    countries: tuple[str, ...] = setting(many(COUNTRY), ())
    budget_per_hour: int = setting(COUNT, SmsRules().budget_per_hour)
    budget_per_day: int = setting(COUNT, SmsRules().budget_per_day)
    languages: tuple[str, ...] = setting(many(LANGUAGE), ())
    identity_servers: IdentityServerSettings | None = setting(Section(IdentityServerSettings), None)
    policy: PolicySettings = setting(Section(PolicySettings), PolicySettings())
    limits: LimitsSettings = setting(Section(LimitsSettings), LimitsSettings())

    def __attrs_post_init__(self) -> None:
        if sum(way is not None for way in (self.sms, self.twilio, self.gateway)) > 1:
            raise ConfigurationError("give one of sms, twilio and gateway")

    def senders(self) -> dict[Medium, TokenSender]:
        """Return the ways to mailboxes and phones. Raises ``ConfigurationError``."""
        senders: dict[Medium, TokenSender] = {}
        if self.smtp is not None:
            senders[Medium.EMAIL] = self.smtp.sender(self.server_name)
        way: Any = self.sms or self.twilio or self.gateway
        if way is not None:
            senders[Medium.MSISDN] = way.sender()
        return senders

    def library_policy(self) -> Policy:
        """Return the library's policy. Raises ``ConfigurationError``."""
        policy = self.policy.policy(self.public_base_url, self.limits, self.identity_servers, self._rules)
        return evolve(policy, languages=self.languages or policy.languages)

    @property
    def _rules(self) -> SmsRules:
        if self.sms is not None:
            return self.sms.rules
        countries = self.countries or (self.twilio.countries if self.twilio else ())
        return SmsRules(countries=countries, budget_per_hour=self.budget_per_hour, budget_per_day=self.budget_per_day)
