"""ASGI: the endpoints as a pure application, alone or in front of another one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ..protocol.errors import TooLarge, Unrecognized
from ..protocol.wire import Request, Response
from ..service import Service
from ._shared import Disconnected, check_length, checked_service, client_of, framed, incident, joined, our_path, refused

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Asgi:
    """An ASGI application; it may stand alone, under a prefix, or in front of another one.

    ``otherwise``: application for everything that is not ours, lifespan included. ``client_header``: name of the
    header in which a trusted proxy puts the client's address (its last entry counts); without it none is believed.
    """

    def __init__(self, service: Service, otherwise: App | None = None, client_header: str | None = None) -> None:
        self._service = checked_service(service, "Asgi")
        self._otherwise = otherwise or _nothing_else
        self._client_header = client_header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = self._path(scope) if scope["type"] == "http" else None
        if path is None:
            await self._otherwise(scope, receive, send)
            return
        response = await self._respond(scope, path, receive)
        if response is not None:
            await _reply(send, response, scope["method"])

    def _path(self, scope: Scope) -> str | None:
        """Return our path in a scope; frameworks cut the prefix of a mount off, or leave it to ``root_path``."""
        return our_path(self._service, scope["path"], scope.get("root_path", ""), scope.get("raw_path") or b"")

    async def _respond(self, scope: Scope, path: str, receive: Receive) -> Response | None:
        """Return the answer, or ``None`` if the client went away before it had asked."""
        max_body = self._service.role.policy.max_body
        try:
            request = await read_request(scope, receive, max_body, self._client_header, path=path)
            return await self._service.handle(request)
        except Disconnected:
            return None
        except TooLarge as error:
            return refused(error)
        except Exception:
            return incident()


async def read_request(
    scope: Scope, receive: Receive, max_body: int, client_header: str | None = None, *, path: str | None = None
) -> Request:
    """Return the request of a scope; ``path`` in place of the scope's, if given.

    Raises ``TooLarge`` before more than ``max_body`` bytes are kept, ``Disconnected`` for half a body.
    """
    headers = joined((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    check_length(headers, max_body)
    peer = scope.get("client")
    return Request(
        method=scope["method"],
        path=path or scope["path"],
        headers=headers,
        query=scope["query_string"].decode("latin-1"),
        body=await _body(receive, max_body),
        client=client_of(headers, peer[0] if peer else None, client_header),
        native=scope,
    )


async def _body(receive: Receive, max_body: int) -> bytes:
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body += message.get("body", b"")
        if len(body) > max_body:
            raise TooLarge
        more = message.get("more_body", False)
    return bytes(body)


async def _reply(send: Send, response: Response, method: str) -> None:
    sent = framed(response, method)
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in sent.headers]
    await send({"type": "http.response.start", "status": sent.status, "headers": headers})
    await send({"type": "http.response.body", "body": sent.body})


async def _nothing_else(scope: Scope, receive: Receive, send: Send) -> None:
    """Stand in for another application: nothing is found, no socket opened, and start and stop are agreed to."""
    if scope["type"] == "http":
        await _reply(send, refused(Unrecognized()), scope["method"])
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1000})
    elif scope["type"] == "lifespan":
        await _live(receive, send)
    else:
        raise NotImplementedError(f"no answer to {scope['type']}")


async def _live(receive: Receive, send: Send) -> None:
    message = await receive()
    while message["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
        message = await receive()
    await send({"type": "lifespan.shutdown.complete"})
