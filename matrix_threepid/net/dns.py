"""Names to addresses, once a request and never beyond its deadline."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import ip_address

from attrs import field, frozen

from ..threads import Threads, result_of
from .deadline import Deadline
from .timer import by

Resolve = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host; raises ``OSError`` if it has none."""
Around = Callable[[Callable[[], Sequence[str]]], Sequence[str]]
MOST = 32
"""Names that are looked up at the same time."""


def system_resolver(host: str, port: int) -> list[str]:
    """Return what the system's resolver knows."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _own_threads() -> Threads:
    return Threads(MOST)


@frozen
class Lookups:
    """Looks names up in threads of their own, also without an event loop: a resolver cannot be interrupted.

    * ``resolve``: looks one name up; it blocks.
    """

    resolve: Resolve
    _threads: Threads = field(init=False, factory=_own_threads)

    async def addresses(self, host: str, port: int, until: Deadline, around: Around | None = None) -> Sequence[str]:
        """Return the addresses of a host; for an address that address.

        * ``around``: is given the look-up and does it; it runs in the thread, which may go on after the deadline.

        Raises ``OSError``, which is ``TimeoutError`` at the deadline.
        """
        if is_address(host):
            return [host]
        work = partial(self.resolve, host, port)
        future = self._threads.start(work if around is None else partial(around, work))
        return await result_of(by(future, until))


def is_address(host: str) -> bool:
    """Return whether a host is given by its address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
