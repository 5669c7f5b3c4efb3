"""A stand-in for the Matrix Authentication Service: it knows the tokens, and makes each call MAS makes to Synapse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, quote

from attrs import define

from matrix_threepid.testing.parts import Answer, fetch

from .serving import served

SECRET = "of-tests"
DEVICE = "DEVICEOFMAS"
_API = "urn:matrix:client:api:* urn:matrix:org.matrix.msc2967.client:api:*"


@define
class Service:
    """The service; ``port``: where it serves. The access token of a user is the localpart."""

    port: int = 0
    synapse: str = ""

    @contextmanager
    def serving(self) -> Iterator[Service]:
        """Serve what Synapse asks for."""
        with served(self._answer, interface="asgi3") as self.port:
            yield self

    @property
    def settings(self) -> dict[str, Any]:
        """What Synapse is told."""
        url = f"http://127.0.0.1:{self.port}/"
        return {
            "matrix_authentication_service": {"enabled": True, "endpoint": url, "secret": SECRET},
            "enable_registration": False,
            "password_config": {"enabled": False},
        }

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        url = f"http://127.0.0.1:{self.port}/"
        answer: dict[str, Any] = {"issuer": url, "account_management_uri": f"{url}account"}
        if scope["path"] == "/oauth2/introspect":
            token = parse_qs((await _body(receive)).decode())["token"][0]
            answer = {"active": True, "scope": _API, "username": token, "device_id": DEVICE}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def call(self, name: str, **members: Any) -> Answer:
        """Post to an endpoint of Synapse's for MAS."""
        url, body = f"{self.synapse}/_synapse/mas/{name}", json.dumps(members).encode()
        return fetch("POST", url, body, Authorization=f"Bearer {SECRET}")

    def ask(self, name: str, localpart: str) -> Answer:
        """Ask Synapse about a user, or a name."""
        url = f"{self.synapse}/_synapse/mas/{name}?localpart={quote(localpart)}"
        return fetch("GET", url, Authorization=f"Bearer {SECRET}")


async def _body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def everything_but_addresses(mas: Service, localpart: str) -> dict[str, int]:
    """Make each call of MAS's about a user that does not touch addresses; return the statuses."""
    told: dict[str, dict[str, Any]] = {
        "upsert_device": {"device_id": DEVICE},
        "update_device_display_name": {"device_id": DEVICE, "display_name": "A device"},
        "set_displayname": {"displayname": "Alice"},
        "unset_displayname": {},
        "allow_cross_signing_reset": {},
        "sync_devices": {"devices": [DEVICE, "OTHER"]},
        "delete_device": {"device_id": "OTHER"},
    }
    posted = {name: mas.call(name, localpart=localpart, **members).status for name, members in told.items()}
    return {**posted, "query_user": mas.ask("query_user", localpart).status}
