"""Twisted: ``python -m examples.hosts.twisted_app --port 8008``.

The account server is made for asyncio, so Twisted runs on asyncio's loop here, and ``run`` hands coroutines to it.
Ports that return Deferreds need neither.
"""

# ruff: noqa: N802, N815  the names are Twisted's
from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from importlib import import_module
from typing import Any

from twisted.internet import asyncioreactor
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource

from matrix_threepid.hosts import ThreepidResource, listener, site

from .wiring import account_server, configured, tell


class Hello(Resource):
    """Stands for everything else you serve."""

    isLeaf = True

    def render_GET(self, request: Any) -> bytes:
        """Return the page."""
        return b"Hello from Twisted"


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    config, loop, open_until_the_end = configured(__doc__), asyncio.new_event_loop(), AsyncExitStack()
    asyncioreactor.install(loop)
    reactor: Any = import_module("twisted.internet.reactor")  # there is one only from here on

    def run(work: Coroutine[Any, Any, Any]) -> Deferred[Any]:
        return Deferred.fromFuture(loop.create_task(work))

    with listener(*config.address) as listening:
        listening.setblocking(False)
        port = listening.getsockname()[1]
        server = loop.run_until_complete(open_until_the_end.enter_async_context(account_server(config, port)))
        made = site(server.on(ThreepidResource, Hello(), run=run), server.max_body)
        reactor.adoptStreamPort(listening.fileno(), listening.family, made)
        tell(config, port)
        reactor.run()
        loop.run_until_complete(open_until_the_end.aclose())


if __name__ == "__main__":
    main()
