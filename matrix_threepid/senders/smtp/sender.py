"""``SmtpSender``: sends mails through a mail server, over verified TLS by default (SEC-51)."""

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
"""The s that a connection is kept for the next mail, less than the minutes after which servers close it."""
CHECK_DEADLINE = 10_000
"""The ms that ``check`` may take."""


@define
class IdleConnection:
    """Keeps one connection for the next mail, if there is one; threads may share it.

    One is enough: it saves the handshakes in a row of mails, and mails at once open connections of their own.
    """

    _idle: tuple[Connection, float] | None = None
    _lock: Lock = field(factory=Lock)

    def take(self) -> Connection | None:
        """Return the connection and keep it no longer; ``None`` if there is none, or it has been idle for too long."""
        connection, since = self._swap(None)
        if connection is not None and time.monotonic() - since > MAX_IDLE:
            connection.close()
            return None
        return connection

    def put(self, connection: Connection) -> None:
        """Keep a connection, and close the one that was kept before."""
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
    """A ``TokenSender`` for e-mail; threads may share it.

    * ``host``, ``port``, ``tls``, ``username``, ``password``, ``context``, ``proxy``: as for ``Server``.
    * ``sender``: ``noreply@example.org`` or ``Example <noreply@example.org>``; its domain is the name in EHLO.
    * ``server_name``: the name of the server as mails show it.
    * ``offload``: runs the blocking exchange away from the event loop; ``None`` makes ``Threads(16)``: 16 mails at
      once.
    * ``texts``: sentences and layouts; the built-in ones by default.

    The deadline of a message covers everything but the look-up of the host's name. Raises ``ConfigurationError`` for
    values that could never work, or never safely.

    >>> SmtpSender("mail.example.org", sender="noreply@example.org", server_name="example.org").address
    ('mail.example.org', 587)
    """

    sender: str = field(kw_only=True)
    server_name: str = field(kw_only=True)
    offload: Offload = field(default=None, converter=_own_threads, kw_only=True, repr=False)
    texts: Texts | None = field(default=None, kw_only=True, repr=False)
    _mails: Mails = field(init=False, repr=False)
    _idle: IdleConnection = field(init=False, repr=False, factory=IdleConnection)

    @_mails.default
    def _compose_with(self) -> Mails:
        return Mails(self.sender, self.server_name, self.texts)

    async def send(self, message: TokenMessage) -> Outcome:
        """Send one mail; the ``provider_id`` of ``Accepted`` is its Message-ID."""
        # The deadline starts here, so that waiting for a thread counts.
        return await self.offload(partial(self._send, message, Deadline.in_ms(message.deadline)))

    async def check(self) -> str | None:
        """Connect, secure, log in and leave; return ``None`` if that worked, else the reason it did not."""
        return await self.offload(partial(self._check, Deadline.in_ms(CHECK_DEADLINE)))

    def close(self) -> None:
        """Close the connection that is kept for the next mail."""
        connection = self._idle.take()
        if connection is not None:
            connection.close()

    def _send(self, message: TokenMessage, deadline: Deadline) -> Outcome:
        try:
            mail = self._mails.compose(message)
        except ValueError as error:
            return RefusedForever(str(error))
        return self._send_idle(mail, deadline) or self._send_new(mail, deadline)

    def _send_idle(self, mail: Mail, deadline: Deadline) -> Outcome | None:
        """Send over the connection that was kept; ``None`` if there is none, or it no longer works."""
        connection = self._idle.take()
        if connection is None:
            return None
        connection.renew(deadline)
        try:
            return self._deliver(connection, mail)
        except (OSError, ValueError):
            # Servers close idle connections, and that shows only now. `deliver` raises before the mail was handed over,
            # so sending it again over a new connection does not send it twice.
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
            # After a refusal the connection may be in the middle of a mail, and bytes that were not asked for would be
            # read as the answer to the next mail.
            keep = isinstance(outcome, Accepted) and connection.quiet
            self._idle.put(connection) if keep else connection.close()
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
