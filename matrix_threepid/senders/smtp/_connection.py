"""One connection to a mail server: ``smtplib`` under one deadline, with outcomes in place of exceptions.

The protocol is SMTP (https://www.rfc-editor.org/rfc/rfc5321). ``smtplib`` has a timeout for each read only, so a server
that sends a byte from time to time holds it for ever (SEC-35). Imported when the first mail is sent, because
``smtplib`` and ``ssl`` are slow to import.
"""

from __future__ import annotations

import errno
import smtplib
import socket
import ssl
from functools import cache

from ...model.message import Accepted, Outcome, RefusedForever, Unknown
from ...net.deadline import Deadline
from ...net.sockets import connected
from ._lines import Lines
from ._outcomes import SmtpRefused, expect, outcome_of, reason, refuse, stuffed
from .mail import Mail
from .server import Server

MAX_ANSWERS = 262_144
"""The bytes that a server may answer to one mail; ``smtplib`` itself bounds a line but not the number of lines."""


@cache
def default_context() -> ssl.SSLContext:
    """Return the context that verifies certificates and host names.

    Made once, because reading the system's certificates takes tens of ms.
    """
    return ssl.create_default_context()


class Connection(smtplib.SMTP):
    """A connection to a mail server.

    * ``server``: where to connect, and how.
    * ``name``: the domain in EHLO.
    * ``deadline``: until when everything has to be done.

    Its methods raise ``OSError`` or ``ValueError`` if the connection is lost or the deadline has passed.
    """

    file: Lines | None

    def __init__(self, server: Server, name: str, deadline: Deadline) -> None:
        super().__init__(local_hostname=name)
        self._server = server
        self.renew(deadline)

    def renew(self, deadline: Deadline) -> None:
        """Set the deadline of another mail, and allow the server ``MAX_ANSWERS`` bytes again."""
        self._deadline, self._allowance = deadline, MAX_ANSWERS

    def begin(self) -> None:
        """Connect, secure, greet and log in. Raises ``SmtpRefused`` as well; no mail was sent then."""
        # Not `smtplib.SMTP.connect`, which sets a timeout for each address and read only.
        self.sock = self._dial()
        if self._server.tls == "implicit":
            self._secure()
        expect(220, "the greeting", *self.getreply())
        expect(250, "EHLO", *self.ehlo())
        if self._server.tls == "starttls":
            self._start_tls()
        if self._server.username is not None:
            self._log_in(self._server.username, self._server.password or "")

    def deliver(self, mail: Mail) -> Outcome:
        """Hand one mail over and return its outcome.

        What this raises it raises before the final dot was sent, so the mail was not taken and may be sent again.
        """
        # Without SMTPUTF8 a server cannot take such an address (https://www.rfc-editor.org/rfc/rfc6531).
        if mail.international and not self.has_extn("smtputf8"):
            return RefusedForever("the mail server has no SMTPUTF8 for an address that is not ASCII")
        try:
            self._envelope(mail)
        except SmtpRefused as refused:
            # The connection ends, but a new one may get the mail through: `SmtpSender` tries that.
            if refused.closing:
                raise
            return refused.outcome
        return self._content(mail)

    @property
    def quiet(self) -> bool:
        """Return whether nothing was received beyond the last reply; anything more would be read as the next one."""
        return self.file is not None and not self.file.pending

    # -- steps --------------------------------------------------------------------------------------

    def _dial(self) -> socket.socket:
        """Connect to the first address that answers; the deadline covers all of them."""
        tunnel = self._server.tunnel
        host, port = self._server.address if tunnel is None else (tunnel.host, tunnel.port)
        failure = OSError(errno.EHOSTUNREACH, "the host has no address")
        for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            try:
                made = connected(str(address[0]), port, self._deadline.left())
            except OSError as error:  # noqa: PERF203  connecting is far slower than `try`
                failure = error
            else:
                return self._tunnelled(made)
        raise failure

    def _tunnelled(self, made: socket.socket) -> socket.socket:
        """Return a connection to the mail server, made by the proxy if there is one."""
        tunnel = self._server.tunnel
        if tunnel is not None:
            try:
                tunnel.through(made, *self._server.address, self._deadline)
            except BaseException:
                made.close()
                raise
        return made

    def _secure(self) -> None:
        """Start TLS, and forget what the server has said before it.

        What came in the open may have been written by anyone on the way, so it must not count under TLS
        (https://www.rfc-editor.org/rfc/rfc3207#section-4.2).
        """
        context = self._server.context or default_context()
        self.sock = context.wrap_socket(self._ready(), server_hostname=self._server.host)
        self.file = None
        self.esmtp_features = {}

    def _start_tls(self) -> None:
        # Never without TLS instead: whoever is on the way could remove the offer from the answer (SEC-51).
        if not self.has_extn("starttls"):
            raise refuse("STARTTLS is not offered")
        expect(220, "STARTTLS", *self.docmd("STARTTLS"))
        # A reply that follows in the open would be taken for the first one under TLS: a known way to inject answers.
        if not self.quiet:
            raise refuse("the server sent something between STARTTLS and TLS")
        self._secure()
        expect(250, "EHLO", *self.ehlo())

    def _log_in(self, username: str, password: str) -> None:
        try:
            self.login(username, password)
        except smtplib.SMTPException as error:
            # For now, not for ever: a wrong password is no property of the recipient.
            raise refuse(f"AUTH: {reason(error)}") from None

    def _envelope(self, mail: Mail) -> None:
        """Send MAIL, RCPT and DATA, up to the server's 354.

        By ``docmd``, because ``mail`` and ``rcpt`` of ``smtplib`` parse addresses again and change some of them.
        """
        self.command_encoding = "utf-8" if mail.international else "ascii"
        extension = " SMTPUTF8" if mail.international else ""
        expect(250, "MAIL", *self.docmd("MAIL", f"FROM:<{mail.sender}>{extension}"))
        expect(250, "RCPT", *self.docmd("RCPT", f"TO:<{mail.recipient}>"))
        expect(354, "DATA", *self.docmd("DATA"))

    def _content(self, mail: Mail) -> Outcome:
        """Send the mail and its final dot, and return the outcome by the server's answer.

        In one piece: the dot in a write of its own waits for a delayed acknowledgement, 40 ms.
        """
        self.send(stuffed(mail.content))
        try:
            code, text = self.getreply()
        except (OSError, ValueError) as error:
            # The server may have taken the mail before the connection broke (https://www.rfc-editor.org/rfc/rfc1047).
            return Unknown(f"no answer to the mail: {reason(error)}")
        if 200 <= code < 300:
            return Accepted(mail.message_id)
        if 400 <= code < 600:
            return outcome_of("the mail", code, text)
        return Unknown("the answer to the mail makes no sense")

    # -- the methods by which smtplib reads and writes ---------------------------------------------

    def send(self, s: bytes | str) -> None:  # type: ignore[override]
        """Send all bytes before the deadline; a text in the encoding of commands."""
        # Not `sendall`, whose timeout starts anew with every piece that the server takes.
        rest = memoryview(s.encode(self.command_encoding) if isinstance(s, str) else s)
        while rest:
            rest = rest[self._ready().send(rest) :]

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply before the deadline."""
        if self.file is None:
            self.file = Lines(self._receive)
        return super().getreply()

    def _receive(self) -> bytes:
        received = self._ready().recv(8192)
        self._allowance -= len(received)
        if self._allowance < 0:
            raise OSError(errno.EMSGSIZE, "the server talks too much")
        return received

    def _ready(self) -> socket.socket:
        """Return the socket with a timeout that ends at the deadline."""
        if self.sock is None:
            raise OSError(errno.ENOTCONN, "the connection is closed")
        self.sock.settimeout(self._deadline.left())
        return self.sock
