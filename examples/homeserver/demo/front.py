"""TLS in front of servers that speak plain HTTP, as a reverse proxy would do it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from socket import create_server
from urllib.parse import urlsplit
from weakref import WeakSet

_HERE = "127.0.0.1"
_Tasks = set[asyncio.Task[None]]
_Ends = WeakSet[asyncio.WriteTransport]


def free_ports(count: int) -> list[int]:
    """Return ports nobody listens at."""
    listeners = [create_server((_HERE, 0)) for _ in range(count)]
    ports = [int(listener.getsockname()[1]) for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


@asynccontextmanager
async def fronted(name: str, url: str, context: ssl.SSLContext) -> AsyncIterator[None]:
    """Serve ``url`` with TLS at ``name``, a host and a port on this machine, inside the block."""
    tasks: _Tasks = set()
    ends: _Ends = WeakSet()
    port = int(name.partition(":")[2])
    relayed = partial(_relayed, urlsplit(url).port or 80, tasks, ends)
    front = await asyncio.start_server(relayed, _HERE, port, ssl=context)
    try:
        yield
    finally:
        front.close()
        for task in tasks:
            task.cancel()
        # Not ``close``: TLS would wait for the client's farewell, and a client that keeps a connection says nothing.
        for end in ends:
            end.abort()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _relayed(
    port: int, tasks: _Tasks, ends: _Ends, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Carry one connection on, both ways, until either side has said all."""
    ends.add(writer.transport)
    try:
        inner, outer = await asyncio.open_connection(_HERE, port)
    except OSError:
        writer.close()
        return
    ends.add(outer.transport)
    both = {asyncio.create_task(_carried(reader, outer)), asyncio.create_task(_carried(inner, writer))}
    tasks |= both
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    for task in both:
        task.cancel()
    for end in (outer, writer):
        end.close()
    tasks -= both


async def _carried(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while piece := await source.read(65_536):
            target.write(piece)
            await target.drain()
