"""``ThreepidResource``: the endpoints as a resource of Twisted Web, and its parts for resources of your own.

``respond`` returns the service's answer to a request, ``write`` sends an answer, and ``read_request`` only reads a
request: with these an adapter serves the endpoints from resources of its own. ``site`` refuses long bodies before they
are read; under any other site Twisted has read the whole body before it calls a resource. ``twisted_jobs`` runs the
recurring jobs. See https://docs.twisted.org/en/stable/web/howto/using-twistedweb.html.
"""

# mypy: allow-untyped-calls
# ruff: noqa: N802, N815  the names are Twisted's
from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.web import server
from twisted.web.resource import IResource, Resource, getChildForRequest

from ..protocol.errors import TooLarge, Unrecognized
from ..protocol.wire import Request, Response
from ..service import Service
from ._kept import Keep, kept_by
from ._proxies import Header, checked_header
from ._shared import check_length, checked_service, client_of, framed, incident, joined, our_path, refused
from .twisted_jobs import installed_reactor, keep_house_with

WebRequest = Any
"""A ``twisted.web.server.Request``, whose own annotations cover only a part of it."""


class ThreepidResource(Resource):
    """A resource; it may be a site's root, below a prefix, or in front of another one.

    * ``service``: the endpoints.
    * ``otherwise``: the resource for every other path; ``None`` answers 404.
    * ``client_header``: the header in which a trusted proxy writes the client's address, of which the last entry
      counts, or a ``ClientHeader`` for several proxies; ``None``, the default, takes the address of the connection.
    * ``run``: makes a Deferred of a coroutine; the default is for ports that return Deferreds or answer without
      waiting.
    * ``keep``: whether the jobs of the service run from the start of the reactor to its shutdown, or which services
      and jobs do; ``False`` by default.
    * ``reactor``: an ``IReactorCore`` and ``IReactorTime`` for the jobs; ``None``, the default: the installed one.

    If the client closes the connection, the request is still finished, so that a message that was sent is written down
    as sent.
    """

    def __init__(
        self,
        service: Service,
        otherwise: IResource | None = None,
        client_header: Header = None,
        run: Callable[[Coroutine[Any, Any, Any]], Deferred[Any]] = ensureDeferred,
        *,
        keep: Keep = False,
        reactor: Any = None,
    ) -> None:
        super().__init__()
        self._service = checked_service(service, "ThreepidResource")
        self._otherwise: Any = otherwise or _Leaf(_nothing_else)
        self._client_header = checked_header(client_header)
        self._run = run
        if kept := kept_by("ThreepidResource", service, keep):
            keep_house_with(reactor or installed_reactor(), kept, run)

    def getChildWithDefault(self, path: bytes, request: WebRequest) -> Any:
        """Return a leaf for our endpoints; for any other path the child of ``otherwise``, as if it stood here."""
        ours = _our_path(self._service, request, request.prepath[:-1])
        if ours is not None:
            return _Leaf(partial(self._answer, ours))
        # Twisted has moved one segment from `postpath` to `prepath` before this call; the other resource needs it back.
        request.postpath.insert(0, request.prepath.pop())
        return getChildForRequest(self._otherwise, request)

    def render(self, request: WebRequest) -> Any:
        """Answer a request for the path at which the resource itself was put."""
        ours = _our_path(self._service, request, request.prepath)
        return self._otherwise.render(request) if ours is None else self._answer(ours, request)

    def _answer(self, path: str, request: WebRequest) -> int:
        self._run(self._reply(path, request))
        return server.NOT_DONE_YET

    async def _reply(self, path: str, request: WebRequest) -> None:
        try:
            response = await respond(self._service, request, self._client_header, path=path)
        except (CancelledError, asyncio.CancelledError):  # by a port, since nothing here cancels
            response = incident(self._service)
        write(request, response)


class _Leaf(Resource):
    """A resource that is a function."""

    isLeaf = True

    def __init__(self, rendered: Callable[[WebRequest], int]) -> None:
        super().__init__()
        self._rendered = rendered

    def render(self, request: WebRequest) -> int:
        return self._rendered(request)


