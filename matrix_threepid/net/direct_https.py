"""``DirectHttp``: HTTPS to a host the operator has chosen, such as a provider of SMS."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from attrs import field, frozen

from ..offload import Offload
from ..protocol.errors import ConfigurationError
from ..threads import Threads
from .deadline import Deadline
from .dns import Lookups, system_resolver
from .fetch import Failure, Headers, HttpFailure, HttpReply, HttpRequest
from .loopback import is_loopback

if TYPE_CHECKING:
    import ssl

_MAX_HEADERS, _MAX_BODY = 16_384, 65_536


class NoTls:
    """Stands in for TLS on the way to this very machine."""

    def wrap_socket(self, sock: Any, server_hostname: str) -> Any:
        """Return the socket as it is."""
        return sock


def _own_threads(offload: Offload | None) -> Offload:
    return Threads(16) if offload is None else offload


@frozen(kw_only=True)
class DirectHttp:
    """A ``Fetch`` for hosts that are named in the configuration, never by users: any address will do.

    No redirects, proxies or cookies; the deadline covers everything. Threads may share it.

    * ``offload``: runs the blocking exchange; by default 16 threads of its own, for so many calls at once.
    * ``tls``: off only towards this very machine.
    * ``context``: what to trust, in place of the system's certificates.
    """

    offload: Offload = field(default=None, converter=_own_threads, repr=False)
    tls: bool = True
    context: ssl.SSLContext | None = field(default=None, repr=False)
    _lookups: Lookups = field(init=False, repr=False)

    @_lookups.default
    def _look_up_with(self) -> Lookups:
        return Lookups(system_resolver)

    async def fetch(self, request: HttpRequest, deadline: int) -> HttpReply | HttpFailure:
        """Make one request; ``deadline``: ms everything may take."""
        return await self.offload(partial(self._fetch, request, Deadline.in_ms(deadline)))

    def _fetch(self, request: HttpRequest, deadline: Deadline) -> HttpReply | HttpFailure:
        from .exchange import Exchange, default_context, failure

        if not self.tls and not is_loopback(request.host):
            return HttpFailure(Failure.BLOCKED, "no TLS")
        context: Any = (self.context or default_context()) if self.tls else NoTls()
        try:
            addresses = self._lookups.addresses(request.host, request.port, deadline)
            return Exchange(context, _MAX_HEADERS, _MAX_BODY).run(request, addresses, deadline)
        except (OSError, ValueError) as error:
            return failure(error)


def checked_url(url: str) -> str:
    """Return the URL of a provider without its final slash. Raises ``ConfigurationError``.

    It is ``https``, or ``http`` to this very machine, which a ``DirectHttp`` without TLS speaks.
    """
    parts = urlsplit(url)
    plain = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not parts.hostname or not url.isascii() or parts.username or not (plain or parts.scheme == "https"):
        raise ConfigurationError("the provider's URL must be https, without user-info; http only to this very machine")
    return url.removesuffix("/")


def request_to(method: str, url: str, headers: Headers, body: bytes | None) -> HttpRequest:
    """Return a request to a URL that ``checked_url`` has seen the beginning of."""
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
