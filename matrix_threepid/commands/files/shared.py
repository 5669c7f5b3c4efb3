"""The sections that configuration files of hosts share."""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

from ...model.threepid import Medium
from ...policy import Policy, SmsRules
from ...ports import TokenSender
from ...protocol.errors import ConfigurationError
from ...protocol.members import Nested, documented, member
from ...protocol.rules import COUNTRY, URL, ListOf
from ...settings import (
    GatewaySettings,
    IdentityServerSettings,
    Limits,
    PolicySettings,
    SmsSettings,
    SmtpSettings,
    TwilioSettings,
)
from ...settings.rules import COUNT, LANGUAGE, TEXT
from ...texts.catalogue import Texts


@documented
@frozen(kw_only=True)
class _Account(TwilioSettings):
    countries: tuple[str, ...] = member(ListOf(COUNTRY), (), doc="the regions that SMS go to")


@documented
@frozen(kw_only=True)
class Shared:
    """The sections that are read of a file.

    SMS are configured in ``sms``, or by ``countries`` with ``twilio`` or ``gateway`` at the top; ``countries`` may also
    be in ``twilio``. Raises ``ConfigurationError``.
    """

    server_name: str = member(TEXT, doc="the name of the homeserver")
    public_base_url: str | None = member(URL, None, doc="where the links in mails lead")
    smtp: SmtpSettings | None = member(Nested(SmtpSettings), None, doc="the mail server; without it no mails are sent")
    sms: SmsSettings | None = member(Nested(SmsSettings), None, doc="where SMS may go, and who sends them")
    twilio: _Account | None = member(Nested(_Account), None, doc="a Twilio account that sends SMS")
    gateway: GatewaySettings | None = member(Nested(GatewaySettings), None, doc="another provider that sends SMS")
    countries: tuple[str, ...] = member(ListOf(COUNTRY), (), doc="the regions that SMS go to")
    budget_per_hour: int | None = member(COUNT, None, doc="SMS an hour to all countries; counts before `policy.sms`")
    budget_per_day: int | None = member(COUNT, None, doc="SMS a day to all countries; counts before `policy.sms`")
    languages: tuple[str, ...] = member(ListOf(LANGUAGE), (), doc="counts before `policy.languages`")
    texts: str | None = member(
        TEXT, None, doc="folder of your own wordings, layouts and pages; the built-in ones if left out"
    )
    identity_servers: IdentityServerSettings | None = member(
        Nested(IdentityServerSettings), None, doc="how identity servers are reached"
    )
    policy: PolicySettings = member(Nested(PolicySettings), PolicySettings(), doc="every choice of `Policy`")
    limits: Limits | None = member(Nested(Limits), None, doc="how often what may be done")

    def __attrs_post_init__(self) -> None:
        if sum(way is not None for way in (self.sms, self.twilio, self.gateway)) > 1:
            raise ConfigurationError("give one of sms, twilio and gateway")

    def senders(self) -> dict[Medium, TokenSender]:
        """Return a sender for each medium. Raises ``ConfigurationError``."""
        senders: dict[Medium, TokenSender] = {}
        texts = self.library_texts()
        if self.smtp is not None:
            senders[Medium.EMAIL] = self.smtp.sender(self.server_name, texts=texts)
        way: Any = self.sms or self.twilio or self.gateway
        if way is not None:
            senders[Medium.MSISDN] = way.sender(texts=texts)
        return senders

    def library_texts(self) -> Texts:
        """Return the sentences and layouts. Raises ``ConfigurationError``."""
        return Texts(self.texts)

    def library_policy(self) -> Policy:
        """Return the library's policy. Raises ``ConfigurationError``."""
        policy = self.policy.policy(self.public_base_url, self.limits, self.identity_servers, self._rules)
        return evolve(policy, languages=self.languages or policy.languages)

    @property
    def _rules(self) -> SmsRules:
        others = self.policy.sms
        if self.sms is not None:
            return self.sms.rules(others)
        countries = self.countries or (self.twilio.countries if self.twilio else ()) or others.countries
        return evolve(
            others,
            countries=countries,
            budget_per_hour=self.budget_per_hour or others.budget_per_hour,
            budget_per_day=self.budget_per_day or others.budget_per_day,
        )
