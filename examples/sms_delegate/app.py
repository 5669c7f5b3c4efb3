"""The parts put together: a configuration in, the delegate and its ASGI application out."""

from __future__ import annotations

from hmac import compare_digest
from pathlib import Path

from attrs import frozen

from matrix_threepid import Delegate, Medium, Service
from matrix_threepid.hosts import App, Asgi, Receive, Scope, Send
from matrix_threepid.settings import stored_peppers
from matrix_threepid.stores import Sqlite, SqlLimits, SqlSessions

from .config import Config


def delegate(config: Config, db: Sqlite) -> Delegate:
    """Return the wiring. The key beside the database keeps codes alive over a restart."""
    return Delegate(
        server_name=config.server_name,
        peppers=stored_peppers(Path(f"{config.database}.key")),
        policy=config.policy(),
        senders={Medium.MSISDN: config.sender()},
        sessions=SqlSessions(db),
        limiter=SqlLimits(db),
    )


def application(service: Service, secret_path: str) -> App:
    """Return the delegate below a path that serves as its password; whatever else is asked for is not there."""
    return Below(secret_path, Asgi(service))


@frozen
class Below:
    """An application below a secret path."""

    path: str
    app: App

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and compare_digest(_first_step(scope["path"]), self.path.encode()):
            await self.app({**scope, "root_path": self.path}, receive, send)
        elif scope["type"] == "http":
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})


def _first_step(path: str) -> bytes:
    return b"/" + path.encode("utf-8", "replace").split(b"/")[1]
