"""``DirectHttp``: HTTPS to a host the operator has chosen, such as a provider of SMS."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from attrs import field, frozen

from ..offload import Offload
from ..protocol.errors import ConfigurationError
from ..protocol.members import redacted
from ..protocol.wiring import demand, flag
from ..threads import Threads
from .deadline import Deadline
from .dns import Lookups, system_resolver
from .failures import NoConnectionError, failure
from .fetch import Failure, Headers, HttpFailure, HttpReply, HttpRequest
from .loopback import is_loopback
from .places import Line, NoPlaceError, Places, Waiter
from .pool import KeepRule, Pool
from .tunnel import Proxy, proxy_at

if TYPE_CHECKING:
    import ssl

_MAX_HEADERS, _MAX_BODY = 16_384, 65_536
_AT_ONCE, _WAITING = 16, 1000
_LINE = Line("all", "", _AT_ONCE, _WAITING)


class NoTls:
    """Stands in for TLS on the way to this very machine."""

    def wrap_socket(self, sock: Any, server_hostname: str) -> Any:
        """Return the socket as it is."""
        return sock


def _own_threads(offload: Offload | None) -> Offload:
    return Threads(_AT_ONCE) if offload is None else offload


@frozen(kw_only=True)
class DirectHttp:
    """A ``Fetch`` for hosts that are named in the configuration, never by users: any address will do.

    No redirects or cookies, and no proxy but the one that is named here. The deadline covers everything. Connections
    are kept for further requests to the same host: 30 s since the last request, 5 minutes in all; a request that must
    not be repeated, such as the sending of an SMS, takes only one that was used within the last second. Threads may
    share it. 16 calls are made at once; up to 1,000 more wait in order of arrival, until their deadline, and hold no
    thread.

    * ``offload``: runs the blocking exchange; by default 16 threads of its own.
    * ``tls``: off only towards this very machine.
    * ``context``: what to trust, in place of the system's certificates.
    * ``proxy``: ``http://[user:password@]host:port`` of an HTTP proxy that connects to the host; ``None``, the default,
      connects directly.

    Raises ``ConfigurationError`` for another ``proxy``, and for one without ``tls``.
    """

    offload: Offload = field(default=None, converter=_own_threads, repr=False)
    tls: bool = field(default=True, validator=flag())
    context: ssl.SSLContext | None = field(default=None, repr=False)
    proxy: str | None = field(default=None, repr=redacted)
    _proxy: Proxy | None = field(init=False)
    _lookups: Lookups = field(init=False, repr=False)
    _places: Places = field(init=False, repr=False)
    _pool: Pool = field(init=False, repr=False)

    @_proxy.default
    def _proxy_of_url(self) -> Proxy | None:
        if self.proxy is not None and not self.tls:
            raise ConfigurationError("proxy: only with TLS, since without it the host is this very machine")
        return proxy_at(self.proxy)

    @_lookups.default
    def _look_up_with(self) -> Lookups:
        return Lookups(system_resolver)

    @_places.default
    def _count_with(self) -> Places:
        return Places(_WAITING)

    @_pool.default
    def _keep_with(self) -> Pool:
        return Pool(KeepRule(per_address=_AT_ONCE))

    async def fetch(self, request: HttpRequest, deadline: int) -> HttpReply | HttpFailure:
        """Make one request.

        * ``deadline``: ms everything may take.
        """
        until = Deadline.in_ms(deadline)
        if not self.tls and not is_loopback(request.host):
            return HttpFailure(Failure.BLOCKED, "no TLS")
        try:
            async with self._places.place(_LINE, Waiter(request.caller, until)) as place:
                # A proxy looks the name of the host up itself.
                host, port = (
                    (request.host, request.port) if self._proxy is None else (self._proxy.host, self._proxy.port)
                )
                addresses = await self._lookups.addresses(host, port, until)
                work = partial(self._call, request, addresses, until)
                return await self.offload(partial(self._places.held, (place,), work))
        except NoPlaceError as error:
            return HttpFailure(Failure.BUSY, str(error))
        except (OSError, ValueError) as error:
            return failure(error)

    def close(self) -> None:
        """Close the connections that are kept. It happens by itself when the process ends."""
        self._pool.close_idle()

    def _call(self, request: HttpRequest, addresses: Sequence[str], until: Deadline) -> HttpReply | HttpFailure:
        from .calls import AddressClient, default_context
        from .exchange import Limits

        context: Any = (self.context or default_context()) if self.tls else NoTls()
        client = AddressClient(context, Limits(_MAX_HEADERS, _MAX_BODY), self._pool, self._proxy)
        answer = HttpFailure(Failure.REFUSED, "the host has no address")
        for address in self._pool.order(request.host, request.port, addresses):
            try:
                return client.call(request, address, until)
            except NoConnectionError as error:  # noqa: PERF203  each address has its own chance
                answer = error.reason
        return answer


def checked_url(url: str) -> str:
    """Return the URL of a provider without its final slash.

    It must be ``https``, or ``http`` to this very machine, for a ``DirectHttp`` without TLS. Raises
    ``ConfigurationError``.
    """
    demand("url", url, lambda given: isinstance(given, str) and urlsplit(given).port != 0, "must be an https URL")
    parts = urlsplit(url)
    plain = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not parts.hostname or not url.isascii() or parts.username or not (plain or parts.scheme == "https"):
        raise ConfigurationError("the provider's URL must be https, without user-info; http only to this very machine")
    return url.removesuffix("/")


def request_to(method: str, url: str, headers: Headers, body: bytes | None) -> HttpRequest:
    """Return a request to a URL whose beginning ``checked_url`` has checked."""
    parts = urlsplit(url)
    return HttpRequest(
        method=method,
        host=parts.hostname or "",
        port=parts.port or (443 if parts.scheme == "https" else 80),
        authority=parts.netloc,
        path=parts.path or "/",
        query=parts.query,
        headers=headers,
        body=body,
    )
