"""Reports of Twilio about SMS (https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks).

Its own client judges the signature: see https://www.twilio.com/docs/usage/webhooks/webhooks-security.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from ..model.delivery import DeliveryStatus
from ..protocol.errors import ConfigurationError
from ..protocol.wiring import demand
from .provider import BELIEVED, CallbackProvider, Proof, Received, Unreadable
from .report import METADATA, Report

_MOST_FIELDS = 100
_STATUSES = {
    "sent": DeliveryStatus.HANDED_OVER,
    "delivered": DeliveryStatus.DELIVERED,
    "read": DeliveryStatus.DELIVERED,
    "undelivered": DeliveryStatus.BOUNCED,
    "failed": DeliveryStatus.BOUNCED,
}
"""What is recorded; the other statuses are stages within Twilio."""


def twilio_callbacks(auth_token: str, url: str | None = None) -> CallbackProvider:
    """Return the declaration of Twilio, for ``TwilioSender(status_callback=…)``.

    * ``auth_token``: the auth token of the account, by which it signs.
    * ``url``: the URL that it calls, as ``status_callback`` names it; ``None`` (default) for the path of the table
      below ``Policy.public_base_url``.

    Raises ``ConfigurationError`` for another value, and if the extra ``twilio`` is not installed.
    """
    demand("auth_token", auth_token, lambda given: isinstance(given, str) and given != "", "must be a text")
    try:
        from twilio.request_validator import RequestValidator
    except ImportError:
        raise ConfigurationError("Twilio needs its client: pip install 'matrix-threepid[twilio]'") from None
    validator: Any = RequestValidator(auth_token)

    async def prove(received: Received) -> Proof | None:
        try:
            called = received.url if url is None else f"{url}?{received.request.query}"
            signed = validator.validate(called, _fields(received), received.header("x-twilio-signature"))
        except (ValueError, Unreadable):
            return None
        return BELIEVED if signed else None

    return CallbackProvider(name="twilio", prove=prove, read=_read)


def _fields(received: Received) -> dict[str, str]:
    try:
        body = received.request.body.decode("utf-8")
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise Unreadable from None


def _read(received: Received) -> Iterator[Report]:
    fields = _fields(received)
    status = _STATUSES.get(fields.get("MessageStatus", ""))
    if status is not None:
        code = fields.get("ErrorCode", "")
        yield Report(
            # In the query and not in the body: it is the URL that we gave to Twilio, and it is signed.
            message=received.request.parameters.get(METADATA),
            status=status,
            said=f"error {code}" if code.isascii() and code.isdigit() else "",
        )
