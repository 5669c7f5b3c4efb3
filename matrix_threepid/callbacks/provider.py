"""``CallbackProvider``: what is declared of a provider that reports over HTTP, and what a request of it is to us."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from attrs import field, frozen

from ..model.keys import same
from ..protocol.wire import Request
from .report import Report

WINDOW = 5 * 60_000
"""The ms by which the time that a provider has signed may differ from ours."""


async def _charge_nothing() -> None:
    """Charge nothing."""


class Unreadable(Exception):
    """Raised for a body that is no report of its provider."""


@frozen(kw_only=True)
class Received:
    """A request that may come from a provider.

    * ``request``: the request.
    * ``url``: the URL at which the provider called, made from ``Policy.public_base_url`` and never from ``Host``.
    * ``now``: the time in ms of the wall clock.
    * ``call_out``: to be awaited before the request makes this server call another: charges that to the network of the
      client. Default: charges nothing. Raises ``LimitExceeded``.
    """

    request: Request
    url: str = field(repr=False)
    now: int
    call_out: Callable[[], Awaitable[None]] = field(default=_charge_nothing, repr=False)

    def header(self, name: str) -> str:
        """Return the value of a header; empty without it."""
        return self.request.headers.get(name, "")

    def json(self) -> Any:
        """Return the body read as JSON. Raises ``Unreadable``."""
        return read_json(self.request.body)

    def recent(self, at: int | None) -> bool:
        """Return whether a time in ms is within five minutes of now."""
        return at is not None and abs(self.now - at) <= WINDOW


@frozen
class Proof:
    """What a provider has proved.

    * ``once``: names the request, which is then believed once; default empty: it may come again, and does nothing.
    """

    once: str = field(default="", repr=False)


BELIEVED = Proof()
Prove = Callable[[Received], Awaitable[Proof | None]]
"""Returns what a request proves; ``None`` if it does not prove that the provider made it."""


@frozen(kw_only=True)
class CallbackProvider:
    """A provider that reports what became of messages.

    * ``name``: its name, lower-case letters and digits; also the step of the path at which it calls.
    * ``prove``: how a request proves that the provider made it.
    * ``read``: returns the reports in a request that was believed. Raises ``Unreadable``.
    * ``max_body``: the bytes that a body may have; default 65,536.
    * ``secret_step``: whether a further step of the path is a secret; default ``False``.
    """

    name: str
    prove: Prove = field(repr=False)
    read: Callable[[Received], Iterable[Report]] = field(repr=False)
    max_body: int = 65_536
    secret_step: bool = False


def read_json(raw: bytes | str) -> Any:
    """Return a JSON text as values. Raises ``Unreadable``."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise Unreadable from None


def fits(expected: str, given: object) -> bool:
    """Return whether a secret that was given is the expected one, compared in constant time."""
    return isinstance(given, str) and same(expected, given)
