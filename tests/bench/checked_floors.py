"""Floors that check what ours checks, by the same packages: attrs, email-validator, MACs of the same number; dicts."""

from __future__ import annotations

import json
import re
from secrets import token_urlsafe
from typing import Any

from attrs import evolve, field, frozen, validators
from email_validator import validate_email

from .floors import mac
from .measure import Work
from .setting import People, Setting

_OPAQUE = validators.matches_re(re.compile(r"[0-9a-zA-Z.=_-]{1,255}"))


@frozen
class Asked:
    """A ``requestToken`` as it came."""

    email: str = field(validator=validators.instance_of(str))
    client_secret: str = field(validator=_OPAQUE)
    send_attempt: int = field(validator=[validators.instance_of(int), validators.ge(0)])


@frozen
class Kept:
    """A session."""

    sid: str
    address: str
    secret_mac: bytes
    token_mac: bytes
    ok: bool = False


def request_token(sessions: dict[Any, Kept], counts: dict[bytes, int], asked: tuple[str, str, bytes]) -> bytes:
    """Check, count for address, client, user and block, keep a session, write its mail, keep that it was sent."""
    user, client, raw = asked
    body = Asked(**json.loads(raw))
    address = validate_email(body.email, check_deliverability=False).normalized.casefold()
    for key in (mac(user), mac(client), mac(address), mac(client + address)):
        counts[key] = counts.get(key, 0) + 1
    kept = Kept(token_urlsafe(16), address, mac(body.client_secret), mac(body.client_secret + address))
    sessions[mac(address + body.client_secret)] = sessions[kept.sid] = kept
    mail = f"To: {body.email}\r\n\r\nhttps://hs.example.org/submit?sid={kept.sid}&token={token_urlsafe(32)}\r\n"
    sessions[kept.sid] = evolve(kept, ok=not mail)
    return json.dumps({"sid": kept.sid}).encode()


def submit(sessions: dict[Any, Kept], raw: bytes) -> bytes:
    """Check, compare two MACs, mark the session."""
    body = json.loads(raw)
    kept = sessions[body["sid"]]
    fits = mac(body["client_secret"]) == kept.secret_mac and mac(body["client_secret"] + kept.address) == kept.token_mac
    sessions[kept.sid] = evolve(kept, ok=fits)
    return json.dumps({"success": fits}).encode()


def listed(held: dict[str, list[Kept]], user: str) -> bytes:
    """Find the caller's addresses, write them."""
    each = ({"medium": "email", "address": kept.address, "validated_at": 1, "added_at": 2} for kept in held[user])
    return json.dumps({"threepids": list(each)}).encode()


def w1(setting: Setting) -> Work:
    """A mail for a stranger."""
    sessions, counts = dict[Any, Kept](), dict[bytes, int]()
    arguments = [(setting.people.user(), setting.people.client(), _body(setting.people)) for _ in range(setting.ops)]
    return Work(arguments=arguments, act=lambda asked: request_token(sessions, counts, asked))


def w2(setting: Setting) -> Work:
    """A token comes back."""
    sessions = dict[Any, Kept]()
    bodies = [_body(setting.people) for _ in range(setting.ops)]
    sids = [json.loads(request_token(sessions, {}, ("@a:b", "192.0.2.1", body)))["sid"] for body in bodies]
    proofs = [json.dumps({**json.loads(body), "sid": sid}).encode() for body, sid in zip(bodies, sids, strict=True)]
    return Work(arguments=proofs, act=lambda raw: submit(sessions, raw))


def w4(setting: Setting) -> Work:
    """Two addresses are listed."""
    held = {setting.people.user(): [Kept("", setting.people.address(), b"", b"")] * 2 for _ in range(setting.ops)}
    return Work(arguments=list(held), act=lambda user: listed(held, user))


def _body(people: People) -> bytes:
    return json.dumps({"email": people.address(), "client_secret": people.secret(), "send_attempt": 1}).encode()
