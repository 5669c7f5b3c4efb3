"""The ports of a host that lets administrators act: who they are, and where it is written down before it is done."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from ..events import Event
from ..protocol.wire import Request


class Authorisation(Protocol):
    """The host's check of administrators, for the endpoints of ``administration_table``."""

    def administrator(self, request: Request) -> Awaitable[str | None]:
        """Return the name of the administrator who makes a request, for the audit; ``None`` for everybody else.

        ``None`` is answered with ``M_FORBIDDEN``. Raises ``MissingToken`` or ``UnknownToken`` where clients expect it.

        * ``request``: the request, without its cookies: a browser sends them with the requests of any site.
        """


class AuditLog(Protocol):
    """Where events are written down durably; ``SqlAudit`` is one."""

    def record(self, event: Event) -> Awaitable[None]:
        """Store an event; it is stored once this returns. Raises ``Unavailable``, and then nothing is done."""
