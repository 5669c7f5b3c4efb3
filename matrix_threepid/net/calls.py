"""Requests to one address, over connections that are kept for a while.

Imported when the first request is made, in its thread: ``ssl`` and ``h11`` take long to import.
"""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any

from attrs import field, frozen

from .deadline import Deadline
from .exchange import Exchange, Limits
from .failures import NoConnectionError, failure
from .fetch import HttpFailure, HttpReply, HttpRequest
from .pool import Connection, Pool
from .sockets import connected
from .tunnel import Proxy

CONNECT_PATIENCE = 3.0
"""The s one address may take to accept a connection before the next is tried."""


@cache
def default_context() -> ssl.SSLContext:
    """Return a context that verifies certificates and host names, from TLS 1.2 on; made once."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@frozen
class AddressClient:
    """Makes requests to one address at a time; threads may share it.

    * ``context``: what wraps a socket in TLS.
    * ``limits``: bytes that are read of an answer.
    * ``pool``: the connections that are kept.
    * ``proxy``: the proxy whose addresses are called, and which connects to the host; ``None``, the default: none.
    """

    context: Any = field(repr=False)
    limits: Limits
    pool: Pool
    proxy: Proxy | None = None

    def call(self, request: HttpRequest, address: str, until: Deadline) -> HttpReply | HttpFailure:
        """Make a request to an address, over a kept connection if there is one. Blocks; raises ``NoConnectionError``.

        A kept connection that the server has closed meanwhile is replaced once by a new one: for any request as long
        as nothing was sent, and after that only for requests that may be repeated, if no byte of an answer came.
        """
        kept = self.pool.take(request.host, request.port, address, repeatable=request.repeatable)
        if kept is not None:
            exchange, answer = self._over(kept, request, until)
            if not exchange.over or exchange.heard:
                return answer
            self.pool.note_abrupt(kept)
            if exchange.sent and not request.repeatable:
                return answer
        try:
            fresh = self._connected(request, address, until)
        except (OSError, ValueError) as error:
            return failure(error)
        return self._over(fresh, request, until)[1]

    def _over(
        self, connection: Connection, request: HttpRequest, until: Deadline
    ) -> tuple[Exchange, HttpReply | HttpFailure]:
        exchange = Exchange(connection.sock, self.limits, until)
        try:
            answer = exchange.run(request)
        finally:
            if exchange.reusable:
                self.pool.keep(connection)
            else:
                self.pool.close(connection)
        return exchange, answer

    def _connected(self, request: HttpRequest, address: str, until: Deadline) -> Connection:
        """Connect. Raises ``NoConnectionError``, or ``OSError`` for what fails after the address has accepted."""
        self.pool.make_room(address)
        made = False
        try:
            sock = self._secured(request, address, until)
            made = True
        finally:
            if not made:
                self.pool.forget_one(address)
        now = self.pool.now()
        return Connection(sock, request.host, request.port, address, now, now)

    def _secured(self, request: HttpRequest, address: str, until: Deadline) -> Any:
        try:
            port = request.port if self.proxy is None else self.proxy.port
            plain = connected(address, port, min(CONNECT_PATIENCE, until.left()))
        except OSError as error:
            raise NoConnectionError(failure(error)) from None
        try:
            if self.proxy is not None:
                self.proxy.through(plain, request.host, request.port, until)
            plain.settimeout(until.left())
            return self.context.wrap_socket(plain, server_hostname=request.host)
        except BaseException:
            plain.close()
            raise
