"""The settings in the module's ``config`` in ``homeserver.yaml``. A part is on if its section is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from attrs import frozen

from ..policy import Policy
from ..policy.choices import BASE_URL
from ..protocol.errors import ConfigurationError
from ..protocol.members import Nested, documented, member
from ..protocol.rules import OneOf, Text
from ..settings import DeliverySettings, IdentityServerSettings, Limits, PolicySettings, SmsSettings, SmtpSettings
from ..settings.rules import TEXT

if TYPE_CHECKING:
    from ..callbacks.provider import CallbackProvider

DELEGATE_PATH = Text(
    r"/_synapse/client/[A-Za-z0-9_-]{22,255}",
    "must be /_synapse/client/ and at least 22 letters and digits nobody can guess",
)


ADMINISTRATION_PATH = Text(
    r"/_synapse/client/[A-Za-z0-9_-]{1,255}", "must be /_synapse/client/ and one more step of letters, digits, _ and -"
)


@documented
@frozen(kw_only=True)
class EmailSettings:
    """How mails are sent: through ``smtp``, or, if that is not set, through Synapse's own mail server."""

    smtp: SmtpSettings | None = member(
        Nested(SmtpSettings), None, doc="the mail server; if left out, mails go out as Synapse sends its own"
    )


@documented
@frozen(kw_only=True)
class ModuleSettings:
    """The whole section."""

    secret_file: str = member(
        TEXT, doc="file of 32 secret bytes, made if missing; all workers need the same one, and it must be kept"
    )
    delegate_path: str | None = member(
        DELEGATE_PATH,
        None,
        secret=True,
        doc="path at which Synapse's own endpoints ask for SMS (`account_threepid_delegates`); needs `sms`",
    )
    endpoints: Literal["client", "separate", "shadow"] | None = member(
        OneOf("client", "separate", "shadow"),
        None,
        doc="serve the third-party identifier endpoints in front of Synapse's on its `client` listeners, or on a "
        "`separate` one; or only compare, as its `shadow`",
    )
    administration_path: str | None = member(
        ADMINISTRATION_PATH,
        None,
        doc="path of the endpoints for administrators of Synapse, to keep from the public proxy; nowhere if left out; "
        "needs `endpoints`. The module then keeps an audit",
    )
    email: EmailSettings | None = member(Nested(EmailSettings), None, doc="how mails go out; needs `endpoints`")
    sms: SmsSettings | None = member(Nested(SmsSettings), None, doc="where SMS may go, and who sends them")
    identity_servers: IdentityServerSettings | None = member(
        Nested(IdentityServerSettings),
        None,
        doc="bind, unbind, and deletes and deactivations that wait for no identity server; `{}` for the defaults",
    )
    delivery: DeliverySettings | None = member(
        Nested(DeliverySettings),
        None,
        doc="records what becomes of messages, and who reports it; `{}` without reports; off if left out; needs "
        "`endpoints` or `delegate_path`",
    )
    texts: str | None = member(TEXT, None, doc="folder of your own wordings, layouts and pages; built-in if left out")
    policy: PolicySettings = member(Nested(PolicySettings), PolicySettings(), doc="every choice of `Policy`")
    limits: Limits | None = member(Nested(Limits), None, doc="how often what may be done")

    def __attrs_post_init__(self) -> None:
        if self.endpoints is None and self.delegate_path is None and self.identity_servers is None:
            raise ConfigurationError("give delegate_path, endpoints or identity_servers: nothing is on")
        if self.delegate_path is not None and self.sms is None:
            raise ConfigurationError("delegate_path: needs sms")
        if self.administration_path is not None and self.endpoints not in ("client", "separate"):
            raise ConfigurationError("administration_path: needs endpoints, client or separate")
        if self.administration_path is not None and self.administration_path == self.delegate_path:
            raise ConfigurationError("administration_path: must not be delegate_path")
        if self.delivery is not None and self.delegate_path is None and self.endpoints not in ("client", "separate"):
            raise ConfigurationError("delivery: needs delegate_path, or endpoints, client or separate")
        if self.email is not None and self.endpoints is None:
            raise ConfigurationError("email: needs endpoints")
        if self.policy.password_reset_by_phone:
            raise ConfigurationError("policy.password_reset_by_phone: must be false, since Synapse resets by mail only")

    @property
    def needs_private(self) -> bool:
        """Whether a part is on that needs more than Synapse's public module API."""
        return self.endpoints is not None or self.identity_servers is not None

    def callback_providers(self) -> Sequence[CallbackProvider]:
        """Return the providers whose reports are believed. Raises ``ConfigurationError``."""
        if self.delivery is None:
            return ()
        return self.delivery.providers(None if self.sms is None else self.sms.twilio)

    def library_policy(self, base_url: str) -> Policy:
        """Return the library's policy. Raises ``ConfigurationError``.

        * ``base_url``: Synapse's ``public_baseurl``. Only ``endpoints`` make links and take tokens below it.
        """
        sms = None if self.sms is None else self.sms.rules(self.policy.sms)
        links = base_url.rstrip("/")
        if self.endpoints is None:
            # Nothing leads there: Synapse makes the ``submit_url`` of a delegate. SMS name the host all the same.
            links = f"https://{urlsplit(links).netloc}"
        elif not BASE_URL.accepts(links):
            raise ConfigurationError(f"public_baseurl: {BASE_URL.words}")
        return self.policy.policy(links, self.limits, self.identity_servers, sms)
