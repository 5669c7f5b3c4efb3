"""Real servers on loopback, one for each world: called with an application or resource, they give a base URL."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from socket import socket
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import uvicorn
from twisted.internet.selectreactor import SelectReactor
from twisted.web.resource import IResource
from twisted.web.server import Site
from werkzeug.serving import WSGIRequestHandler as WerkzeugHandler
from werkzeug.serving import make_server as make_werkzeug

from matrix_threepid.hosts.twisted import site
from matrix_threepid.hosts.uvicorn import UvicornHttp

HERE = "127.0.0.1"


@contextmanager
def thread(work: Any) -> Iterator[threading.Thread]:
    """Run ``work`` in a thread that is over with the block, once the block has seen to that."""
    running = threading.Thread(target=work)
    running.start()
    try:
        yield running
    finally:
        running.join(30)
        assert not running.is_alive()


class _Uvicorn(uvicorn.Server):
    def __init__(self, app: Any) -> None:
        options = {"log_config": None, "lifespan": "on", "proxy_headers": False}
        super().__init__(uvicorn.Config(app, port=0, http=UvicornHttp, **options))
        self.up = threading.Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self.up.set()

    async def main_loop(self) -> None:
        """Serve until ``stop``; uvicorn's own loop looks ten times a second, and every test would wait for that."""
        await self.on_tick(0)
        await self._over.wait()

    def stop(self) -> None:
        """End ``main_loop``, from another thread."""
        self._loop.call_soon_threadsafe(self._over.set)


@contextmanager
def uvicorn_serving(app: Any, listening: socket | None = None) -> Iterator[str]:
    """Serve an ASGI application, at a socket that listens if one is given."""
    server = _Uvicorn(app)
    with thread(partial(server.run, [listening] if listening else None)):
        try:
            assert server.up.wait(30)
            yield f"http://{HERE}:{(listening or server.servers[0].sockets[0]).getsockname()[1]}"
        finally:
            server.stop()


class _Threading(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _QuietWerkzeug(WerkzeugHandler):
    def log(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def _until_shutdown(server: Any) -> Iterator[str]:
    with server, thread(partial(server.serve_forever, poll_interval=0.01)):
        try:
            yield f"http://{HERE}:{server.server_port}"
        finally:
            server.shutdown()


def wsgiref_serving(app: Any) -> Any:
    """Serve a WSGI application in the standard library's server."""
    return _until_shutdown(make_server(HERE, 0, app, _Threading, _Quiet))


def werkzeug_serving(app: Any) -> Any:
    """Serve a WSGI application in a server that takes chunks and tells paths as they were sent."""
    return _until_shutdown(make_werkzeug(HERE, 0, app, threaded=True, request_handler=_QuietWerkzeug))


@cache
def _reactor() -> Any:
    """Return a reactor that runs in a thread of its own, to the end of the process."""
    reactor: Any = SelectReactor()
    running = threading.Thread(target=reactor.run, kwargs={"installSignalHandlers": False}, daemon=True)
    running.start()
    return reactor


def in_reactor(work: Any) -> Any:
    """Do something in the reactor's thread; return what comes of it."""
    done, results = threading.Event(), []

    def call() -> None:
        results.append(work())
        done.set()

    _reactor().callFromThread(call)
    assert done.wait(30)
    return results[0]


@contextmanager
def _listening(made: Site) -> Iterator[str]:
    port = in_reactor(lambda: _reactor().listenTCP(0, made, interface=HERE))
    try:
        yield f"http://{HERE}:{port.getHost().port}"
    finally:
        in_reactor(port.stopListening)


def twisted_serving(resource: IResource, max_body: int) -> Any:
    """Serve a resource on a site that refuses long bodies before they are read."""
    return _listening(site(resource, max_body, reactor=_reactor()))
