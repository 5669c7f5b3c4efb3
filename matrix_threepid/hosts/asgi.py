"""ASGI: the endpoints as a pure application, alone or in front of another one."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from secrets import token_hex
from typing import Any

from ..protocol.errors import MatrixError, TooLarge
from ..protocol.wire import Request, Response, json_response
from ..service import Service

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger("matrix_threepid.hosts.asgi")


class Asgi:
    """An ASGI application.

    ``otherwise``: application for every path that is not ours. ``client_header``: lower-case name of the header in
    which a trusted proxy puts the client's address (its last entry counts); without it headers are not believed.
    """

    def __init__(self, service: Service, otherwise: App | None = None, client_header: str | None = None) -> None:
        self._service = service
        self._otherwise = otherwise
        self._client_header = client_header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and self._service.serves(scope["path"])
        if not ours and self._otherwise is not None:
            await self._otherwise(scope, receive, send)
        elif scope["type"] == "http":
            await _reply(send, await self._respond(scope, receive))

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        try:
            request = await read_request(scope, receive, self._service.homeserver.policy.max_body, self._client_header)
            return await self._service.handle(request)
        except TooLarge as error:
            return json_response(error.status, error.body())
        except Exception:
            return incident()


async def read_request(scope: Scope, receive: Receive, max_body: int, client_header: str | None = None) -> Request:
    """Return the request of a scope. Raises ``TooLarge`` before more than ``max_body`` bytes are kept."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Request(
        method=scope["method"],
        path=scope["path"],
        headers=headers,
        query=scope["query_string"].decode("latin-1"),
        body=await _body(receive, max_body),
        client=_client(scope, headers, client_header),
        native=scope,
    )


def incident() -> Response:
    """Return the answer to a bug, and log the bug under the name the client is told. For ``except`` blocks."""
    name = token_hex(4)
    _log.exception("incident %s", name)
    return json_response(500, MatrixError(f"Internal server error (incident {name})").body())


async def _body(receive: Receive, max_body: int) -> bytes:
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > max_body:
            raise TooLarge
        more = message.get("more_body", False)
    return b"".join(chunks)


def _client(scope: Scope, headers: dict[str, str], client_header: str | None) -> str | None:
    if client_header is not None and client_header in headers:
        return headers[client_header].rpartition(",")[2].strip()
    peer = scope.get("client")
    return peer[0] if peer else None


async def _reply(send: Send, response: Response) -> None:
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers]
    headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
