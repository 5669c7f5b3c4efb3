"""``Net``: the way to other servers, with their names, which fails as the conditions say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import define, field, frozen

from ...net.fetch import Failure, HttpFailure, HttpReply, HttpRequest
from .faults import Conditions, Fault, Part

Answer = HttpReply | HttpFailure
Serve = Callable[[HttpRequest], Awaitable[HttpReply]]


@frozen
class Server:
    """A server behind a name.

    * ``part``: the part that it is.
    * ``serve``: answers a request.
    * ``lie``: returns what it says in place of its answer.
    """

    part: Part
    serve: Serve
    lie: Callable[[HttpRequest, HttpReply], Answer]


@define(eq=False)
class Net:
    """A ``Fetch``: looks a name up, and asks the server behind it.

    * ``conditions``: what fails.
    * ``servers``: the servers by host name.
    """

    conditions: Conditions
    servers: Mapping[str, Server] = field(factory=dict)
    _serving: set[asyncio.Task[HttpReply]] = field(init=False, factory=set)

    async def fetch(self, request: HttpRequest, deadline: int) -> Answer:
        try:
            return await asyncio.wait_for(self._fetched(request), deadline / 1000)
        except asyncio.TimeoutError:
            return HttpFailure(Failure.TIMEOUT)

    async def _fetched(self, request: HttpRequest) -> Answer:
        wrong = await self._looked_up()
        if wrong is not None:
            return wrong
        server = self.servers[request.host]
        fault = self.conditions.of(server.part)
        if fault is Fault.REFUSING:
            return HttpFailure(Failure.REFUSED)
        if fault is Fault.SILENT:
            await _for_ever()
        await self.conditions.pass_time(server.part)
        # A server goes on when the caller has left.
        task = asyncio.ensure_future(server.serve(request))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        answer = await asyncio.shield(task)
        return server.lie(request, answer) if fault is Fault.LYING and self.conditions.lies() else answer

    async def _looked_up(self) -> HttpFailure | None:
        """Look a name up; return what went wrong."""
        fault = self.conditions.of(Part.DNS)
        if fault is Fault.REFUSING:
            return HttpFailure(Failure.NO_DNS)
        if fault is Fault.SILENT:
            await _for_ever()
        await self.conditions.pass_time(Part.DNS)
        if fault is Fault.LYING and self.conditions.lies():
            # The address is a private one, or that of a server with another certificate.
            return HttpFailure(Failure.BLOCKED if self.conditions.lies() else Failure.TLS)
        return None


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()


def said(status: int, body: Any) -> HttpReply:
    """Return an answer in JSON."""
    return HttpReply(status, json.dumps(body).encode())
