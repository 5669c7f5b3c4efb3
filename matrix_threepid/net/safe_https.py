"""``PinnedHttps``: HTTPS to hosts that users name, and to nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from ..offload import Offload
from ..protocol.errors import ConfigurationError
from ..threads import Threads
from .deadline import Deadline
from .denied_addresses import AddressCheck
from .dns import Lookups, Resolve, system_resolver
from .fetch import Failure, HttpFailure, HttpReply, HttpRequest
from .places import Places, Ticket

if TYPE_CHECKING:
    import ssl


def _verifies(_: object, __: object, context: ssl.SSLContext | None) -> None:
    if context is not None and not (context.check_hostname and context.verify_mode):
        raise ConfigurationError("context: must verify certificates and host names")


def _in_order(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _as_set(values: Iterable[int]) -> frozenset[int]:
    return frozenset(values)


def _own_threads(offload: Offload | None) -> Offload:
    # Calls that wait for a place wait in a thread: one slow host must not take all of them.
    return Threads(128) if offload is None else offload


def _at_least(least: int) -> Any:
    def check(_: object, attribute: Any, value: object) -> None:
        if type(value) is not int or value < least:
            raise ConfigurationError(f"{attribute.name}: must be a whole number from {least}")

    return check


@frozen(kw_only=True)
class PinnedHttps:
    """A ``Fetch``: a name is looked up once, every address checked, and the connection made to a checked one.

    No redirects, proxies or cookies; the certificate must be for the name; the deadline covers everything.
    Threads may share it. Raises ``ConfigurationError``.

    * ``offload``: runs the blocking exchange; by default at most 128 threads of its own.
    * ``allow_addresses``: networks to be let through although they are denied, such as ``10.1.0.0/16``.
    * ``ports``: those that may be called.
    * ``context``: what to trust, in place of the system's certificates.
    * ``max_headers``, ``max_body``: bytes that are read of an answer.
    * ``per_host``: calls at once to one host; 4 by default. Further calls wait in order of arrival.
    * ``waiting_per_host``: calls that may wait for one host; 64 by default. A further one is refused at once.
    * ``waiting``: calls that may wait for all hosts together; 1,000 by default.
    * ``resolve``: looks names up, in place of the system's resolver.
    """

    offload: Offload = field(default=None, converter=_own_threads, repr=False)
    allow_addresses: tuple[str, ...] = field(default=(), converter=_in_order)
    ports: frozenset[int] = field(default=(443,), converter=_as_set)
    context: ssl.SSLContext | None = field(default=None, validator=_verifies, repr=False)
    max_body: int = 65_536
    max_headers: int = 16_384
    per_host: int = field(default=4, validator=_at_least(1))
    waiting_per_host: int = field(default=64, validator=_at_least(0))
    waiting: int = field(default=1000, validator=_at_least(0))
    resolve: Resolve = field(default=system_resolver, repr=False)
    _check: AddressCheck = field(init=False, repr=False)
    _lookups: Lookups = field(init=False, repr=False)
    _places: Places = field(init=False, repr=False)

    @_check.default
    def _check_with(self) -> AddressCheck:
        try:
            return AddressCheck.allowing(self.allow_addresses)
        except ValueError as error:
            raise ConfigurationError(f"allow_addresses: {error}") from None

    @_lookups.default
    def _look_up_with(self) -> Lookups:
        return Lookups(self.resolve)

    @_places.default
    def _count_with(self) -> Places:
        return Places(self.per_host, self.waiting_per_host, self.waiting)

    async def fetch(self, request: HttpRequest, deadline: int) -> HttpReply | HttpFailure:
        """Make one request; ``deadline``: ms everything may take, the wait for a place at the host included."""
        until = Deadline.in_ms(deadline)
        if request.port not in self.ports:
            return HttpFailure(Failure.BLOCKED, "port")
        # In line before a thread is asked for: so the order is that of arrival, and a call too many takes no thread.
        ticket = self._places.join(request.host)
        if ticket is None:
            return HttpFailure(Failure.BUSY)
        try:
            return await self.offload(partial(self._fetch, request, ticket, until, deadline))
        finally:
            self._places.stop_waiting(ticket)  # its thread may never have been started

    def _fetch(self, request: HttpRequest, ticket: Ticket, until: Deadline, deadline: int) -> HttpReply | HttpFailure:
        from .exchange import failure

        try:
            if not self._places.wait(ticket, until):
                return HttpFailure(Failure.BUSY, "out of time")
            waited = deadline - until.left_ms()
            try:
                answer = self._exchange(request, until)
            except (OSError, ValueError) as error:
                answer = failure(error)
            return _after_waiting(waited, answer)
        finally:
            self._places.leave(ticket)

    def _exchange(self, request: HttpRequest, deadline: Deadline) -> HttpReply | HttpFailure:
        from .exchange import Exchange, default_context

        addresses = self._lookups.addresses(request.host, request.port, deadline)
        if any(map(self._check.denies, addresses)):
            return HttpFailure(Failure.BLOCKED)
        context: Any = self.context or default_context()
        return Exchange(context, self.max_headers, self.max_body).run(request, addresses, deadline)


def _after_waiting(ms: int, answer: HttpReply | HttpFailure) -> HttpReply | HttpFailure:
    """Return the answer; if it is a failure, it says how long the call had waited before the host was called."""
    if isinstance(answer, HttpFailure):
        return evolve(answer, waited=ms)
    return answer if answer.cut is None else evolve(answer, cut=evolve(answer.cut, waited=ms))
