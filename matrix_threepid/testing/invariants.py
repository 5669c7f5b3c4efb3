"""Invariants: what holds after every test."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from ..model.message import MessageKind
from ..model.threepid import Purpose
from ..protocol.wire import Request, Response
from .fake_accounts import PASSWORD
from .world import PEPPER, World

_SECRET_MEMBERS = ("client_secret", "token", "id_access_token", "password", "new_password", "private_key")
_PAGE_HEADERS = (
    "Content-Security-Policy",
    "Referrer-Policy",
    "Cache-Control",
    "X-Content-Type-Options",
    "X-Frame-Options",
)
_SHORT = 8


def check_invariants(world: World, log: str, allowed_5xx: Iterable[int] = ()) -> None:
    """Check the invariants of a world. Raises ``AssertionError`` naming the one that does not hold.

    * I1: secrets are only where they are needed.
    * I2: there was no status 5xx that the test did not announce.
    * I3: messages went to addresses of sessions only, but for invitations, which open none.
    * I4: every error is a Matrix error, and every 429 has ``retry_after_ms``.
    * I5: an address has one owner.
    * I6: a session is used once.
    * I8: pages have their safety headers.

    I7 (I/O only through ports) follows from the imports of the library. The session store is examined only if it has a
    ``dump()``, as ``MemorySessions`` has.
    """
    _quiet(world, log)
    for request, response in world.exchanges:
        assert response.status < 500 or response.status in allowed_5xx, f"I2: {response.status} for {request.path}"
        _well_formed(response)
    spellings = {session.spelling for session in _dump(world)}
    mails = [each for each in world.outbox.messages if each.kind is not MessageKind.INVITATION]
    recipients = {message.recipient for message in mails if not message.kind.notice}
    assert recipients <= spellings or not _dumps(world), "I3: recipient without session"
    owners = Counter(held.threepid for _, held in world.accounts.on)
    assert all(count == 1 for count in owners.values()), "I5: an identifier with two owners"


def _quiet(world: World, log: str) -> None:
    secrets = set(_secrets(world))
    stored = repr(_dump(world)) + "".join(_columns(world))
    for secret in secrets:
        assert not _holds(log, secret), "I1: a secret in the log"
        assert not _holds(stored, secret), "I1: a secret in the store"
        assert not _holds(repr(world.events.seen), secret), "I1: a secret in an event"
        for request, response in world.exchanges:
            shown = secret in request.query or secret in request.body.decode("utf-8", "replace")
            told = _holds(response.body.decode("utf-8", "replace"), secret)
            assert shown or not told, f"I1: a secret in an answer of {request.path}"


def _holds(text: str, secret: str) -> bool:
    """Return whether a text holds a secret. The digits of a code may be part of a time or a number."""
    return re.search(rf"(?<!\d){secret}(?!\d)", text) is not None if secret.isdecimal() else secret in text


def _secrets(world: World) -> Iterable[str]:
    yield from (PASSWORD, PEPPER.decode())
    for message in (*world.outbox.messages, *world.sms.messages):
        yield from filter(None, (message.link and message.link.rpartition("token=")[2], message.code))
        yield from filter(None, (message.stop_link and message.stop_link.rpartition("token=")[2],))
    for request, _ in world.exchanges:
        yield from (value for value in _members(request) if len(value) >= _SHORT)


def _members(request: Request) -> Iterable[str]:
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        return
    if isinstance(body, dict):
        # The token of an invitation is known to everybody in the room.
        shown = ("token",) if request.path.endswith("/sign-ed25519") else ()
        names = [name for name in _SECRET_MEMBERS if name not in shown]
        yield from (body[name] for name in names if isinstance(body.get(name), str))


def _well_formed(response: Response) -> None:
    kind = response.header("Content-Type") or ""
    if kind.startswith("text/html"):
        assert all(response.header(name) for name in _PAGE_HEADERS), "I8: a page without its headers"
    elif response.status >= 400 and response.body:
        _matrix_error(response, response.json())


def _matrix_error(response: Response, body: dict[str, Any]) -> None:
    interactive = response.status == 401 and "flows" in body
    both = isinstance(body.get("errcode"), str) and isinstance(body.get("error"), str)
    assert both or interactive, f"I4: {response.status} without errcode and error"
    if response.status == 429:
        assert body["errcode"] == "M_LIMIT_EXCEEDED" and body["retry_after_ms"] > 0, "I4: a 429 that says too little"
        assert int(response.header("Retry-After") or 0) > 0, "I4: a 429 without Retry-After"


def _dumps(world: World) -> bool:
    return hasattr(world.homeserver.sessions, "dump")


def _dump(world: World) -> list[Any]:
    return world.homeserver.sessions.dump() if _dumps(world) else []  # type: ignore[attr-defined]


def _columns(world: World) -> Iterable[str]:
    """Return what the store holds of a session, without ``next_link``, which is the client's own."""
    for session in _dump(world):
        yield f"{session.sid} {session.secret_mac} {session.slot} {session.client_mac} {session.pepper_id}\n"
        assert session.consumed_at is None or session.claimed_by or session.purpose is Purpose.REGISTER, "I6"
