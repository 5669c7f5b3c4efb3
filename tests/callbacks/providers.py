"""The providers as the tests play them: what each one sends, signed as it signs."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import cache
from hashlib import sha1
from typing import Any
from urllib.parse import urlencode

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from matrix_threepid import Medium, Peppers, Purpose, run_sync
from matrix_threepid.endpoints import (
    METADATA,
    CallbackProvider,
    callback_table,
    mailgun_callbacks,
    postmark_callbacks,
    sendgrid_callbacks,
    ses_callbacks,
    twilio_callbacks,
)
from matrix_threepid.memory.messages import MemoryMessages
from matrix_threepid.model.delivery import DeliveryEvent, new_message_id, signed_message_id
from matrix_threepid.model.message import MessageKind
from matrix_threepid.model.outbound import OutboundMessage
from matrix_threepid.net.fetch import HttpFailure, HttpReply, HttpRequest
from matrix_threepid.protocol.wire import Request, Response
from matrix_threepid.service import Service
from matrix_threepid.testing import BASE_URL, World
from matrix_threepid.testing.world import PEPPER

NOW = 1_767_225_900_000
"""Five minutes after the events of the test data, 2026-01-01."""
ID = new_message_id(bytes(range(16)))
SIGNED = signed_message_id(Peppers.of(PEPPER), ID)
AT = "/_threepid/callbacks"
TOKEN, SECRET, BASIC = "auth token", "secret_of_22_characters", ("postmark", "a_long_password")
TOPIC = "arn:aws:sns:eu-west-1:123456789012:bounces"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
_SIGNED = ("Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type")


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """Return a key of SNS; with a name one of somebody else."""
    return rsa.generate_private_key(65537, 2048)


@cache
def ec_key(name: str) -> ec.EllipticCurvePrivateKey:
    """Return the key of SendGrid; with a name one of somebody else."""
    return ec.generate_private_key(ec.SECP256R1())


def public_key() -> str:
    """Return SendGrid's verification key as it shows it."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return b64encode(ec_key("").public_key().public_bytes(serialization.Encoding.DER, form)).decode()


