"""``PinnedHttps``: HTTPS to hosts that users name, and to nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from ..deadline import Deadline
from ..drive import Offload
from ..protocol.errors import ConfigurationError
from ..threads import Threads
from .addresses import AddressCheck
from .http import Failure, HttpFailure, HttpReply, HttpRequest
from .lookup import Lookups, Resolve, system_resolver

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
    return Threads(32) if offload is None else offload


@define
class Slots:
    """Counts the calls under way to each host."""

    _most: int
    _busy: Counter[str] = field(factory=Counter)
    _lock: Lock = field(factory=Lock)

    @contextmanager
    def one(self, host: str) -> Iterator[bool]:
        """Take a slot; say whether one was free."""
        with self._lock:
            free = self._busy[host] < self._most
            self._busy[host] += free
        try:
            yield free
        finally:
            with self._lock:
                self._busy[host] -= free
                self._busy += Counter()  # drops hosts without calls


@frozen(kw_only=True)
class PinnedHttps:
    """A ``Fetch``: a name is looked up once, every address checked, and the connection made to a checked one.

    No redirects, proxies or cookies; the certificate must be for the name; the deadline covers everything.
    Threads may share it. Raises ``ConfigurationError``.

    * ``offload``: runs the blocking exchange; by default 32 threads of its own, for so many calls at once.
    * ``allow_addresses``: networks to be let through although they are denied, such as ``10.1.0.0/16``.
    * ``ports``: those that may be called.
    * ``context``: what to trust, in place of the system's certificates.
    * ``max_headers``, ``max_body``: bytes that are read of an answer.
    * ``per_host``: calls at once to one host; one more fails at once.
    * ``resolve``: looks names up, in place of the system's resolver.
    """

    offload: Offload = field(default=None, converter=_own_threads, repr=False)
    allow_addresses: tuple[str, ...] = field(default=(), converter=_in_order)
    ports: frozenset[int] = field(default=(443,), converter=_as_set)
    context: ssl.SSLContext | None = field(default=None, validator=_verifies, repr=False)
    max_body: int = 65_536
    max_headers: int = 16_384
    per_host: int = 4
    resolve: Resolve = field(default=system_resolver, repr=False)
    _check: AddressCheck = field(init=False, repr=False)
    _lookups: Lookups = field(init=False, repr=False)
    _slots: Slots = field(init=False, repr=False)

    @_check.default
    def _check_with(self) -> AddressCheck:
        try:
            return AddressCheck.allowing(self.allow_addresses)
        except ValueError as error:
            raise ConfigurationError(f"allow_addresses: {error}") from None

    @_lookups.default
    def _look_up_with(self) -> Lookups:
        return Lookups(self.resolve)

    @_slots.default
    def _count_with(self) -> Slots:
        return Slots(self.per_host)

    async def fetch(self, request: HttpRequest, deadline: int) -> HttpReply | HttpFailure:
        """Make one request; ``deadline``: ms everything may take."""
        return await self.offload(partial(self._fetch, request, Deadline.in_ms(deadline)))

    def _fetch(self, request: HttpRequest, deadline: Deadline) -> HttpReply | HttpFailure:
        from .exchange import failure

        if request.port not in self.ports:
            return HttpFailure(Failure.BLOCKED, "port")
        with self._slots.one(request.host) as free:
            if not free:
                return HttpFailure(Failure.BUSY)
            try:
                return self._exchange(request, deadline)
            except (OSError, ValueError) as error:
                return failure(error)

    def _exchange(self, request: HttpRequest, deadline: Deadline) -> HttpReply | HttpFailure:
        from .exchange import Exchange, default_context

        addresses = self._lookups.addresses(request.host, request.port, deadline)
        if any(map(self._check.denies, addresses)):
            return HttpFailure(Failure.BLOCKED)
        context: Any = self.context or default_context()
        return Exchange(context, self.max_headers, self.max_body).run(request, addresses, deadline)
