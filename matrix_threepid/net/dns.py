"""Names to addresses, once a request and never beyond its deadline."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from concurrent import futures
from ipaddress import ip_address
from threading import BoundedSemaphore, Thread

from attrs import field, frozen

from .deadline import Deadline

Resolve = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host; raises ``OSError`` if it has none."""
_MAX_WAITING = 32


def system_resolver(host: str, port: int) -> list[str]:
    """Return what the system's resolver knows."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


@frozen
class Lookups:
    """Looks names up in threads of their own: a resolver cannot be interrupted, only left alone."""

    resolve: Resolve
    _free: BoundedSemaphore = field(init=False, factory=lambda: BoundedSemaphore(_MAX_WAITING))

    def addresses(self, host: str, port: int, deadline: Deadline) -> Sequence[str]:
        """Return the addresses of a host. Raises ``OSError``, ``TimeoutError`` among them."""
        if _is_address(host):
            return [host]
        if not self._free.acquire(timeout=deadline.left()):
            raise TimeoutError
        found: futures.Future[Sequence[str]] = futures.Future()
        Thread(target=self._look_up, args=(found, host, port), daemon=True).start()
        try:
            return found.result(deadline.left())
        except futures.TimeoutError:
            raise TimeoutError from None

    def _look_up(self, found: futures.Future[Sequence[str]], host: str, port: int) -> None:
        try:
            found.set_result(self.resolve(host, port))
        except Exception as error:
            found.set_exception(error)
        finally:
            self._free.release()


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
