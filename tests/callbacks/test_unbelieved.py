"""What does not come from a provider is answered with 403 and no word, and changes nothing; 0 times 500."""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from attrs import evolve
from data import load

from matrix_threepid.protocol.wire import Request

from . import providers as by
from .providers import NOW, SENDERS, Mounted

COUNT = int(os.environ.get("MATRIX_THREEPID_CALLBACKS", "500"))
"""The requests of the search; 10,000 in CI."""
REPORTS: dict[str, list[Any]] = {
    name: [case["body"] for case in load(f"callbacks/{name}") if case["event"]] for name in SENDERS
}
MAX_BODY = 1 << 20
Drawn = Callable[[Random, Any], Request]


def _other(random: Random, text: str) -> str:
    """Return a text with one character changed."""
    at = random.randrange(len(text))
    return text[:at] + random.choice([each for each in "aZ09x_-" if each != text[at]]) + text[at + 1 :]


def _with(request: Request, **headers: str) -> Request:
    changed = {name.replace("_", "-"): text for name, text in headers.items()}
    return evolve(request, headers={**request.headers, **changed})


def _flipped(random: Random, raw: bytes) -> bytes:
    at = random.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << random.randrange(8)]) + raw[at + 1 :]


def _reencoded(random: Random, text: str) -> str:
    """Return another signature; base64 can write one in several ways, so the bytes are changed."""
    return b64encode(_flipped(random, b64decode(text))).decode()


# -- what is made up, altered and late, by provider ------------------------------------------------

SNS = "x-twilio-email-event-webhook"


def _altered_twilio(random: Random, body: Any) -> Request:
    request = by.twilio(body)
    kind = random.randrange(3)
    if kind == 0:
        return evolve(request, query=f"{by.METADATA}={_other(random, by.SIGNED)}")
    if kind == 1:
        return _with(request, x_twilio_signature=_other(random, request.headers["x-twilio-signature"]))
    fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    name = random.choice([name for name, value in fields.items() if value])
    return evolve(request, body=urlencode({**fields, name: _other(random, fields[name])}).encode())


