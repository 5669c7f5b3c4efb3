"""Drive an ASGI application by hand: one scope, the events it may receive, and what it sent."""

from __future__ import annotations

import json
from typing import Any

from matrix_threepid import run_sync
from matrix_threepid.flows.send_message import LEASE
from matrix_threepid.hosts.asgi import Scope
from matrix_threepid.protocol.wire import Request
from matrix_threepid.testing import ALICE, World

LIST = "/_matrix/client/v3/account/3pid"
ASK = f"{LIST}/email/requestToken"
BODY = json.dumps({"email": "alice@example.org", "client_secret": "secret", "send_attempt": 1}).encode()


class Exchange:
    """One connection to an application: what it may receive, and what it sent."""

    def __init__(self, *events: dict[str, Any]) -> None:
        self._events = list(events)
        self.sent: list[dict[str, Any]] = []
        self.unread = len(events)

    async def receive(self) -> dict[str, Any]:
        self.unread -= 1
        return self._events.pop(0)

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])

    @property
    def errcode(self) -> Any:
        return json.loads(self.body)["errcode"]


def scope_of(method: str = "GET", path: str = LIST, *headers: tuple[str, str], **more: Any) -> Scope:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return {"type": "http", "method": method, "path": path, "query_string": b"", "headers": raw, **more}


def chunks(*parts: bytes) -> list[dict[str, Any]]:
    last = len(parts) - 1
    return [{"type": "http.request", "body": part, "more_body": index < last} for index, part in enumerate(parts)]


def run(app: Any, scope: Scope, *events: dict[str, Any]) -> Exchange:
    exchange = Exchange(*(events or chunks(b"")))
    run_sync(app(scope, exchange.receive, exchange.send))
    return exchange


def token(user: str = ALICE) -> tuple[str, str]:
    return ("authorization", f"Bearer {user}")


def asked_of(world: World) -> list[Request]:
    """Return a list that fills with the requests the host's ``callers`` are asked about."""
    asked: list[Request] = []

    class Listening:
        async def identify(self, request: Request) -> None:
            asked.append(request)

    world.rewire(callers=Listening())
    return asked


def delivered_later(world: World) -> int:
    """Return how many messages go out once those that were being sent may be taken for lost."""
    world.clock.advance(LEASE * world.homeserver.policy.send_deadline)
    return run_sync(world.service.deliver_due())
