"""The ASGI applications of ``serve``: the roles, and what operators look at."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from hmac import compare_digest

from attrs import frozen

from ...hosts import App, Asgi, Receive, Scope, Send
from .parts import Served
from .settings import ServeSettings

_DEADLINE = 5.0
"""The s that a database may take to say that it works."""
_TEXT, _JSON = "text/plain; charset=utf-8", "application/json"


def application(settings: ServeSettings, served: Served) -> App:
    """Return what clients and Synapse reach."""
    header = None if settings.client_header is None else settings.client_header.header()
    app: App = _nothing
    if served.identity_server is not None:
        app = Asgi(served.identity_server, app, header)
    if served.delegate is not None and settings.delegate is not None:
        app = Below(settings.delegate.secret_path, Asgi(served.delegate, None, header), app)
    if served.callbacks is not None:
        app = Asgi(served.callbacks, app, header)
    return app


@frozen
class Below:
    """An application below a secret path, in front of another one."""

    path: str
    app: App
    otherwise: App

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        inside = scope["type"] == "http" and compare_digest(_first_step(scope["path"]), self.path.encode())
        await (
            self.app({**scope, "root_path": self.path}, receive, send)
            if inside
            else self.otherwise(scope, receive, send)
        )


@frozen
class Observed:
    """``/metrics``, ``/live``, ``/ready`` and ``/health``, on an address of their own.

    * ``served``: what is looked at.
    * ``exposition``: returns the metrics as text.
    """

    served: Served
    exposition: Callable[[], bytes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        status, kind, body = await self._answer(scope["path"])
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, path: str) -> tuple[int, str, bytes]:
        if path == "/live":
            return 200, _JSON, b"{}"
        if path == "/metrics":
            return 200, "text/plain; version=0.0.4; charset=utf-8", self.exposition()
        if path not in ("/ready", "/health"):
            return 404, _TEXT, b""
        try:
            problems = await asyncio.wait_for(self.served.problems(), _DEADLINE)
        except asyncio.TimeoutError:
            problems = [f"a database did not answer within {_DEADLINE:g} s"]
        status = 503 if problems else 200
        said = {"ready": not problems, **({"problems": problems} if path == "/health" else {})}
        return status, _JSON, json.dumps(said).encode()


def _first_step(path: str) -> bytes:
    return b"/" + path.encode("utf-8", "replace").split(b"/")[1]


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 404 with no word."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})
