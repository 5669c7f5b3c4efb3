"""Settings of the policy: every choice of ``Policy``, and how other sections of a file add to them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from attrs import evolve, frozen

from ..model.lifetimes import Lifetimes
from ..policy import Limits, Policy, SmsRules
from ..protocol.errors import ConfigurationError
from ..protocol.members import choice, documented
from ..protocol.rules import ListOf
from .identity import IdentityServerSettings
from .rules import LANGUAGE, SECONDS


@documented
@frozen(kw_only=True)
class PolicySettings(Policy):
    """The choices an operator makes: all those of ``Policy``, and lifetimes in seconds."""

    languages: Sequence[str] = choice(
        ListOf(LANGUAGE, least=1),
        ("en",),
        topic="The server",
        doc="the languages that people are written to in; the first one is for readers of all others",
    )
    token_lifetime_s: int | None = choice(
        SECONDS, None, optional=True, doc="seconds that links and codes work; counts before `lifetimes`"
    )
    validated_lifetime_s: int | None = choice(
        SECONDS, None, optional=True, doc="seconds that a session lives after its validation; counts before `lifetimes`"
    )

    def policy(
        self,
        base_url: str | None,
        limits: Limits | None = None,
        identity_servers: IdentityServerSettings | None = None,
        sms: SmsRules | None = None,
    ) -> Policy:
        """Return the library's policy: these choices, and what other sections of the file add to them.

        * ``base_url``, ``limits``: ``public_base_url`` and ``limits`` at the top of the file; then not in ``policy``.
        * ``identity_servers``: its ``timeout_s`` and ``retry_s`` count before ``identity_deadline`` and ``retrying``.
        * ``sms``: counts in place of ``sms`` here.

        Raises ``ConfigurationError``.
        """
        chosen = {field.name: getattr(self, field.name) for field in attrs.fields(Policy)}
        chosen["lifetimes"] = self._lifetimes
        for name, given in (("public_base_url", base_url), ("limits", limits)):
            if given is not None:
                if chosen[name] != getattr(Policy(), name):
                    raise ConfigurationError(f"policy.{name}: is also set outside of policy; set it once")
                chosen[name] = given
        if sms is not None:
            chosen["sms"] = sms
        servers = identity_servers or IdentityServerSettings()
        if servers.timeout_s is not None:
            chosen["identity_deadline"] = servers.deadline
        if servers.retry_s is not None:
            chosen["retrying"] = evolve(self.retrying, first=max(1, round(servers.retry_s * 1000)))
        return Policy(**chosen)

    @property
    def _lifetimes(self) -> Lifetimes:
        token, validated = self.token_lifetime_s, self.validated_lifetime_s
        given = {"token": token, "code": token, "validated": validated}
        return evolve(self.lifetimes, **{name: seconds * 1000 for name, seconds in given.items() if seconds})
