"""``UvicornHttp``: how uvicorn is to speak HTTP, whatever it was given to listen on.

The loop of asyncio sets ``TCP_NODELAY`` only on connections of listeners that name their protocol. Those of uvicorn's
``--workers``, ``--reload`` and ``--fd`` name none, and uvicorn writes the head and the body of an answer one after the
other, so the body of each answer on a kept connection would wait for the client's delayed ACK: 40 ms on Linux.
"""

from __future__ import annotations

import asyncio
from asyncio.trsock import TransportSocket
from socket import AF_INET, AF_INET6, IPPROTO_TCP, TCP_NODELAY
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

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
