"""Reports of Mailgun about mails (https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhooks)."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Any

from ..model.delivery import DeliveryStatus
from ..protocol.wiring import demand
from .provider import CallbackProvider, Proof, Received, Unreadable, fits
from .report import METADATA, Report, enhanced, member, ms_of_seconds, text

_STATUSES = {
    "accepted": DeliveryStatus.HANDED_OVER,
    "delivered": DeliveryStatus.DELIVERED,
    "rejected": DeliveryStatus.REFUSED,
    "complained": DeliveryStatus.COMPLAINED,
}
_FAILURES = {"permanent": DeliveryStatus.BOUNCED, "temporary": DeliveryStatus.DEFERRED}


def mailgun_callbacks(signing_key: str) -> CallbackProvider:
    """Return the declaration of Mailgun.

    * ``signing_key``: the HTTP webhook signing key of the account.

    Mailgun signs a time and a token, and not the report; so each token is believed once, within five minutes. Raises
    ``ConfigurationError`` for another value.
    """
    demand("signing_key", signing_key, lambda given: isinstance(given, str) and given != "", "must be a text")

    async def prove(received: Received) -> Proof | None:
        try:
            signature = member(received.json(), "signature")
        except Unreadable:
            return None
        stamp, token = member(signature, "timestamp"), text(member(signature, "token"))
        # As a number as well, as JSON may write it; of its digits there is one form only.
        stamp = str(stamp) if type(stamp) is int else text(stamp)
        if not (stamp.isascii() and stamp.isdigit() and token.isascii()) or not received.recent(ms_of_seconds(stamp)):
            return None
        expected = hmac.new(signing_key.encode(), f"{stamp}{token}".encode(), "sha256").hexdigest()
        return Proof(once=token) if fits(expected, member(signature, "signature")) else None

    return CallbackProvider(name="mailgun", prove=prove, read=_read, max_body=262_144)


def _read(received: Received) -> Iterator[Report]:
    event: Any = member(received.json(), "event-data")
    if not isinstance(event, dict):
        raise Unreadable
    kind = text(event.get("event"))
    status = _FAILURES.get(text(event.get("severity"))) if kind == "failed" else _STATUSES.get(kind)
    if status is not None:
        yield Report(
            message=member(event, "user-variables", METADATA),
            status=status,
            at=ms_of_seconds(event.get("timestamp")),
            said=_said(event) if kind in ("failed", "rejected") else "",
        )


def _said(event: Any) -> str:
    answer = member(event, "delivery-status")
    words = (text(member(answer, "message")) or text(member(answer, "description")), text(event.get("reason")))
    return enhanced(member(answer, "enhanced-code")) or next(filter(None, words), "")
