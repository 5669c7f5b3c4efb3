"""What the module's ``config`` in ``homeserver.yaml`` may say. A part whose section is there is on."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from ..policy import Policy
from ..protocol.errors import ConfigurationError
from ..settings import (
    IdentityServerSettings,
    LimitsSettings,
    PolicySettings,
    Section,
    SmsSettings,
    SmtpSettings,
    setting,
)
from ..settings.rules import TEXT, matching, one_of

DELEGATE_PATH = matching(
    r"/_synapse/client/[A-Za-z0-9_-]{22,255}",
    "must be /_synapse/client/ and at least 22 letters and digits nobody can guess",
)


@frozen(kw_only=True)
class EmailSettings:
    """How mails go out: over ``smtp``, or, where that is not set, as Synapse sends its own."""

    smtp: SmtpSettings | None = setting(Section(SmtpSettings), None)


@frozen(kw_only=True)
class ModuleSettings:
    """The whole section.

    ``secret_file``: made if it is missing. ``delegate_path``: where Synapse's own endpoints ask for SMS
    (``account_threepid_delegates``). ``endpoints``: serve the third-party identifier endpoints ourselves, in front of
    Synapse's on its ``client`` listeners or on a ``separate`` one. ``identity_servers``: bind, unbind, and deletes and
    deactivations that wait for no identity server.
    """

    secret_file: str = setting(TEXT)
    delegate_path: str | None = setting(DELEGATE_PATH, None, secret=True)
    endpoints: Literal["client", "separate"] | None = setting(one_of("client", "separate"), None)
    email: EmailSettings | None = setting(Section(EmailSettings), None)
    sms: SmsSettings | None = setting(Section(SmsSettings), None)
    identity_servers: IdentityServerSettings | None = setting(Section(IdentityServerSettings), None)
    policy: PolicySettings = setting(Section(PolicySettings), PolicySettings())
    limits: LimitsSettings = setting(Section(LimitsSettings), LimitsSettings())

    def __attrs_post_init__(self) -> None:
        if self.endpoints is None and self.delegate_path is None and self.identity_servers is None:
            raise ConfigurationError("give delegate_path, endpoints or identity_servers: nothing is on")
        if self.delegate_path is not None and self.sms is None:
            raise ConfigurationError("delegate_path: needs sms")
        if self.email is not None and self.endpoints is None:
            raise ConfigurationError("email: needs endpoints")
        if self.policy.password_reset_by_phone:
            raise ConfigurationError("policy.password_reset_by_phone: must be false, since Synapse resets by mail only")

    @property
    def needs_private(self) -> bool:
        """Whether a part is on that Synapse's public module API is not enough for."""
        return self.endpoints is not None or self.identity_servers is not None

    def library_policy(self, base_url: str) -> Policy:
        """Return the library's policy. Raises ``ConfigurationError``."""
        sms = None if self.sms is None else self.sms.rules
        return self.policy.policy(base_url.rstrip("/"), self.limits, self.identity_servers, sms)