def _altered_sendgrid(random: Random, body: Any) -> Request:
    request = by.sendgrid(body)
    kind = random.randrange(3)
    if kind == 0:
        return _with(request, **{f"{SNS}-timestamp": str(NOW // 1000 + random.randrange(1, 60))})
    if kind == 1:
        return _with(request, **{f"{SNS}-signature": _reencoded(random, request.headers[f"{SNS}-signature"])})
    return evolve(request, body=_flipped(random, request.body))


def _altered_mailgun(random: Random, body: Any) -> Request:
    sent = json.loads(by.mailgun(body).body)
    name = random.choice(["timestamp", "token", "signature"])
    sent["signature"][name] = _other(random, sent["signature"][name])
    return evolve(by.mailgun(body), body=json.dumps(sent).encode())


def _altered_postmark(random: Random, body: Any) -> Request:
    secret, (username, password) = by.SECRET, by.BASIC
    kind = random.randrange(3)
    secret = _other(random, secret) if kind == 0 else secret
    username = _other(random, username) if kind == 1 else username
    return by.postmark(body, secret, username, _other(random, password) if kind == 2 else password)


def _altered_ses(random: Random, body: Any) -> Request:
    message = by.notification(body)
    name = random.choice(["Message", "MessageId", "Timestamp", "TopicArn", "Type", "SignatureVersion", "Signature", ""])
    if name == "Signature":
        signature = json.loads(by.sns(message).body)["Signature"]
        return by.sns(message, Signature=_reencoded(random, signature))
    if not name:
        return by.sns(message, SigningCertURL=_other(random, by.CERTIFICATE))
    return by.sns(message, **{name: _other(random, message[name])})


ALTERED: dict[str, Drawn] = {
    "twilio": _altered_twilio,
    "sendgrid": _altered_sendgrid,
    "mailgun": _altered_mailgun,
    "postmark": _altered_postmark,
    "ses": _altered_ses,
}
FORGED: dict[str, Drawn] = {
    "twilio": lambda random, body: by.twilio(body, token=_other(random, by.TOKEN)),
    "sendgrid": lambda _, body: by.sendgrid(body, key="somebody else"),
    "mailgun": lambda random, body: by.mailgun(body, key=_other(random, "signing key")),
    "postmark": lambda _, body: evolve(by.postmark(body), headers={}),
    "ses": lambda _, body: by.sns(by.notification(body), key="somebody else"),
}
FAR = 300_001
LATE: dict[str, Drawn] = {
    "sendgrid": lambda random, body: by.sendgrid(body, at=NOW + random.choice([-1, 1]) * random.randrange(FAR, 10**12)),
    "mailgun": lambda random, body: by.mailgun(body, at=NOW + random.choice([-1, 1]) * random.randrange(FAR, 10**12)),
    "ses": lambda random, body: by.sns(
        by.notification(body, Timestamp=f"202{random.choice('05789')}-01-01T00:00:00.000Z")
    ),
}


def _draw(random: Random) -> tuple[str, Request]:
    """Return what is wrong with a request, and the request."""
    name = random.choice([*SENDERS])
    body = random.choice(REPORTS[name])
    wrong = random.choice(["forged", "altered", "late", "too large", "noise", "unsigned"])
    if wrong == "too large":
        honest = SENDERS[name](body)
        return wrong, evolve(honest, body=honest.body + b" " * (MAX_BODY + 1))
    if wrong == "noise":
        noise = random.randbytes(random.randrange(200)) if random.random() < 0.5 else random.choice(NOISE)
        return wrong, evolve(SENDERS[name](body) if name != "postmark" else FORGED[name](random, body), body=noise)
    if wrong == "unsigned":
        honest = evolve(SENDERS[name](body), headers={})
        return wrong, evolve(honest, body=b"{}") if name in ("mailgun", "ses") else honest
    table = {"forged": FORGED, "altered": ALTERED, "late": LATE}[wrong]
    return wrong, table.get(name, ALTERED[name])(random, body)


NOISE = [b"", b"[]", b"{}", b"null", b"[" * 5000, b'{"signature":[]}', b'{"signature":{"timestamp":1e999,"token":1}}',
         b'{"Type":{}}', b'{"signature":{"timestamp":"\xc2\xb2","token":"\\ud800"}}', b"\xff\xfe", b"1" * 5000,
         b'{"Type":"Notification","Timestamp":"9999-12-31T23:59:59Z"}', b"a=%ff&" * 200]  # fmt: skip


@pytest.mark.rule("SEC-146")
def test_what_is_not_proved_changes_nothing() -> None:
    """Of forged, altered, late, oversized and meaningless requests none is believed, and none is answered with 500."""
    random = Random(146)  # noqa: S311  a seed, so that it can be repeated
    mounted = Mounted()
    seen = {}
    for number in range(COUNT):
        wrong, request = _draw(random)
        answer = mounted.answer(request)
        expected = (413,) if wrong == "too large" else (403, 503) if "/ses" in request.path else (403,)
        assert answer.status in expected, f"request {number}, {wrong}: {answer.status} to {request.path}"
        assert answer.body == b"" or answer.status != 403
        assert not [
            header for header in answer.headers if header[0].lower().startswith(("access-control", "set-cookie"))
        ]
        seen[wrong] = answer.status
    assert mounted.recorded == []
    assert len(seen) == 6
    assert all(url.startswith(by.CERTIFICATE[:60]) for url in mounted.amazon.asked)


@pytest.mark.rule("SEC-146")
@pytest.mark.parametrize("name", SENDERS)
def test_what_comes_again_does_nothing(name: str) -> None:
    """A request that was believed may come again at any time, and records nothing more."""
    for body in REPORTS[name]:
        mounted = Mounted()
        request = SENDERS[name](body)
        answers = []
        for _ in range(3):
            answers.append(mounted.answer(request).status)
            mounted.world.clock.advance(60_000)
        assert (answers, len(mounted.recorded)) == ([200] * 3, 1)
