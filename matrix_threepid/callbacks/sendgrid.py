"""Reports of SendGrid about mails (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event).

They are signed: see
https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from ..model.delivery import DeliveryStatus
from ..protocol.errors import ConfigurationError
from .provider import CallbackProvider, Proof, Received, Unreadable
from .report import METADATA, Report, enhanced, ms_of_seconds, text

_MAX_BODY = 1 << 20
"""SendGrid puts up to 768 kB of events into one body."""
_STATUSES = {
    "processed": DeliveryStatus.HANDED_OVER,
    "deferred": DeliveryStatus.DEFERRED,
    "delivered": DeliveryStatus.DELIVERED,
    "bounce": DeliveryStatus.BOUNCED,
    "dropped": DeliveryStatus.REFUSED,
    "spamreport": DeliveryStatus.COMPLAINED,
}


def sendgrid_callbacks(public_key: str) -> CallbackProvider:
    """Return the declaration of SendGrid, whose Event Webhook must be signed.

    * ``public_key``: the verification key that SendGrid shows, base64.

    Raises ``ConfigurationError`` for another value, and if the extra ``callbacks`` is not installed.
    """
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import load_der_public_key
    except ImportError:
        raise ConfigurationError(
            "SendGrid's reports need cryptography: pip install 'matrix-threepid[callbacks]'"
        ) from None
    try:
        key = load_der_public_key(b64decode(public_key, validate=True))
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, EllipticCurvePublicKey):
        raise ConfigurationError("public_key: must be the verification key that SendGrid shows, base64")

    async def prove(received: Received) -> Proof | None:
        stamp = received.header("x-twilio-email-event-webhook-timestamp")
        if not received.recent(ms_of_seconds(stamp)):
            return None
        try:
            signature = b64decode(received.header("x-twilio-email-event-webhook-signature"), validate=True)
            key.verify(signature, stamp.encode() + received.request.body, ECDSA(SHA256()))
        except (ValueError, InvalidSignature):
            return None
        # Not the signature, which can be written in two ways.
        return Proof(once=f"{stamp} {sha256(received.request.body).hexdigest()}")

    return CallbackProvider(name="sendgrid", prove=prove, read=_read, max_body=_MAX_BODY)


def _read(received: Received) -> Iterator[Report]:
    events: Any = received.json()
    if not isinstance(events, list):
        raise Unreadable
    for event in events:
        status = _STATUSES.get(text(event.get("event"))) if isinstance(event, dict) else None
        if status is None:
            continue
        # A block is the receiving server's refusal of this one mail.
        blocked = status is DeliveryStatus.BOUNCED and event.get("type") == "blocked"
        yield Report(
            message=event.get(METADATA),
            status=DeliveryStatus.BOUNCED_SOFT if blocked else status,
            at=ms_of_seconds(event.get("timestamp")),
            said=_said(event, status),
        )


def _said(event: Any, status: DeliveryStatus) -> str:
    if status in (DeliveryStatus.HANDED_OVER, DeliveryStatus.DELIVERED, DeliveryStatus.COMPLAINED):
        return ""
    return enhanced(event.get("status")) or text(event.get("reason")) or text(event.get("response"))
