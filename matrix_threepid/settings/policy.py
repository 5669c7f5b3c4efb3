"""Settings of the policy and its limits."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from ..model.session import Lifetimes
from ..policy import Limit, Limits, Policy, SmsRules
from ..protocol.errors import ConfigurationError
from .identity import IdentityServerSettings
from .reading import Section, setting
from .rules import FLAG, HOST, LANGUAGE, RATE, SECONDS, many, one_of, whole


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

    @property
    def limits(self) -> Limits:
        """The limits as the library takes them."""
        given = {"per_address": self.per_address, "per_client": self.per_client}
        return Limits(**{name: chosen.limit for name, chosen in given.items() if chosen})


@frozen(kw_only=True)
class PolicySettings:
    """The choices of ``Policy`` an operator makes."""

    hide_known_addresses: bool = setting(FLAG, False)
    legacy_add: Literal["allow", "uia", "off"] = setting(one_of("allow", "uia", "off"), "allow")
    changes_enabled: bool = setting(FLAG, True)
    registration_enabled: bool = setting(FLAG, True)
    token_lifetime_s: int | None = setting(SECONDS, None)
    validated_lifetime_s: int | None = setting(SECONDS, None)
    next_link_hosts: tuple[str, ...] | None = setting(many(HOST), None)
    password_reset_by_phone: bool = setting(FLAG, False)
    languages: tuple[str, ...] = setting(many(LANGUAGE), ("en",))

    @property
    def lifetimes(self) -> Lifetimes:
        """The lifetimes as the library takes them: of links and codes alike, and of what was validated."""
        given = {"token": self.token_lifetime_s, "code": self.token_lifetime_s, "validated": self.validated_lifetime_s}
        return Lifetimes(**{name: seconds * 1000 for name, seconds in given.items() if seconds})

    def policy(
        self,
        base_url: str | None,
        limits: LimitsSettings,
        identity_servers: IdentityServerSettings | None = None,
        sms: SmsRules | None = None,
    ) -> Policy:
        """Return the library's policy, of this section and of its neighbours. Raises ``ConfigurationError``."""
        if not self.languages:
            raise ConfigurationError("policy.languages: must name at least one language")
        servers = identity_servers or IdentityServerSettings()
        return Policy(
            public_base_url=base_url,
            changes_enabled=self.changes_enabled,
            registration_enabled=self.registration_enabled,
            legacy_add=self.legacy_add,
            hide_known_addresses=self.hide_known_addresses,
            password_reset_by_phone=self.password_reset_by_phone,
            next_link_hosts=self.next_link_hosts,
            lifetimes=self.lifetimes,
            languages=self.languages,
            limits=limits.limits,
            identity_deadline=servers.deadline,
            retrying=servers.retrying,
            sms=sms or SmsRules(),
        )
