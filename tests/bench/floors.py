"""Floors: what a request costs when somebody writes the least that could do it, on the same kind of store.

JSON in, tokens, one MAC, the store, JSON out. No checks, no limits worth the name.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from functools import partial
from secrets import token_bytes, token_urlsafe
from typing import Any

from .floor_stores import Dicts, floor_store
from .measure import Work
from .setting import Setting

_KEY = token_bytes(32)


def ask(store: Dicts, raw: bytes) -> bytes:
    """Open a session and make its token."""
    body = json.loads(raw)
    sid, token = token_urlsafe(16), token_urlsafe(32)
    store.open(sid, body["email"], mac(body["client_secret"]))
    store.sent(sid)
    return json.dumps({"sid": sid, "token": token}).encode()


def submit(store: Dicts, raw: bytes) -> bytes:
    """Mark a session validated if its secret fits."""
    body = json.loads(raw)
    fits = hmac.compare_digest(store.mac(body["sid"]), mac(body["client_secret"]))
    if fits:
        store.validate(body["sid"])
    return json.dumps({"success": fits}).encode()


def add(store: Dicts, asked: tuple[str, bytes]) -> bytes:
    """Put a session's address on an account."""
    user, body = asked[0], json.loads(asked[1])
    if hmac.compare_digest(store.mac(body["sid"]), mac(body["client_secret"])):
        store.own(user, store.consume(body["sid"]))
    return json.dumps({}).encode()


def listed(store: Dicts, user: str) -> bytes:
    """List the addresses of an account."""
    held = [{"medium": "email", "address": address, "validated_at": 1, "added_at": 2} for address in store.owned(user)]
    return json.dumps({"threepids": held}).encode()


def mac(secret: str) -> bytes:
    """Return one MAC."""
    return hmac.digest(_KEY, secret.encode(), "sha256")


# -- as work ----------------------------------------------------------------------------------------


def _bodies(setting: Setting, store: Dicts, *, opened: bool) -> list[bytes]:
    """Return one body a person; with ``opened`` it names a session of theirs."""
    return [_opened(store, body) if opened else json.dumps(body).encode() for body in _asked(setting)]


def _asked(setting: Setting) -> list[dict[str, Any]]:
    people = setting.people
    return [
        {"email": people.address(), "client_secret": people.secret(), "send_attempt": 1} for _ in range(setting.ops)
    ]


def _opened(store: Dicts, body: dict[str, Any]) -> bytes:
    answer = json.loads(ask(store, json.dumps(body).encode()))
    return json.dumps({"client_secret": body["client_secret"], **answer}).encode()


def _w1(setting: Setting) -> Work:
    store = floor_store(setting)
    return Work(arguments=_bodies(setting, store, opened=False), act=partial(ask, store))


def _w2(setting: Setting) -> Work:
    store = floor_store(setting)
    return Work(arguments=_bodies(setting, store, opened=True), act=partial(submit, store))


def _w3(setting: Setting) -> Work:
    store = floor_store(setting)
    asked = [(setting.people.user(), body) for body in _bodies(setting, store, opened=True)]
    return Work(arguments=asked, act=partial(add, store))


def _w4(count: int, setting: Setting) -> Work:
    store, users = floor_store(setting), [setting.people.user() for _ in range(setting.ops)]
    for user in users:
        for _ in range(count):
            store.own(user, setting.people.address())
    return Work(arguments=users, act=partial(listed, store))


def _w6(setting: Setting) -> Work:
    """The floors of the four, one after the other; the page and the deletion are free."""
    store = floor_store(setting)

    def cycle(asked: tuple[str, dict[str, Any]]) -> bytes:
        user, body = asked[0], _opened(store, asked[1])
        submit(store, body)
        add(store, (user, body))
        return listed(store, user)

    return Work(arguments=[(setting.people.user(), body) for body in _asked(setting)], act=cycle)


def _w5_bind(setting: Setting) -> Work:
    """Read the request, write the one to the identity server, keep the address."""
    bindings: dict[str, str] = {}

    def bind(raw: bytes) -> bytes:
        body = json.loads(raw)
        asked = json.loads(json.dumps({"sid": body["email"], "client_secret": body["client_secret"], "mxid": "@a:b"}))
        bindings[asked["sid"]] = asked["mxid"]
        return json.dumps({}).encode()

    return Work(arguments=[json.dumps(body).encode() for body in _asked(setting)], act=bind)


def _sign(setting: Setting) -> Work:
    """One PyNaCl signature of what an unbind signs."""
    from nacl.signing import SigningKey

    return Work(arguments=[json.dumps(body).encode() for body in _asked(setting)], act=SigningKey.generate().sign)


Floor = Callable[[Setting], Work]
FLOORS: dict[str, Floor] = {
    "w1": _w1,
    "w2": _w2,
    "w3": _w3,
    "w4": partial(_w4, 2),
    "w4x100": partial(_w4, 100),
    "w5_bind": _w5_bind,
    "sign": _sign,
    "w6": _w6,
}
"""The floors of requests by name; a line calls them ``cpu.w1`` in memory and ``sql.w1`` in SQLite."""
