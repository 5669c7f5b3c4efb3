"""``UvicornHttp``: how uvicorn is to speak HTTP, whatever it was given to listen on; and uvicorn in a loop of yours.

The loop of asyncio sets ``TCP_NODELAY`` only on connections of listeners that name their protocol. Those of uvicorn's
``--workers``, ``--reload`` and ``--fd`` name none, and uvicorn writes the head and the body of an answer one after the
other, so the body of each answer on a kept connection would wait for the client's delayed ACK: 40 ms on Linux.
"""

from __future__ import annotations

import asyncio
from asyncio.trsock import TransportSocket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from socket import AF_INET, AF_INET6, IPPROTO_TCP, TCP_NODELAY, socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from .asgi import App

_MOST = 65_536


class UvicornHttp(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # uvicorn decides at run time what it is
    """uvicorn's own HTTP with ``TCP_NODELAY``, and with each answer in one write.

    On the command line: ``uvicorn module:app --workers 4 --http matrix_threepid.hosts:UvicornHttp``. In Python:
    ``uvicorn.Config(app, http=UvicornHttp)``. It parses with ``httptools`` if that is installed, else with ``h11``.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Take a connection that was accepted."""
        sock = transport.get_extra_info("socket")
        # Other loops, such as uvloop, set the option themselves and give no socket to set it on.
        if isinstance(sock, TransportSocket) and sock.family in (AF_INET, AF_INET6):
            sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        super().connection_made(_Gathering(transport))


class _Gathering:
    """A transport that sends what was written in one turn of the loop at its end, or when it is much."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._gathered: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._gathered:
            self._loop.call_soon(self._flush)
        self._gathered.append(data)
        self._size += len(data)
        if self._size >= _MOST:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._flush()
        self._transport.set_protocol(protocol)

    def _flush(self) -> None:
        if self._gathered:
            self._transport.write(b"".join(self._gathered))
            self._gathered, self._size = [], 0


@asynccontextmanager
async def served_by_uvicorn(app: App, listening: socket, stop_s: int = 1) -> AsyncIterator[None]:
    """Serve an application by uvicorn while the block runs, in the loop of the caller, who keeps the signals.

    * ``app``: the ASGI application; it gets no lifespan events, so jobs are for ``keeping_house`` and not for ``keep``.
    * ``listening``: the socket to accept connections on; ``hosts.listener`` makes one.
    * ``stop_s``: the s that requests have to end after the block, 1 by default.
    """
    server = _Server(app, stop_s)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await server.ready.wait()
        yield
    finally:
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which would end the process; ``ready`` is set once it listens."""

    def __init__(self, app: App, stop_s: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=UvicornHttp,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=stop_s,
            )
        )
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()
