"""Settings of the ways to phones."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from attrs import evolve, frozen

from ..offload import Offload
from ..policy import SmsRules
from ..protocol.errors import ConfigurationError
from ..protocol.members import Nested, documented, member
from ..protocol.rules import COUNTRY, URL, Free, ListOf, OneOf
from ..texts.catalogue import Texts
from .answers import AnswerSettings
from .identity import trusting
from .rules import (
    ACCOUNT,
    CALLER,
    COUNT,
    HEADERS,
    PROVIDER,
    PROXY,
    SERVICE,
    STATUS,
    TEXT,
    URL_WITH_QUERY,
)
from .smtp import CA_FILE_DOC, PROXY_DOC

if TYPE_CHECKING:
    import ssl

    from ..net.direct_https import DirectHttp
    from ..senders.fallback import Fallback
    from ..senders.gateway.sender import HttpSender
    from ..senders.twilio.sender import TwilioSender
    from ..senders.twilio.verify import TwilioVerifySender


@documented
@frozen(kw_only=True)
class TwilioSettings:
    """A Twilio account, and the number, name or messaging service its SMS come from."""

    base_url: str | None = member(PROVIDER, None, doc="URL of a stand-in or a proxy, in place of Twilio's own")
    account_sid: str = member(ACCOUNT, doc="the account")
    auth_token: str = member(TEXT, secret=True, doc="the account's token")
    number: str | None = member(CALLER, None, key="from", doc="the number, short code or name that SMS are from")
    messaging_service_sid: str | None = member(TEXT, None, doc="the messaging service that chooses what SMS are from")
    verify_service_sid: str | None = member(
        SERVICE, None, doc="the service of Twilio Verify, which makes, sends and checks the codes itself"
    )
    verify_channel: Literal["sms", "call", "whatsapp"] = member(
        OneOf("sms", "call", "whatsapp"), "sms", doc="how Twilio Verify brings its codes"
    )
    status_callback: str | None = member(
        URL,
        None,
        doc="where Twilio reports what became of an SMS: `…/_threepid/callbacks/twilio` below `public_base_url`",
    )
    proxy: str | None = member(PROXY, None, secret=True, doc=PROXY_DOC)

    def sender(self, offload: Offload | None = None, texts: Texts | None = None) -> TwilioSender | TwilioVerifySender:
        """Return the way to phones; ``texts``: the wordings, by default the built-in ones.

        Raises ``ConfigurationError``.
        """
        from ..senders.twilio.sender import TwilioSender
        from ..senders.twilio.verify import TwilioVerifySender

        if self.verify_service_sid is not None and (self.number or self.messaging_service_sid):
            raise ConfigurationError("twilio: give one of from, messaging_service_sid and verify_service_sid")
        try:
            fetch = _direct(self.base_url, offload, self.proxy)
            if self.verify_service_sid is not None:
                return TwilioVerifySender(
                    self.account_sid,
                    self.auth_token,
                    service_sid=self.verify_service_sid,
                    channel=self.verify_channel,
                    base_url=self.base_url,
                    fetch=fetch,
                )
            return TwilioSender(
                self.account_sid,
                self.auth_token,
                sender=self.number,
                messaging_service_sid=self.messaging_service_sid,
                status_callback=self.status_callback,
                base_url=self.base_url,
                fetch=fetch,
                texts=texts or Texts(),
            )
        except ConfigurationError as error:
            raise ConfigurationError(f"twilio: {error}") from None


@documented
@frozen(kw_only=True)
class GatewaySettings:
    """Any other provider of SMS; the settings are the arguments of ``HttpSender``."""

    url: str = member(URL_WITH_QUERY, secret=True, doc="where an SMS is posted to")
    template: Mapping[str, object] = member(
        Free(), secret=True, doc="what is posted, with `$number`, `$digits` and `$text` in it"
    )
    headers: Mapping[str, str] = member(HEADERS, MappingProxyType({}), secret=True, doc="headers of the request")
    body: Literal["json", "form"] = member(OneOf("json", "form"), "json", doc="how the template is encoded")
    refused_for_ever: tuple[int, ...] = member(
        ListOf(STATUS), (), doc="HTTP statuses that mean that this number never gets an SMS"
    )
    denied: tuple[int, ...] = member(
        ListOf(STATUS), (), doc="HTTP statuses that mean that the gateway sends none to this country or suspects fraud"
    )
    answers: tuple[AnswerSettings, ...] = member(
        ListOf(Nested(AnswerSettings)), (), doc="rules on the body of an answer; the first that holds decides"
    )
    ca_file: str | None = member(TEXT, None, doc=CA_FILE_DOC)
    proxy: str | None = member(PROXY, None, secret=True, doc=PROXY_DOC)

    def sender(self, offload: Offload | None = None, texts: Texts | None = None) -> HttpSender:
        """Return the way to phones; ``texts``: the wordings, by default the built-in ones.

        Raises ``ConfigurationError``.
        """
        from ..senders.gateway.sender import HttpSender

        return HttpSender(
            self.url,
            self.template,
            self.headers,
            _direct(self.url, offload, self.proxy, trusting(self.ca_file, "gateway.ca_file")),
            body=self.body,
            refused_for_ever=self.refused_for_ever,
            denied=self.denied,
            answers=[each.rule() for each in self.answers],
            texts=texts or Texts(),
        )


@documented
@frozen(kw_only=True)
class SmsSettings:
    """Where SMS may go, how many, and by whom: one of ``twilio`` and ``gateway``, or both and who is ``first``."""

    countries: tuple[str, ...] = member(ListOf(COUNTRY), doc="the regions that SMS go to")
    twilio: TwilioSettings | None = member(Nested(TwilioSettings), None, doc="a Twilio account that sends them")
    gateway: GatewaySettings | None = member(Nested(GatewaySettings), None, doc="another provider that sends them")
    first: Literal["twilio", "gateway"] | None = member(
        OneOf("twilio", "gateway"), None, doc="who sends SMS where both are given; the other one stands in for it"
    )
    budget_per_hour: int | None = member(COUNT, None, doc="SMS an hour to all countries; counts before `policy.sms`")
    budget_per_day: int | None = member(COUNT, None, doc="SMS a day to all countries; counts before `policy.sms`")

    def __attrs_post_init__(self) -> None:
        both = self.twilio is not None and self.gateway is not None
        if (self.twilio is None and self.gateway is None) or both is (self.first is None):
            raise ConfigurationError("give either twilio or gateway, or both and first")
        if not self.countries:
            raise ConfigurationError("countries: must name at least one")

    def rules(self, others: SmsRules | None = None) -> SmsRules:
        """Return the rules as the library takes them: these settings, and ``others`` for what they do not say."""
        budgets = {"budget_per_hour": self.budget_per_hour, "budget_per_day": self.budget_per_day}
        given = {name: budget for name, budget in budgets.items() if budget is not None}
        return evolve(others or SmsRules(), countries=self.countries, **given)  # type: ignore[arg-type]

    def sender(
        self, offload: Offload | None = None, texts: Texts | None = None
    ) -> TwilioSender | TwilioVerifySender | HttpSender | Fallback:
        """Return the way to phones; ``texts``: the wordings, by default the built-in ones.

        Raises ``ConfigurationError``.
        """
        from ..senders.fallback import Fallback

        ways = [way.sender(offload, texts) for way in (self.twilio, self.gateway) if way is not None]
        if len(ways) == 1:
            return ways[0]
        return Fallback(*ways) if self.first == "twilio" else Fallback(*reversed(ways))


def _direct(
    url: str | None, offload: Offload | None, proxy: str | None = None, context: ssl.SSLContext | None = None
) -> DirectHttp:
    from ..net.direct_https import DirectHttp

    return DirectHttp(offload=offload, tls=url is None or url.startswith("https:"), proxy=proxy, context=context)
