"""``PinnedHttps``: HTTPS to hosts that users name, and to nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from ..offload import Offload
from ..protocol.errors import ConfigurationError
from ..protocol.members import redacted
from ..threads import Threads
from .deadline import Deadline
from .denied_addresses import AddressCheck, plain_address
from .dns import MOST, Lookups, Resolve, is_address, system_resolver
from .failures import NoConnectionError, failure
from .fetch import Failure, HttpFailure, HttpReply, HttpRequest
from .places import Line, NoPlaceError, Places, Ticket, Waiter
from .pool import KeepRule, Now, Pool, monotonic_ms
from .tunnel import Proxy, proxy_at

if TYPE_CHECKING:
    import ssl

    from .calls import AddressClient


def _verifies(_: object, __: object, context: ssl.SSLContext | None) -> None:
    if context is not None and not (context.check_hostname and context.verify_mode):
        raise ConfigurationError("context: must verify certificates and host names")


def _in_order(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _as_set(values: Iterable[int]) -> frozenset[int]:
    return frozenset(values)


def _own_threads(offload: Offload | None) -> Offload:
    return Threads(128) if offload is None else offload


def _at_least(least: int) -> Any:
    def check(_: object, attribute: Any, value: object) -> None:
        if type(value) is not int or value < least:
            raise ConfigurationError(f"{attribute.name}: must be a whole number from {least}")

    return check


@frozen(kw_only=True)
class PinnedHttps:
    """A ``Fetch``: for each request the name is looked up once, every address checked, and a checked one called.

    No redirects or cookies, and no proxy but the one that is named here. The certificate must be for the name. The
    deadline covers everything. A connection is kept for further requests to the same name and port while the name leads
    to the same address: 30 s since the last request, 5 minutes in all. A call that waits for its turn holds no thread.
    Threads may share it.

    * ``offload``: runs the blocking exchange; by default at most 128 threads of its own.
    * ``allow_addresses``: networks to be let through although they are denied, such as ``10.1.0.0/16``.
    * ``refuse_addresses``: networks that are denied as well, unless ``allow_addresses`` lets them through.
    * ``ports``: those that may be called.
    * ``context``: what to trust, in place of the system's certificates.
    * ``max_headers``: bytes that are read of status line and headers; 16,384 by default.
    * ``max_body``: bytes that are read of a body; 65,536 by default.
    * ``per_host``: calls at once to one host name, and connections to one address, whatever names lead to it; 4 by
      default. Further calls wait in order of arrival.
    * ``waiting_per_host``: calls that may wait for one name or address; 64 by default. One more is refused at once.
    * ``waiting``: calls that may wait in all; 1,000 by default. Of those who wait a caller may have a quarter.
    * ``at_once``: calls at once to all hosts together; 128 by default. Further calls wait in order of arrival.
    * ``resolve``: looks names up, in place of the system's resolver.
    * ``proxy``: ``http://[user:password@]host:port`` of an HTTP proxy that connects to the hosts; ``None``, the
      default, connects directly. The proxy looks names up itself, so no address can be checked: it needs ``allowed``.
    * ``allowed``: a function of ``host`` or, for another port than 443, ``host:port`` that returns whether it may be
      called; ``None``, the default, for any host.
    * ``clock``: returns the time in ms by which connections become too old.

    Raises ``ConfigurationError``.
    """

    offload: Offload = field(default=None, converter=_own_threads, repr=False)
    allow_addresses: tuple[str, ...] = field(default=(), converter=_in_order)
    refuse_addresses: tuple[str, ...] = field(default=(), converter=_in_order)
    ports: frozenset[int] = field(default=(443,), converter=_as_set)
    context: ssl.SSLContext | None = field(default=None, validator=_verifies, repr=False)
    max_body: int = 65_536
    max_headers: int = 16_384
    per_host: int = field(default=4, validator=_at_least(1))
    waiting_per_host: int = field(default=64, validator=_at_least(0))
    waiting: int = field(default=1000, validator=_at_least(0))
    at_once: int = field(default=128, validator=_at_least(1))
    resolve: Resolve = field(default=system_resolver, repr=False)
    proxy: str | None = field(default=None, repr=redacted)
    allowed: Callable[[str], bool] | None = field(default=None, repr=False)
    clock: Now = field(default=monotonic_ms, repr=False)
    _proxy: Proxy | None = field(init=False)
    _check: AddressCheck = field(init=False, repr=False)
    _lookups: Lookups = field(init=False, repr=False)
    _places: Places = field(init=False, repr=False)
    _pool: Pool = field(init=False, repr=False)

    @_proxy.default
    def _proxy_of_url(self) -> Proxy | None:
        if self.proxy is not None and self.allowed is None:
            raise ConfigurationError(
                "proxy: needs the list of identity servers that users may name (policy.identity_servers), since the "
                "proxy looks names up, and addresses cannot be checked"
            )
        return proxy_at(self.proxy)

    @_check.default
    def _check_with(self) -> AddressCheck:
        try:
            return AddressCheck.of(self.allow_addresses, self.refuse_addresses)
        except ValueError as error:
            raise ConfigurationError(f"allow_addresses or refuse_addresses: {error}") from None

    @_lookups.default
    def _look_up_with(self) -> Lookups:
        return Lookups(self.resolve)

    @_places.default
    def _count_with(self) -> Places:
        return Places(self.waiting)

    @_pool.default
    def _keep_with(self) -> Pool:
        return Pool(KeepRule(per_address=self.per_host), self.clock)

    async def fetch(self, request: HttpRequest, deadline: int) -> HttpReply | HttpFailure:
        """Make one request.

        * ``deadline``: ms everything may take, the wait for a place included.
        """
        waiter = Waiter(request.caller, Deadline.in_ms(deadline))
        if request.port not in self.ports:
            return HttpFailure(Failure.BLOCKED, "port")
        if self.allowed is not None and not self.allowed(_name_of(request)):
            return HttpFailure(Failure.BLOCKED, "host")
        if self._proxy is not None and request.connect is not None:
            # The proxy looks the name up that it is given, and would connect to another server.
            return HttpFailure(Failure.BLOCKED, "a server that an SRV record names, behind a proxy")
        try:
            async with self._places.place(self._line("name", request.host), waiter) as place:
                addresses = await self._addresses(request, waiter)
                if isinstance(addresses, HttpFailure):
                    return evolve(addresses, waited=waiter.waited)
                return await self._at_one_of(addresses, request, place, waiter)
        except NoPlaceError as error:
            return HttpFailure(Failure.BUSY, str(error))

    def close(self) -> None:
        """Close the connections that are kept. It happens by itself when the process ends."""
        self._pool.close_idle()

    async def _addresses(self, request: HttpRequest, waiter: Waiter) -> Sequence[str] | HttpFailure:
        """Return the addresses that may be called: all that the name leads to, or none of them."""
        try:
            found = await self._look_up(request, waiter)
        except (OSError, ValueError) as error:
            return failure(error)
        # The operator has chosen the proxy, so its addresses are not checked.
        if self._proxy is None and any(map(self._check.denies, found)):
            return HttpFailure(Failure.BLOCKED)
        return self._pool.order(request.host, request.port, [plain_address(address) for address in found])

    async def _look_up(self, request: HttpRequest, waiter: Waiter) -> Sequence[str]:
        # A proxy looks the name of the host up itself.
        named = request.connect or request.host
        host, port = (named, request.port) if self._proxy is None else (self._proxy.host, self._proxy.port)
        if is_address(host):
            return [host]
        line = Line("look-ups", "", MOST, self.waiting)
        async with self._places.place(line, waiter) as place:
            # The look-up has its place until its thread is done: it goes on after the deadline, or when cancelled.
            around = partial(self._places.held, (place,))
            return await self._lookups.addresses(host, port, waiter.until, around)

    async def _at_one_of(
        self, addresses: Sequence[str], request: HttpRequest, name: Ticket, waiter: Waiter
    ) -> HttpReply | HttpFailure:
        """Call the first address that accepts a connection."""
        everything = Line("all", "", self.at_once, self.waiting)
        answer = HttpFailure(Failure.REFUSED, "the host has no address")
        for address in addresses:
            async with (
                # Behind a proxy all hosts have its address, and the line of the name is enough.
                self._places.place(
                    self._line("address", address if self._proxy is None else request.host), waiter
                ) as there,
                self._places.place(everything, waiter) as anywhere,
            ):
                work = partial(self._call, request, address, waiter, waiter.until.left_ms())
                try:
                    return await self.offload(partial(self._places.held, (name, there, anywhere), work))
                except NoConnectionError as error:
                    answer = error.reason
        return evolve(answer, waited=waiter.waited)

    def _call(self, request: HttpRequest, address: str, waiter: Waiter, left: int) -> HttpReply | HttpFailure:
        """Call one address, in a thread; ``left``: the ms that were left when a thread was asked for."""
        waiter.waited += left - waiter.until.left_ms()
        answer = self._client().call(request, address, waiter.until)
        if isinstance(answer, HttpFailure):
            return evolve(answer, waited=waiter.waited)
        return answer if answer.cut is None else evolve(answer, cut=evolve(answer.cut, waited=waiter.waited))

    def _client(self) -> AddressClient:
        from .calls import AddressClient, default_context
        from .exchange import Limits

        context: Any = self.context or default_context()
        return AddressClient(context, Limits(self.max_headers, self.max_body), self._pool, self._proxy)

    def _line(self, kind: str, key: str) -> Line:
        return Line(kind, key, self.per_host, self.waiting_per_host)


def _name_of(request: HttpRequest) -> str:
    host = f"[{request.host}]" if ":" in request.host else request.host
    return host if request.port == 443 else f"{host}:{request.port}"
