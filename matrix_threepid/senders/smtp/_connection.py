"""One connection to a mail server: ``smtplib`` under one deadline, with verdicts in place of exceptions.

Imported when the first mail is sent: ``smtplib`` and ``ssl`` are heavy.
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
from ._outcomes import SmtpRefused, expect, reason, refuse, stuffed, verdict
from .mail import Mail
from .server import Server

MAX_ANSWERS = 262_144
"""The bytes a server may answer to one mail."""


@cache
def default_context() -> ssl.SSLContext:
    """Return the context that verifies certificates and host names; made once."""
    return ssl.create_default_context()


class Connection(smtplib.SMTP):
    """A connection. ``name``: what it calls itself in EHLO. It raises ``OSError`` or ``ValueError`` when it is lost."""

    file: Lines | None

    def __init__(self, server: Server, name: str, deadline: Deadline) -> None:
        super().__init__(local_hostname=name)
        self._server = server
        self.renew(deadline)

    def renew(self, deadline: Deadline) -> None:
        """Set another deadline, and give the server another allowance of answers."""
        self._deadline, self._allowance = deadline, MAX_ANSWERS

    def begin(self) -> None:
        """Connect, secure, greet, log in. Raises ``Refused`` as well; nothing was sent then."""
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
        """Hand one mail over. What it raises it raises before the mail was handed over in full."""
        if mail.international and not self.has_extn("smtputf8"):
            return RefusedForever("the mail server has no SMTPUTF8 for an address that is not ASCII")
        try:
            self._envelope(mail)
        except SmtpRefused as refused:
            if refused.closing:
                raise
            return refused.outcome
        return self._content(mail)

    @property
    def quiet(self) -> bool:
        """Whether the server has said nothing that was not asked for."""
        return self.file is not None and not self.file.pending

    # -- steps --------------------------------------------------------------------------------------

    def _dial(self) -> socket.socket:
        """Connect to the first address that answers, all of them under the one deadline."""
        host, port = self._server.address
        failure = OSError(errno.EHOSTUNREACH, "the host has no address")
        for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            try:
                return connected(str(address[0]), port, self._deadline.left())
            except OSError as error:  # noqa: PERF203  an address that fails is slow anyway
                failure = error
        raise failure

    def _secure(self) -> None:
        """Go on under TLS; what came before it is not believed."""
        context = self._server.context or default_context()
        self.sock = context.wrap_socket(self._ready(), server_hostname=self._server.host)
        self.file = None
        self.esmtp_features = {}

    def _start_tls(self) -> None:
        if not self.has_extn("starttls"):
            raise refuse("STARTTLS is not offered")
        expect(220, "STARTTLS", *self.docmd("STARTTLS"))
        if not self.quiet:
            raise refuse("the server sent something between STARTTLS and TLS")
        self._secure()
        expect(250, "EHLO", *self.ehlo())

    def _log_in(self, username: str, password: str) -> None:
        try:
            self.login(username, password)
        except smtplib.SMTPException as error:
            raise refuse(f"AUTH: {reason(error)}") from None

    def _envelope(self, mail: Mail) -> None:
        """Announce a mail, up to the server's word to go on. ``smtplib``'s own commands would parse addresses again."""
        self.command_encoding = "utf-8" if mail.international else "ascii"
        extension = " SMTPUTF8" if mail.international else ""
        expect(250, "MAIL", *self.docmd("MAIL", f"FROM:<{mail.sender}>{extension}"))
        expect(250, "RCPT", *self.docmd("RCPT", f"TO:<{mail.recipient}>"))
        expect(354, "DATA", *self.docmd("DATA"))

    def _content(self, mail: Mail) -> Outcome:
        """Send the mail and its final dot in one piece; from then on nobody can take it back."""
        self.send(stuffed(mail.content))
        try:
            code, text = self.getreply()
        except (OSError, ValueError) as error:
            return Unknown(f"no answer to the mail: {reason(error)}")
        if 200 <= code < 300:
            return Accepted(mail.message_id)
        return (
            verdict("the mail", code, text) if 400 <= code < 600 else Unknown("the answer to the mail makes no sense")
        )

    # -- what smtplib reads and writes with ---------------------------------------------------------

    def send(self, s: bytes | str) -> None:  # type: ignore[override]
        """Send all of it before the deadline."""
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
        """Return the socket, told to give up when the deadline comes."""
        if self.sock is None:
            raise OSError(errno.ENOTCONN, "the connection is closed")
        self.sock.settimeout(self._deadline.left())
        return self.sock
