"""Twisted: the endpoints as a ``Resource``, alone or in front of another one, and its pieces for resources of your own.

``ThreepidResource`` is all of it. ``respond`` asks the service, ``write`` sends what came of it, ``read_request`` only
reads: with these an adapter serves the endpoints from resources that its own server makes. ``site`` refuses long bodies
before they are read; under any other site, Twisted has read them when a resource hears of them. ``keep_house`` runs the
jobs beside the requests.
"""

# mypy: allow-untyped-calls
# ruff: noqa: N802, N815  the names are Twisted's
from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.internet.defer import CancelledError, Deferred, DeferredList, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.web import server
from twisted.web.resource import IResource, Resource, getChildForRequest

from ..housekeeping import Job
from ..protocol.errors import TooLarge, Unrecognized
from ..protocol.wire import Request, Response
from ..service import Service
from ._shared import check_length, checked_service, client_of, framed, incident, jobs_of, joined, our_path, refused

WebRequest = Any
"""A ``twisted.web.server.Request``; its own types leave most of it open."""

Run = Callable[[Coroutine[Any, Any, None]], "Deferred[None]"]
"""Runs a coroutine; cancelling the Deferred must cancel it."""


class ThreepidResource(Resource):
    """A resource; it may be a site's root, below a prefix, or in front of another one.

    ``otherwise``: resource for everything that is not ours. ``client_header``: name of the header in which a trusted
    proxy puts the client's address (its last entry counts); without it none is believed. ``run``: makes a Deferred of
    a coroutine; the default is for ports that return Deferreds or answer at once. A client that goes away cancels it.
    """

    def __init__(
        self,
        service: Service,
        otherwise: IResource | None = None,
        client_header: str | None = None,
        run: Run = ensureDeferred,
    ) -> None:
        super().__init__()
        self._service = checked_service(service, "ThreepidResource")
        self._otherwise: Any = otherwise or _Leaf(_nothing_else)
        self._client_header = client_header
        self._run = run

    def getChildWithDefault(self, path: bytes, request: WebRequest) -> Any:
        """Return a leaf for what is ours; for the rest, start over at ``otherwise`` with the path it would have had."""
        ours = _our_path(self._service, request, request.prepath[:-1])
        if ours is not None:
            return _Leaf(partial(self._answer, ours))
        request.postpath.insert(0, request.prepath.pop())
        return getChildForRequest(self._otherwise, request)

    def render(self, request: WebRequest) -> Any:
        """Answer at the very path the resource was put at."""
        ours = _our_path(self._service, request, request.prepath)
        return self._otherwise.render(request) if ours is None else self._answer(ours, request)

    def _answer(self, path: str, request: WebRequest) -> int:
        gone = request.notifyFinish()
        answering = self._run(self._reply(path, request))
        gone.addErrback(lambda _: answering.cancel())
        answering.addErrback(lambda failure: None if _is_gone(request) else failure)
        return server.NOT_DONE_YET

    async def _reply(self, path: str, request: WebRequest) -> None:
        try:
            response = await respond(self._service, request, self._client_header, path=path)
        except (CancelledError, asyncio.CancelledError):
            if _is_gone(request):
                raise
            response = incident()
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
    service: Service, request: WebRequest, client_header: str | None = None, *, path: str | None = None
) -> Response:
    """Return the answer to a request; ``path`` in place of the request's, if given.

    Bugs are an answer, too; only cancellation raises (``CancelledError``, Twisted's or that of asyncio), and then there
    is nothing to send.
    """
    try:
        asked = read_request(request, service.role.policy.max_body, client_header, path=path)
        return await service.handle(asked)
    except TooLarge as error:
        return refused(error)
    except CancelledError:
        raise
    except Exception:
        return incident()


def read_request(
    request: WebRequest, max_body: int, client_header: str | None = None, *, path: str | None = None
) -> Request:
    """Return a request that Twisted has received; ``path`` in place of the request's, if given.

    Raises ``TooLarge`` for a body of more than ``max_body`` bytes.
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
    """Send an answer and finish the request; nothing happens if the client is gone."""
    if not _is_gone(request):
        _start(request, response)
        request.finish()


def site(resource: IResource, max_body: int, **options: Any) -> server.Site:
    """Return a site that answers a body of more than ``max_body`` bytes with 413 before it is read.

    ``max_body`` is for all paths: take the policy's, or the most that any other resource of the site allows.
    ``options`` are those of ``twisted.web.server.Site``.
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
        self.clientproto = b"HTTP/1.1"
        self.requestHeaders.removeHeader(b"expect")  # or "100 Continue" would follow
        self.setHeader(b"connection", b"close")
        _start(self, refused(TooLarge()))
        self.loseConnection()


def keep_house_in_twisted(
    *kept: Service | Job, run: Callable[[Coroutine[Any, Any, int]], Deferred[int]] = ensureDeferred, clock: Any = None
) -> Callable[[], Deferred[Any]]:
    """Run the jobs of services, and jobs of the host's own, each at its own pace and the first time at once.

    Returns a function that ends them; its Deferred fires once what they are doing is done, for
    ``reactor.addSystemEventTrigger("before", "shutdown", stop)``. ``run``: makes a Deferred of a coroutine, as for
    ``ThreepidResource``. ``clock``: an ``IReactorTime``; the default is the reactor.
    """
    if clock is None:
        from twisted.internet import reactor

        clock = reactor
    rounds = [_Rounds(job, run, clock) for job in jobs_of(kept)]
    return lambda: DeferredList([each.stop() for each in rounds])


class _Rounds:
    """Runs one job until it is stopped; what has begun is finished, only the pause between runs is cut."""

    def __init__(self, job: Job, run: Callable[[Coroutine[Any, Any, int]], Deferred[int]], clock: IReactorTime) -> None:
        self._job, self._run, self._clock = job, run, clock
        self._stopped = False
        self._pause: Deferred[None] | None = None
        self._ended = ensureDeferred(self._repeat())

    def stop(self) -> Deferred[None]:
        self._stopped = True
        if self._pause is not None:
            self._pause.cancel()
        return self._ended

    async def _repeat(self) -> None:
        while not self._stopped:
            try:
                pause = await self._run(self._job.run_once())
            except Exception as error:  # of `run` itself
                pause = self._job.failed(error)
            await self._wait(pause)

    async def _wait(self, ms: int) -> None:
        if self._stopped:
            return
        self._pause = deferLater(self._clock, ms / 1000)
        with suppress(CancelledError):
            await self._pause


def _start(request: WebRequest, response: Response) -> None:
    sent = framed(response, request.method.decode("latin-1"))
    request.setResponseCode(sent.status)
    for name, value in sent.headers:
        request.responseHeaders.addRawHeader(name, value)
    request.write(sent.body)


def _is_gone(request: WebRequest) -> bool:
    """Return whether nobody waits for an answer: Twisted takes the channel from a request that lost its connection."""
    return request.channel is None


def _our_path(service: Service, request: WebRequest, prefix: list[bytes]) -> str | None:
    root = b"".join(b"/" + step for step in prefix).decode("utf-8", "replace")
    return our_path(service, _path(request), root, request.path)


def _path(request: WebRequest) -> str:
    return unquote_to_bytes(request.path).decode("utf-8", "replace")


def _body(request: WebRequest, max_body: int) -> bytes:
    request.content.seek(0)
    body: bytes = request.content.read(max_body + 1)
    if len(body) > max_body:
        raise TooLarge
    return body


def _nothing_else(request: WebRequest) -> int:
    """Stand in for another resource: nothing is found."""
    write(request, refused(Unrecognized()))
    return server.NOT_DONE_YET
