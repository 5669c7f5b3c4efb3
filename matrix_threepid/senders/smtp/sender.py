"""``SmtpSender``: mails through a mail server, over verified TLS unless told otherwise."""

from __future__ import annotations

import time
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from ...model.message import Accepted, Outcome, RefusedForever, RefusedForNow, TokenMessage
from ...net.deadline import Deadline
from ...offload import Offload
from ...texts.catalogue import Texts
from ...threads import Threads
from .mail import Mail, Mails
from .server import Server

if TYPE_CHECKING:
    from ._connection import Connection

MAX_IDLE = 30.0
"""The s a connection is kept for the next mail."""
CHECK_DEADLINE = 10_000
"""The ms ``check`` may take."""


@define
class Kept:
    """At most one idle connection, for the thread that comes first."""

    _idle: tuple[Connection, float] | None = None
    _lock: Lock = field(factory=Lock)

    def take(self) -> Connection | None:
        """Return the idle connection, if it is fresh."""
        connection, since = self._swap(None)
        if connection is not None and time.monotonic() - since > MAX_IDLE:
            connection.close()
            return None
        return connection

    def put(self, connection: Connection) -> None:
        """Keep a connection, in place of the one kept so far."""
        former, _ = self._swap((connection, time.monotonic()))
        if former is not None:
            former.close()

    def _swap(self, idle: tuple[Connection, float] | None) -> tuple[Connection | None, float]:
        with self._lock:
            former, self._idle = self._idle, idle
        return former or (None, 0.0)


def _own_threads(offload: Offload | None) -> Offload:
    return Threads(16) if offload is None else offload


@frozen(eq=False)
class SmtpSender(Server):
    """A ``TokenSender`` for e-mail, given a ``Server``'s members and its own; threads may share it.

    * ``sender``: address, or ``Name <address>``; its domain is the name in EHLO.
    * ``server_name``: shown in mails.
    * ``offload``: runs the blocking exchange; by default 16 threads of its own, for so many mails at once.
    * ``texts``: words and layouts.

    The deadline of a message covers everything but the look-up of the host's name. Raises ``ConfigurationError``.
    """

    sender: str = field(kw_only=True)
    server_name: str = field(kw_only=True)
    offload: Offload = field(default=None, converter=_own_threads, kw_only=True, repr=False)
    texts: Texts | None = field(default=None, kw_only=True, repr=False)
    _mails: Mails = field(init=False, repr=False)
    _kept: Kept = field(init=False, repr=False, factory=Kept)

    @_mails.default
    def _compose_with(self) -> Mails:
        return Mails(self.sender, self.server_name, self.texts)

    async def send(self, message: TokenMessage) -> Outcome:
        """Send one mail. ``Accepted`` names its Message-ID."""
        return await self.offload(partial(self._send, message, Deadline.in_ms(message.deadline)))

    async def check(self) -> str | None:
        """Connect, secure, log in, leave; return ``None``, or what went wrong."""
        return await self.offload(partial(self._check, Deadline.in_ms(CHECK_DEADLINE)))

    def close(self) -> None:
        """Close the connection that is kept for the next mail."""
        connection = self._kept.take()
        if connection is not None:
            connection.close()

    def _send(self, message: TokenMessage, deadline: Deadline) -> Outcome:
        try:
            mail = self._mails.compose(message)
        except ValueError as error:
            return RefusedForever(str(error))
        return self._send_kept(mail, deadline) or self._send_new(mail, deadline)

    def _send_kept(self, mail: Mail, deadline: Deadline) -> Outcome | None:
        """Send over the kept connection; ``None`` if there is none, or it is dead."""
        connection = self._kept.take()
        if connection is None:
            return None
        connection.renew(deadline)
        try:
            return self._deliver(connection, mail)
        except (OSError, ValueError):
            return None

    def _send_new(self, mail: Mail, deadline: Deadline) -> Outcome:
        from ._outcomes import reason

        try:
            return self._deliver(self._connect(deadline), mail)
        except (OSError, ValueError) as error:
            return RefusedForNow(reason(error))

    def _deliver(self, connection: Connection, mail: Mail) -> Outcome:
        outcome: Outcome | None = None
        try:
            outcome = connection.deliver(mail)
        finally:
            keep = isinstance(outcome, Accepted) and connection.quiet
            self._kept.put(connection) if keep else connection.close()
        return outcome

    def _connect(self, deadline: Deadline) -> Connection:
        from ._connection import Connection

        connection = Connection(self, self._mails.domain, deadline)
        try:
            connection.begin()
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, deadline: Deadline) -> str | None:
        from ._outcomes import reason

        try:
            with self._connect(deadline):
                return None
        except (OSError, ValueError) as error:
            return reason(error)
