"""``SmtpSender``: sends mails through a mail server, over verified TLS by default (SEC-51)."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

from attrs import field, frozen

from ...model.message import Accepted, Outcome, RefusedForever, RefusedForNow, TokenMessage
from ...net.deadline import Deadline
from ...offload import Offload
from ...protocol.errors import ConfigurationError
from ...protocol.rules import Integer
from ...protocol.wiring import demand
from ...texts.catalogue import Texts
from ...texts.failure import CannotRender
from ...threads import Threads
from ._kept import KeptConnections
from .mail import Mail, Mails
from .server import Server

if TYPE_CHECKING:
    from ...net.dns import Lookups
    from ._connection import Connection

_log = logging.getLogger("matrix_threepid")
AT_ONCE = 16
"""The mails that are sent at once, and the connections that are kept, unless the host says otherwise."""
MAX_ADDRESSES = 8
"""The addresses of a mail server that are tried for one mail."""
CHECK_DEADLINE = 10_000
"""The ms that ``check`` may take."""


def _counted(name: str, rule: Integer, value: int) -> int:
    if type(value) is not int or not rule.accepts(value):
        raise ConfigurationError(f"{name}: {rule.words}")
    return value


def _connections(value: int) -> int:
    return _counted("connections", Integer(1, 256), value)


def _mails_per_connection(value: int) -> int:
    return _counted("mails_per_connection", Integer(1, 10_000), value)


@frozen
class _Unsent:
    """A mail that was not sent.

    * ``mail``: the mail.
    * ``tried``: whether a connection that was kept did not take it.
    """

    mail: Mail
    tried: bool


@cache
def _lookups() -> Lookups:
    """Return what looks up the names of mail servers, for all senders: its threads are bounded."""
    from ...net.dns import Lookups, system_resolver

    return Lookups(system_resolver)


@frozen(eq=False)
class SmtpSender(Server):
    """A ``TokenSender`` for e-mail; threads may share it.

    * ``host``, ``port``, ``tls``, ``username``, ``password``, ``access_token``, ``context``, ``proxy``: as for
      ``Server``.
    * ``sender``: ``noreply@example.org`` or ``Example <noreply@example.org>``; its domain is the name in EHLO.
    * ``server_name``: the name of the server as mails show it.
    * ``connections``: how many connections are kept for the next mails, and without an ``offload`` of the host's how
      many mails are sent at once; default 16.
    * ``mails_per_connection``: how many mails go over one connection; default 50, since many servers have a bound.
    * ``offload``: runs the blocking exchange away from the event loop; ``None`` makes ``Threads(connections)``, so that
      mails never wait for other work, nor other work for mails.
    * ``texts``: sentences and layouts; the built-in ones by default.
    * ``return_path``: the mailbox to which mail servers report what they could not deliver, such as
      ``bounces@example.org``; each mail has it with the id of its message, ``bounces+ID@example.org``. ``None``
      (default) for the address of ``sender``.

    The deadline of a message covers everything. The addresses of the server share it, and the one that worked last is
    tried first. A connection that was kept and refuses a mail for now is replaced by a new one, once. Raises
    ``ConfigurationError`` for values that could never work, or never safely.

    >>> SmtpSender("mail.example.org", sender="noreply@example.org", server_name="example.org").address
    ('mail.example.org', 587)
    """

    sender: str = field(kw_only=True)
    server_name: str = field(kw_only=True)
    connections: int = field(default=AT_ONCE, kw_only=True, converter=_connections)
    mails_per_connection: int = field(default=50, kw_only=True, converter=_mails_per_connection)
    offload: Offload | None = field(default=None, kw_only=True, repr=False)
    texts: Texts | None = field(default=None, kw_only=True, repr=False)
    return_path: str | None = field(default=None, kw_only=True, repr=False)
    _mails: Mails = field(init=False, repr=False)
    _kept: KeptConnections = field(init=False, repr=False)
    _offload: Offload = field(init=False, repr=False)
    _worked: list[str] = field(init=False, repr=False, factory=list)
    """The address of the server that worked last, if any did."""

    @_mails.default
    def _compose_with(self) -> Mails:
        return Mails(self.sender, self.server_name, self.texts, self.return_path)

    @_kept.default
    def _keep_with(self) -> KeptConnections:
        return KeptConnections(self.connections)

    @_offload.default
    def _send_in(self) -> Offload:
        demand("offload", self.offload, lambda given: given is None or callable(given), "must be Threads(…) or None")
        return self.offload or Threads(self.connections)

    async def send(self, message: TokenMessage) -> Outcome:
        """Send one mail; the ``provider_id`` of ``Accepted`` is its Message-ID."""
        # The deadline starts here, so that waiting for a thread counts.
        deadline = Deadline.in_ms(message.deadline)
        sent = await self._offload(partial(self._send_first, message, deadline))
        if not isinstance(sent, _Unsent):
            return sent
        addresses = await self._addresses(deadline)
        return await self._offload(partial(self._send_then, sent, addresses, deadline))

    async def check(self) -> str | None:
        """Connect, secure, log in and leave; return ``None`` if that worked, else the reason it did not."""
        deadline = Deadline.in_ms(CHECK_DEADLINE)
        return await self._offload(partial(self._check, await self._addresses(deadline), deadline))

    def close(self) -> None:
        """Close the connections that are kept for the next mails. It happens by itself when the process ends."""
        self._kept.close()

    async def _addresses(self, deadline: Deadline) -> Sequence[str] | OSError | ValueError:
        """Return the addresses of the server, the one that worked last first; or why it has none."""
        try:
            found = await _lookups().addresses(*self.endpoint, deadline)
        except (OSError, ValueError) as error:
            return error
        return sorted(dict.fromkeys(found), key=lambda address: address not in self._worked)[:MAX_ADDRESSES]

    def _send_first(self, message: TokenMessage, deadline: Deadline) -> Outcome | _Unsent:
        """Send over a connection that was kept, if there is one that takes the mail."""
        try:
            mail = self._mails.compose(message)
        except ValueError as error:
            return RefusedForever(str(error))
        except CannotRender as error:
            # The operator's slip and not the reader's, so the message is kept and sent once the layout is mended.
            _log.error("a mail could not be rendered: %s", error)
            return RefusedForNow("a layout of this host cannot be rendered")
        return self._send_kept(mail, deadline)

    def _send_kept(self, mail: Mail, deadline: Deadline) -> Outcome | _Unsent:
        connection = self._kept.take()
        if connection is None:
            return _Unsent(mail, tried=False)
        connection.renew(deadline)
        try:
            outcome = self._deliver(connection, mail)
        except (OSError, ValueError):
            # Servers close idle connections, and that shows only now. `deliver` raises before the mail was handed over,
            # so sending it again over a new connection does not send it twice.
            return _Unsent(mail, tried=True)
        # It may be the connection that was refused, which has had too many mails, and not this mail.
        return _Unsent(mail, tried=True) if isinstance(outcome, RefusedForNow) else outcome

    def _send_then(
        self, unsent: _Unsent, addresses: Sequence[str] | OSError | ValueError, deadline: Deadline
    ) -> Outcome:
        """Send over a connection that was kept meanwhile, by mails that were sent at the same time, or a new one."""
        from ._outcomes import SmtpRefused, reason

        if not unsent.tried and not isinstance(sent := self._send_kept(unsent.mail, deadline), _Unsent):
            return sent
        try:
            return self._deliver(self._connect(addresses, deadline), unsent.mail)
        except (OSError, ValueError) as error:
            refused = error.outcome if isinstance(error, SmtpRefused) else None
            return refused if isinstance(refused, RefusedForNow) else RefusedForNow(reason(error))

    def _deliver(self, connection: Connection, mail: Mail) -> Outcome:
        outcome: Outcome | None = None
        try:
            outcome = connection.deliver(mail)
        finally:
            # After a refusal the connection may be in the middle of a mail, and bytes that were not asked for would be
            # read as the answer to the next mail.
            clean = isinstance(outcome, Accepted) and connection.quiet
            keep = clean and connection.mails < self.mails_per_connection
            self._kept.put(connection) if keep else connection.close()
        return outcome

    def _connect(self, addresses: Sequence[str] | OSError | ValueError, deadline: Deadline) -> Connection:
        """Return a connection to the first address that works."""
        if isinstance(addresses, Exception):
            raise addresses
        failure: Exception = OSError(errno.EHOSTUNREACH, "the host has no address")
        for number, address in enumerate(addresses, 1):
            others = len(addresses) - number
            # Each address in turn gets a part of the time, and one part is for the mail itself: an address that
            # swallows what is sent to it does not use up the time of the others.
            part = Deadline(time.monotonic() + deadline.left() / (others + 2)) if others else deadline
            try:
                connection = self._begun(address, part)
            except (OSError, ValueError) as error:
                if not others or _is_final(error):
                    raise
                failure = error
            else:
                self._worked[:] = [address]
                connection.renew(deadline)
                return connection
        raise failure

    def _begun(self, address: str, deadline: Deadline) -> Connection:
        from ._connection import Connection

        connection = Connection(self, self._mails.domain, deadline)
        try:
            connection.begin(address)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, addresses: Sequence[str] | OSError | ValueError, deadline: Deadline) -> str | None:
        from ._outcomes import reason

        try:
            with self._connect(addresses, deadline):
                return None
        except (OSError, ValueError) as error:
            return reason(error)


def _is_final(error: Exception) -> bool:
    """Return whether trying another address of the server would be of no use, or do harm, as with a wrong password."""
    from ._outcomes import LoginRefused

    return isinstance(error, LoginRefused)
