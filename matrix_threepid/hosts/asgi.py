"""``Asgi``: the endpoints as an ASGI 3 application (https://asgi.readthedocs.io/en/latest/specs/www.html)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ..protocol.errors import TooLarge, Unrecognized
from ..protocol.wire import Request, Response
from ..service import Service
from ._finishing import finish
from ._kept import Keep, Lifespan, kept_by
from ._proxies import Header, checked_header
from ._shared import (
    Disconnected,
    check_length,
    checked_otherwise,
    checked_service,
    client_of,
    framed,
    incident,
    joined,
    our_path,
    refused,
)

Scope = MutableMapping[str, Any]
"""What an ASGI server says of one connection."""
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
"""Waits for the next event of a connection, such as a part of the body."""
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
"""Sends an event, such as the start of a response."""
App = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI application."""


class Asgi:
    """An ASGI application; it may stand alone, under a prefix, or in front of another one.

    * ``service``: the endpoints.
    * ``otherwise``: the application for every other path and for lifespan and websockets; ``None`` answers 404.
    * ``client_header``: the header in which a trusted proxy writes the client's address, of which the last entry
      counts, or a ``ClientHeader`` for several proxies; ``None``, the default, takes the address of the connection.
    * ``keep``: whether the jobs of the service run from the start to the end of the server, as its lifespan events
      tell, or which services and jobs do; ``False`` by default. Where none of these events come, as below the mount
      of a framework, a warning says so; ``keeping_house`` is for the lifespan of the application there.

    A server may cancel the call when the client disconnects. A request that was read is still finished, in a task of
    its own, so that a message that was sent is written down as sent.
    """

    def __init__(
        self, service: Service, otherwise: App | None = None, client_header: Header = None, *, keep: Keep = False
    ) -> None:
        self._service = checked_service(service, "Asgi")
        self._otherwise = checked_otherwise(otherwise, "Asgi") or _nothing_else
        self._client_header = checked_header(client_header)
        self._lifespan = Lifespan(kept_by("Asgi", service, keep))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan.run(self._otherwise, _nothing_else, scope, receive, send)
            return
        path = self._path(scope) if scope["type"] == "http" else None
        if path is None:
            await self._otherwise(scope, receive, send)
            return
        self._lifespan.missed()
        response = await self._respond(scope, path, receive)
        if response is not None:
            await _reply(send, response, scope["method"])

    def _path(self, scope: Scope) -> str | None:
        """Return the path of one of our endpoints, else ``None``.

        Some frameworks remove the prefix of a mount from ``path``, others only name it in ``root_path``.
        """
        return our_path(self._service, scope["path"], scope.get("root_path", ""), scope.get("raw_path") or b"")

    async def _respond(self, scope: Scope, path: str, receive: Receive) -> Response | None:
        """Return the answer; ``None`` if the client has closed the connection before its request was complete."""
        max_body = self._service.max_body
        try:
            request = await read_request(scope, receive, max_body, self._client_header, path=path)
            return await finish(self._handle(request))
        except Disconnected:
            # Sending to a closed connection raises in some servers, and is ignored in others.
            return None
        except TooLarge as error:
            return refused(error, self._service)
        except Exception:
            return incident(self._service)

    async def _handle(self, request: Request) -> Response:
        try:
            return await self._service.handle(request)
        except Exception:
            return incident(self._service)  # here, too, since nobody may be waiting


async def read_request(
    scope: Scope,
    receive: Receive,
    max_body: int,
    client_header: Header = None,
    *,
    path: str | None = None,
) -> Request:
    """Return the request of a scope, with its body.

    * ``max_body``: the bytes that a body may have.
    * ``client_header``: as for ``Asgi``.
    * ``path``: the path to use in place of the scope's; ``None``: the scope's.

    Raises ``TooLarge`` for a longer body, before more than its next piece is in memory, and ``Disconnected`` if the
    client closes the connection before the end of its body.
    """
    # The specification of ASGI gives header names and values as bytes; Latin-1 decodes any of them.
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
        native=scope,  # for callers and UIA of the host, which may need what the framework has put there
    )


async def _body(receive: Receive, max_body: int) -> bytes:
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body += message.get("body", b"")
        # Checked at every piece: a chunked body announces no length.
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
    """Answer where there is no other application: 404, a refused websocket, and an accepted start and stop."""
    if scope["type"] == "http":
        await _reply(send, refused(Unrecognized()), scope["method"])
    elif scope["type"] == "websocket":
        # ASGI wants the "connect" to be received first; a close before "accept" is answered with 403.
        await receive()
        await send({"type": "websocket.close", "code": 1000})
    elif scope["type"] == "lifespan":
        await _live(receive, send)
    else:
        raise NotImplementedError(f"scope: must be http, websocket or lifespan, not {scope['type']}")


async def _live(receive: Receive, send: Send) -> None:
    message = await receive()
    while message["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
        message = await receive()
    await send({"type": "lifespan.shutdown.complete"})