async def respond(
    service: Service, request: WebRequest, client_header: Header = None, *, path: str | None = None
) -> Response:
    """Return the service's answer to a request; to a bug the answer 500.

    * ``client_header``: as for ``ThreepidResource``.
    * ``path``: the path to use in place of the request's; ``None``: the request's.

    Raises only ``CancelledError``, Twisted's or asyncio's. Do not cancel when the client closes the connection: a
    message that was sent would not be written down as sent, and be sent again.
    """
    try:
        asked = read_request(request, service.max_body, client_header, path=path)
        return await service.handle(asked)
    except TooLarge as error:
        return refused(error, service)
    except CancelledError:
        raise
    except Exception:
        return incident(service)


def read_request(
    request: WebRequest, max_body: int, client_header: Header = None, *, path: str | None = None
) -> Request:
    """Return a request that Twisted has received.

    * ``max_body``: the bytes that a body may have.
    * ``client_header``: as for ``ThreepidResource``.
    * ``path``: the path to use in place of the request's; ``None``: the request's.

    Raises ``TooLarge`` for a longer body.
    """
    raw = request.requestHeaders.getAllRawHeaders()
    headers = joined((name.decode("latin-1"), value.decode("latin-1")) for name, values in raw for value in values)
    check_length(headers, max_body)
    peer = getattr(request.getClientAddress(), "host", None)
    return Request(
        method=request.method.decode("latin-1"),
        path=path or _path(request),
        headers=headers,
        query=request.uri.partition(b"?")[2].decode("latin-1"),
        body=_body(request, max_body),
        client=client_of(headers, peer, client_header),
        native=request,
    )


def write(request: WebRequest, response: Response) -> None:
    """Send an answer and finish the request; do nothing if the client has closed the connection."""
    if not _is_gone(request):
        _start(request, response)
        request.finish()


def site(resource: IResource, max_body: int, **options: Any) -> server.Site:
    """Return a site that answers a body of more than ``max_body`` bytes with 413 before it is read.

    * ``resource``: the root of the site.
    * ``max_body``: for all paths, so the largest that any resource of the site allows; ``Policy.max_body`` for ours.
    * ``options``: those of ``twisted.web.server.Site``.
    """
    return server.Site(resource, partial(BoundedRequest, max_body=max_body), **options)


class BoundedRequest(server.Request):
    """A request whose body has at most ``max_body`` bytes; the connection of a longer one ends with the refusal."""

    def __init__(self, *given: Any, max_body: int, **more: Any) -> None:
        super().__init__(*given, **more)
        self._max_body = max_body
        self._refused = False

    def gotLength(self, length: int | None) -> None:
        """Refuse a body that is announced as too long."""
        # By this length Twisted chooses between memory and a temporary file for the body.
        super().gotLength(self._max_body if length is None else min(length, self._max_body))
        if length is not None and length > self._max_body:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        """Refuse a body that turns out too long, and drop the rest of it."""
        content: Any = self.content
        if not self._refused and content.tell() + len(data) > self._max_body:
            self._refuse()
        if not self._refused:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Go on with a request that was not refused."""
        if not self._refused:
            super().requestReceived(command, path, version)

    def _refuse(self) -> None:
        self._refused = True
        # Twisted sets it after the body only, in `requestReceived`, and the status line of the answer needs it.
        self.clientproto = b"HTTP/1.1"
        self.requestHeaders.removeHeader(b"expect")  # Twisted would send "100 Continue" after the answer
        self.setHeader(b"connection", b"close")
        _start(self, refused(TooLarge()))
        self.loseConnection()


def _start(request: WebRequest, response: Response) -> None:
    sent = framed(response, request.method.decode("latin-1"))
    request.setResponseCode(sent.status)
    for name, value in sent.headers:
        request.responseHeaders.addRawHeader(name, value)
    request.write(sent.body)


def _is_gone(request: WebRequest) -> bool:
    """Return whether the connection is closed: Twisted then removes the channel of a request."""
    return request.channel is None


def _our_path(service: Service, request: WebRequest, prefix: list[bytes]) -> str | None:
    root = b"".join(b"/" + step for step in prefix).decode("utf-8", "replace")
    return our_path(service, _path(request), root, request.path)


def _path(request: WebRequest) -> str:
    return unquote_to_bytes(request.path).decode("utf-8", "replace")


def _body(request: WebRequest, max_body: int) -> bytes:
    # The host may have read the body already, for its own authentication.
    request.content.seek(0)
    body: bytes = request.content.read(max_body + 1)
    if len(body) > max_body:
        raise TooLarge
    return body


def _nothing_else(request: WebRequest) -> int:
    """Answer 404 where there is no other resource."""
    write(request, refused(Unrecognized()))
    return server.NOT_DONE_YET
