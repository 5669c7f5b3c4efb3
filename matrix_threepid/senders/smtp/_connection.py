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
import time
from functools import cache

from ...model.message import Accepted, Outcome, RefusedForever, Unknown
from ...net.deadline import Deadline
from ...net.sockets import connected
from ._lines import Lines
from ._oauth import log_in_by_token
from ._outcomes import LoginRefused, SmtpRefused, expect, outcome_of, reason, refuse, stuffed
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

    ``mails`` is how many mails the server has taken over it, ``made_at`` the time (s) it was made.

    Its methods raise ``OSError`` or ``ValueError`` if the connection is lost or the deadline has passed.
    """

    file: Lines | None

    def __init__(self, server: Server, name: str, deadline: Deadline) -> None:
        super().__init__(local_hostname=name)
        self._server = server
        self.mails, self.made_at = 0, time.monotonic()
        self.renew(deadline)

    def renew(self, deadline: Deadline) -> None:
        """Set the deadline of another mail, and allow the server ``MAX_ANSWERS`` bytes again."""
        self._deadline, self._allowance = deadline, MAX_ANSWERS

    def begin(self, address: str) -> None:
        """Connect to an address of the server or of its proxy, secure, greet and log in.

        Raises ``SmtpRefused`` as well; no mail was sent then.
        """
        # Not `smtplib.SMTP.connect`, which sets a timeout for each read only.
        self.sock = self._tunnelled(connected(address, self._server.endpoint[1], self._deadline.left()))
        if self._server.tls == "implicit":
            self._secure()
        expect(220, "the greeting", *self.getreply())
        self._greet()
        if self._server.tls == "starttls":
            self._start_tls()
        if self._server.username is not None:
            self._log_in(self._server.username)

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
        outcome = self._content(mail)
        self.mails += isinstance(outcome, Accepted)
        return outcome

    @property
    def quiet(self) -> bool:
        """Return whether nothing was received beyond the last reply; anything more would be read as the next one."""
        return self.file is not None and not self.file.pending

    # -- steps --------------------------------------------------------------------------------------

    def _greet(self) -> None:
        """Say EHLO; HELO to a server without extensions (https://www.rfc-editor.org/rfc/rfc5321#section-3.2).

        Not where TLS or a login is wanted, which are extensions: whoever is on the way could answer 502 to EHLO.
        """
        code, text = self.ehlo()
        plain = self._server.tls == "off" and self._server.username is None
        if not (500 <= code < 600 and plain and self.helo()[0] == 250):
            expect(250, "EHLO", code, text)

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

    def _log_in(self, username: str) -> None:
        try:
            if self._server.access_token is None:
                self.login(username, self._server.password or "")
            else:
                log_in_by_token(self, username, self._server.access_token)
        except smtplib.SMTPException as error:
            # For now, not for ever: a wrong password is no property of the recipient.
            raise LoginRefused(f"AUTH: {reason(error)}") from None

    def _envelope(self, mail: Mail) -> None:
        """Send MAIL, RCPT and DATA, up to the server's 354.

        Not by ``mail`` and ``rcpt`` of ``smtplib``, which parse addresses again and change some of them. In one write
        where the server allows that (https://www.rfc-editor.org/rfc/rfc2920): three answers in one round trip.
        """
        self.command_encoding = "utf-8" if mail.international else "ascii"
        extension = " SMTPUTF8" if mail.international else ""
        if mail.envelope_id is not None and self.has_extn("dsn"):
            # A report then names the message, and returns its headers only, without link and code
            # (https://www.rfc-editor.org/rfc/rfc3461#section-4.3).
            extension += f" RET=HDRS ENVID={mail.envelope_id}"
        sender, recipient = f"FROM:<{mail.sender}>{extension}", f"TO:<{mail.recipient}>"
        if self.has_extn("pipelining"):
            self.send(f"MAIL {sender}\r\nRCPT {recipient}\r\nDATA\r\n")
            expect(250, "MAIL", *self.getreply())
            expect(250, "RCPT", *self.getreply())
            expect(354, "DATA", *self.getreply())
            return
        expect(250, "MAIL", *self.docmd("MAIL", sender))
        expect(250, "RCPT", *self.docmd("RCPT", recipient))
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
