"""Reports of Postmark about mails (https://postmarkapp.com/developer/webhooks/webhooks-overview).

Postmark signs nothing. It calls a URL with a secret in it, and sends a name and a password.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from ..model.delivery import DeliveryStatus
from ..protocol.endpoint import last_step
from ..protocol.wiring import demand
from .provider import BELIEVED, CallbackProvider, Proof, Received, Unreadable, fits
from .report import METADATA, Report, member, ms_of_iso, text

_SECRET = re.compile(r"[A-Za-z0-9_-]{22,255}")
_USERNAME, _PASSWORD = re.compile(r"[!-9;-~]{1,255}"), re.compile(r"[!-~]{12,255}")
_BOUNCES = {
    "HardBounce": DeliveryStatus.BOUNCED,
    "BadEmailAddress": DeliveryStatus.BOUNCED,
    "Blocked": DeliveryStatus.BOUNCED,
    "SpamNotification": DeliveryStatus.BOUNCED,
    "SoftBounce": DeliveryStatus.BOUNCED_SOFT,
    "DnsError": DeliveryStatus.BOUNCED_SOFT,
    "Undeliverable": DeliveryStatus.BOUNCED_SOFT,
    "SMTPApiError": DeliveryStatus.BOUNCED_SOFT,
    "Transient": DeliveryStatus.DEFERRED,
    "ManuallyDeactivated": DeliveryStatus.REFUSED,
    "SpamComplaint": DeliveryStatus.COMPLAINED,
}
"""What is recorded of https://postmarkapp.com/developer/api/bounce-api#bounce-types."""


def postmark_callbacks(secret: str, username: str, password: str) -> CallbackProvider:
    """Return the declaration of Postmark, which calls ``…/postmark/SECRET``.

    * ``secret``: the last step of the URL, at least 22 letters and digits that nobody can guess.
    * ``username``, ``password``: what it sends besides, by basic authentication; the password has 12 characters or
      more.

    Raises ``ConfigurationError`` for other values.
    """
    demand("secret", secret, _SECRET.fullmatch, "must be at least 22 letters, digits, - and _ that nobody can guess")
    demand("username", username, _USERNAME.fullmatch, "must be printable ASCII without spaces and colons")
    demand("password", password, _PASSWORD.fullmatch, "must be at least 12 characters of printable ASCII")
    expected = "Basic " + b64encode(f"{username}:{password}".encode()).decode()

    async def prove(received: Received) -> Proof | None:
        # Both are compared, whatever the first says.
        known = [fits(secret, last_step(received.request.path)), fits(expected, received.header("authorization"))]
        return BELIEVED if all(known) else None

    return CallbackProvider(name="postmark", prove=prove, read=_read, max_body=262_144, secret_step=True)


def _read(received: Received) -> Iterator[Report]:
    record: Any = received.json()
    if not isinstance(record, dict):
        raise Unreadable
    message, kind = member(record, "Metadata", METADATA), record.get("RecordType")
    if kind == "Delivery":
        yield Report(message=message, status=DeliveryStatus.DELIVERED, at=ms_of_iso(record.get("DeliveredAt")))
    elif kind == "SpamComplaint":
        yield Report(message=message, status=DeliveryStatus.COMPLAINED, at=ms_of_iso(record.get("BouncedAt")))
    elif kind == "Bounce" and (status := _BOUNCES.get(text(record.get("Type")))) is not None:
        said = text(record.get("Details")) or text(record.get("Type"))
        yield Report(message=message, status=status, at=ms_of_iso(record.get("BouncedAt")), said=said)
