"""An ASGI application in front of another one, that changes requests or answers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from attrs import evolve, field, frozen

from matrix_threepid.hosts.asgi import App


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


@frozen
class Changed:
    """An answer, perhaps another one than it was."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return _object(self.body)

    async def sent(self, send: Any) -> None:
        headers = [(name, value) for name, value in self.headers if name != b"content-length"]
        headers.append((b"content-length", str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


@frozen
class Exchange:
    """A request on its way to an application."""

    scope: Mapping[str, Any]
    method: str
    path: str
    body: bytes
    headers: Mapping[str, str] = field(factory=dict)

    @property
    def json(self) -> dict[str, Any]:
        return _object(self.body)

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.scope["query_string"].decode()))

    def with_member(self, **members: Any) -> Exchange:
        """Return the request with other members in its JSON."""
        return evolve(self, body=json.dumps({**self.json, **members}).encode())

    async def passed(self, app: App) -> Changed:
        """Return what the application answers."""
        given = [(name, value) for name, value in self.scope["headers"] if name != b"content-length"]
        given = [pair for pair in given if pair[0].decode() not in self.headers]
        headers = [*given, *((name.encode(), value.encode()) for name, value in self.headers.items())]
        messages: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": self.body}

        async def send(message: Any) -> None:
            messages.append(message)

        await app({**self.scope, "method": self.method, "headers": headers}, receive, send)
        return Changed(messages[0]["status"], list(messages[0]["headers"]), messages[1]["body"])


Change = Callable[[Exchange, App], Awaitable[Changed]]


def rewritten(app: App, change: Change) -> App:
    """Return an application that answers what ``change`` makes of a request."""

    async def answering(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        changed = await change(Exchange(scope, scope["method"], scope["path"], body), app)
        await changed.sent(send)

    return answering