@cache
def certificate(days: int = 365) -> bytes:
    """Return the certificate of SNS; ``days``: how long it is valid from the start of the tests' year."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    since = datetime(2025, 12, 1, tzinfo=timezone.utc)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(rsa_key("").public_key())
    made = made.serial_number(1).not_valid_before(since).not_valid_after(since + timedelta(days=days))
    return made.sign(rsa_key(""), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@frozen
class Amazon:
    """A ``Fetch`` that has the certificate of SNS, and counts who asks."""

    answer: HttpReply | HttpFailure | None = None
    asked: list[str] = field(factory=list)

    async def fetch(self, request: HttpRequest, deadline: int) -> HttpReply | HttpFailure:
        self.asked.append(f"https://{request.authority}{request.target}")
        return self.answer or (HttpReply(200, certificate()) if self.asked[-1] == CERTIFICATE else HttpReply(404, b""))


def post(path: str, body: bytes, headers: dict[str, str] | None = None, query: str = "") -> Request:
    """Return a request to the table of callbacks."""
    return Request("POST", f"{AT}{path}", headers or {}, query, body, "198.51.100.9")


def filled(body: Any, **values: str) -> bytes:
    """Return a body of the test data with its placeholders filled."""
    text = json.dumps(body)
    for name, value in {"MESSAGE": SIGNED, **values}.items():
        text = text.replace(f"${name}", value)
    return text.encode()


# -- what each provider sends ----------------------------------------------------------------------


def twilio(body: dict[str, str], message: str = SIGNED, token: str = TOKEN) -> Request:
    query = f"{METADATA}={message}"
    fields = "".join(f"{name}{body[name]}" for name in sorted(body))
    signature = b64encode(hmac.digest(token.encode(), f"{BASE_URL}{AT}/twilio?{query}{fields}".encode(), sha1)).decode()
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}
    return post("/twilio", urlencode(body).encode(), headers, query)


def sendgrid(body: Any, at: int = NOW, key: str = "", raw: bytes | None = None) -> Request:
    content = filled(body) if raw is None else raw
    stamp = str(at // 1000)
    signature = b64encode(ec_key(key).sign(stamp.encode() + content, ec.ECDSA(hashes.SHA256()))).decode()
    name = "x-twilio-email-event-webhook"
    return post("/sendgrid", content, {f"{name}-timestamp": stamp, f"{name}-signature": signature})


def mailgun(body: Any, at: int = NOW, token: str = "t" * 50, key: str = "signing key") -> Request:
    stamp = str(at // 1000)
    signature = hmac.new(key.encode(), f"{stamp}{token}".encode(), "sha256").hexdigest()
    return post("/mailgun", filled(body, STAMP=stamp, TOKEN=token, SIGNATURE=signature))


def postmark(body: Any, secret: str = SECRET, username: str = BASIC[0], password: str = BASIC[1]) -> Request:
    basic = b64encode(f"{username}:{password}".encode()).decode()
    return post(f"/postmark/{secret}", filled(body), {"authorization": f"Basic {basic}"})


def sns(message: dict[str, str], key: str = "", **changes: str) -> Request:
    """Return a message of SNS; ``changes`` are made after it was signed."""
    content = "".join(f"{name}\n{message[name]}\n" for name in _SIGNED if name in message)
    digest = hashes.SHA256() if message["SignatureVersion"] == "2" else hashes.SHA1()  # noqa: S303
    signature = b64encode(rsa_key(key).sign(content.encode(), padding.PKCS1v15(), digest)).decode()
    sent = {**message, "Signature": signature, **changes}
    return post("/ses", json.dumps(sent).encode(), {"content-type": "text/plain; charset=UTF-8"})


def notification(body: Any, **changes: str) -> dict[str, str]:
    """Return a notification of SNS around an event of SES, to be signed."""
    return {
        "Type": "Notification",
        "MessageId": "00000000-0000-0000-0000-000000000001",
        "TopicArn": TOPIC,
        "Message": filled(body).decode(),
        "Timestamp": "2026-01-01T00:04:59.123Z",
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE,
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
        **changes,
    }


def ses(body: Any) -> Request:
    return sns(notification(body))


SENDERS: dict[str, Callable[[Any], Request]] = {
    "twilio": twilio,
    "sendgrid": sendgrid,
    "mailgun": mailgun,
    "postmark": postmark,
    "ses": ses,
}


def declared(amazon: Amazon | None = None) -> list[CallbackProvider]:
    """Return the declarations of all providers."""
    return [
        twilio_callbacks(TOKEN),
        sendgrid_callbacks(public_key()),
        mailgun_callbacks("signing key"),
        postmark_callbacks(SECRET, *BASIC),
        ses_callbacks(TOPIC, amazon or Amazon()),
    ]


def written() -> OutboundMessage:
    """Return the message that reports are about."""
    return OutboundMessage(
        id=ID,
        medium=Medium.EMAIL,
        kind=MessageKind.TOKEN,
        purpose=Purpose.ADD,
        address_key="key",
        provider="smtp",
        written_at=NOW - 600_000,
        expires_at=NOW + 3_600_000,
    )


def with_messages() -> World:
    """Return a world that records what becomes of messages."""
    return World(messages=MemoryMessages())


@frozen
class Mounted:
    """The table of all providers over a world whose store has one message."""

    world: World = field(factory=with_messages)
    amazon: Amazon = field(factory=Amazon)
    service: Service = field(init=False)

    @service.default
    def _serve(self) -> Service:
        self.world.clock.now = NOW
        role = self.world.homeserver
        if role.messages is not None:
            run_sync(role.messages.write(written()))
        return Service(role, callback_table(*declared(self.amazon)))

    @property
    def recorded(self) -> list[DeliveryEvent]:
        """What was recorded of the message."""
        messages = self.world.homeserver.messages
        stored = None if messages is None else run_sync(messages.get(ID))
        return [] if stored is None else list(stored.events)

    def answer(self, request: Request) -> Response:
        """Answer a request."""
        return run_sync(self.service.handle(request))
