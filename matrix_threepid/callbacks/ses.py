"""Reports of Amazon SES about mails, through a topic of Amazon SNS.

See https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html and
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html.
"""

from __future__ import annotations

import logging
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Any

from ..model.delivery import DeliveryStatus
from ..net.fetch import A_FETCH, Fetch
from ..net.safe_https import PinnedHttps
from ..protocol.errors import ConfigurationError
from ..protocol.wiring import demand, having
from ._certificates import Certificates
from .provider import CallbackProvider, Proof, Received, Unreadable, read_json
from .report import METADATA, MINUTE, Report, enhanced, member, ms_of_iso, text
from .return_path import id_in_address

_log = logging.getLogger("matrix_threepid")
_TOPIC = re.compile(r"arn:aws[a-z-]{0,16}:sns:(?P<region>[a-z0-9-]{3,32}):[0-9]{12}:[A-Za-z0-9_.-]{1,256}")
_OLDEST = 2 * 60 * MINUTE
"""The age in ms of a message that is believed: SNS tries for an hour by default, and writes the same time again."""
_NOTICE = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED = {
    "Notification": _NOTICE,
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}
"""The members that are signed, in this order."""
_STATUSES = {
    "Send": DeliveryStatus.HANDED_OVER,
    "Delivery": DeliveryStatus.DELIVERED,
    "DeliveryDelay": DeliveryStatus.DEFERRED,
    "Reject": DeliveryStatus.REFUSED,
    "Complaint": DeliveryStatus.COMPLAINED,
}


def ses_callbacks(topic_arn: str, fetch: Fetch | None = None) -> CallbackProvider:
    """Return the declaration of SES.

    * ``topic_arn``: the topic; messages of others are not believed.
    * ``fetch``: fetches the certificates of SNS; ``None`` (default) makes a ``PinnedHttps``.

    A subscription is never confirmed by itself: its URL is logged for the operator. Raises ``ConfigurationError`` for
    another value, and if the extra ``callbacks`` is not installed.
    """
    topic = _TOPIC.fullmatch(topic_arn) if isinstance(topic_arn, str) else None
    if topic is None:
        raise ConfigurationError("topic_arn: must be an ARN, such as arn:aws:sns:eu-west-1:123456789012:bounces")
    demand("fetch", fetch, lambda given: given is None or having("fetch")(given), A_FETCH)
    verified = _verification()
    certificates = Certificates(topic["region"], fetch or PinnedHttps())

    async def prove(received: Received) -> Proof | None:
        try:
            message = received.json()
        except Unreadable:
            return None
        signed = _SIGNED.get(text(member(message, "Type")))
        at = ms_of_iso(member(message, "Timestamp"))
        if signed is None or at is None or not -MINUTE * 5 <= received.now - at <= _OLDEST:
            return None
        if member(message, "TopicArn") != topic_arn:
            return None
        # A subject is signed only where there is one.
        parts = [(name, message.get(name)) for name in signed if message.get(name) is not None]
        if not all(isinstance(value, str) for _, value in parts):
            return None
        key = await certificates.key(message.get("SigningCertURL"), received.now, received.call_out)
        content = "".join(f"{name}\n{value}\n" for name, value in parts)
        if key is None or not verified(key, message, content):
            return None
        return Proof(once=text(message.get("MessageId")))

    return CallbackProvider(name="ses", prove=prove, read=_read, max_body=1 << 19)


def _verification() -> Callable[[Any, Any, str], bool]:
    """Return what judges a signature. Raises ``ConfigurationError`` without the extra."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
        from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
    except ImportError:
        raise ConfigurationError("SES needs cryptography: pip install 'matrix-threepid[callbacks]'") from None
    # SHA-1 is what a topic uses unless its attribute SignatureVersion is 2. To make it collide one has to write both
    # texts, and here SNS writes them.
    hashes: dict[object, HashAlgorithm] = {"1": SHA1(), "2": SHA256()}  # noqa: S303

    def verified(key: Any, message: Any, content: str) -> bool:
        version = hashes.get(text(message.get("SignatureVersion")))
        if version is None or not isinstance(key, RSAPublicKey):
            return False
        try:
            key.verify(b64decode(text(message.get("Signature")), validate=True), content.encode(), PKCS1v15(), version)
        except (ValueError, InvalidSignature):
            return False
        return True

    return verified


def _read(received: Received) -> Iterator[Report]:
    message = received.json()
    if message["Type"] != "Notification":
        # Opening the URL is what confirms: a person decides that, not a request.
        url = text(message.get("SubscribeURL"))
        shown = url if url.isascii() and url.isprintable() and len(url) <= 2000 else "unreadable"
        _log.warning("SNS sent a %s; if you mean it, open %s", message["Type"], shown)
        return
    event: Any = read_json(text(message.get("Message")))
    if not isinstance(event, dict):
        raise Unreadable
    kind = text(event.get("eventType")) or text(event.get("notificationType"))
    signed = _message_of(event.get("mail"))
    if kind == "Bounce":
        yield _bounce(signed, event.get("bounce"))
    elif kind in _STATUSES:
        place = kind[0].lower() + kind[1:]
        at = ms_of_iso(member(event, place, "timestamp")) or ms_of_iso(member(event, "mail", "timestamp"))
        yield Report(message=signed, status=_STATUSES[kind], at=at, said=text(member(event, place, "delayType")))


def _bounce(signed: str, bounce: object) -> Report:
    recipients = member(bounce, "bouncedRecipients")
    recipient = recipients[0] if isinstance(recipients, list) and recipients else None
    permanent = member(bounce, "bounceType") == "Permanent"
    kind = text(member(bounce, "bounceSubType"))
    return Report(
        message=signed,
        status=DeliveryStatus.BOUNCED if permanent else DeliveryStatus.BOUNCED_SOFT,
        at=ms_of_iso(member(bounce, "timestamp")),
        said=enhanced(member(recipient, "status")) or text(member(recipient, "diagnosticCode")) or kind,
    )


def _message_of(mail: object) -> str:
    """Return the signed id of a message: from its tag, or from the return path it was sent with."""
    tags = member(mail, "tags", METADATA)
    if isinstance(tags, list) and tags:
        return text(tags[0])
    return id_in_address(text(member(mail, "source"))) or ""
