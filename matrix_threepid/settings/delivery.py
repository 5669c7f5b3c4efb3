"""Settings of the record of what becomes of messages, and of who reports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from ..protocol.errors import ConfigurationError
from ..protocol.members import Nested, documented, member
from .rules import TEXT
from .sending import TwilioSettings

if TYPE_CHECKING:
    from ..callbacks.provider import CallbackProvider


@documented
@frozen(kw_only=True)
class PostmarkReportSettings:
    """How Postmark proves that it reports."""

    secret: str = member(TEXT, secret=True, doc="the last step of the URL it calls; `new-secret` makes one")
    username: str = member(TEXT, doc="the name it sends")
    password: str = member(TEXT, secret=True, doc="the password it sends, at least 12 characters")


@documented
@frozen(kw_only=True)
class DeliverySettings:
    """The providers whose reports are believed. Twilio is one where its section has ``status_callback``."""

    sendgrid_public_key: str | None = member(
        TEXT, None, doc="SendGrid: the verification key of the signed Event Webhook"
    )
    mailgun_signing_key: str | None = member(TEXT, None, secret=True, doc="Mailgun: the HTTP webhook signing key")
    ses_topic_arn: str | None = member(TEXT, None, doc="SES: the topic of SNS to which it reports")
    postmark: PostmarkReportSettings | None = member(
        Nested(PostmarkReportSettings), None, doc="Postmark: how it proves itself"
    )

    def providers(self, twilio: TwilioSettings | None = None) -> list[CallbackProvider]:
        """Return the providers whose reports are believed. Raises ``ConfigurationError``."""
        from ..callbacks.mailgun import mailgun_callbacks
        from ..callbacks.postmark import postmark_callbacks
        from ..callbacks.sendgrid import sendgrid_callbacks
        from ..callbacks.ses import ses_callbacks
        from ..callbacks.twilio import twilio_callbacks

        found: list[CallbackProvider] = []
        try:
            if twilio is not None and twilio.status_callback is not None:
                found.append(twilio_callbacks(twilio.auth_token, twilio.status_callback))
            if self.sendgrid_public_key is not None:
                found.append(sendgrid_callbacks(self.sendgrid_public_key))
            if self.mailgun_signing_key is not None:
                found.append(mailgun_callbacks(self.mailgun_signing_key))
            if self.ses_topic_arn is not None:
                found.append(ses_callbacks(self.ses_topic_arn))
            if self.postmark is not None:
                found.append(postmark_callbacks(self.postmark.secret, self.postmark.username, self.postmark.password))
        except ConfigurationError as error:
            raise ConfigurationError(f"delivery: {error}") from None
        return found
