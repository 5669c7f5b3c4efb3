"""Settings of the mail server that mails are handed to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from ..offload import Offload
from ..protocol.members import documented, member
from ..protocol.rules import HOST, Flag, Integer, OneOf
from ..texts.catalogue import Texts
from .identity import trusting
from .rules import ADDRESS, PORT, PROXY, TEXT

if TYPE_CHECKING:
    from ..senders.smtp.sender import SmtpSender

PROXY_DOC = "an HTTP proxy that connects to it, `http://host:port`; none if left out"
CA_FILE_DOC = "file of the only authorities that are trusted; the system's if left out"


@documented
@frozen(kw_only=True)
class SmtpSettings:
    """The mail server that mails are handed to."""

    host: str = member(HOST, doc="name or address of the mail server")
    port: int | None = member(PORT, None, doc="its port; if left out, that of `tls`, or 25")
    starttls: bool = member(Flag(), True, doc="whether STARTTLS is required, where `tls` is left out")
    tls: Literal["starttls", "implicit", "off"] | None = member(
        OneOf("starttls", "implicit", "off"),
        None,
        doc="STARTTLS (port 587), TLS from the start (port 465), or none (port 25); counts before `starttls`",
    )
    username: str | None = member(TEXT, None, doc="the user to log in as; nobody if left out")
    password: str | None = member(TEXT, None, secret=True, doc="the password of that user")
    access_token_file: str | None = member(
        TEXT, None, doc="in place of `password`: file of an OAuth 2.0 access token for XOAUTH2, read at each login"
    )
    connections: int = member(
        Integer(1, 256), 16, doc="mails that are sent at once, and connections that are kept for the next ones"
    )
    mails_per_connection: int = member(Integer(1, 10_000), 50, doc="mails that go over one connection")
    mailbox: str = member(ADDRESS, key="from", doc="the mailbox that mails are from")
    return_path: str | None = member(
        ADDRESS,
        None,
        doc="the mailbox to which mail servers report what they could not deliver, such as `bounces@example.org`; the "
        "id of the message is put in behind a plus sign. That of `from` if left out",
    )
    ca_file: str | None = member(TEXT, None, doc=CA_FILE_DOC)
    proxy: str | None = member(PROXY, None, secret=True, doc=PROXY_DOC)

    def sender(self, server_name: str, offload: Offload | None = None, texts: Texts | None = None) -> SmtpSender:
        """Return the way to mailboxes; ``texts``: the wordings, by default the built-in ones.

        Raises ``ConfigurationError``.
        """
        from ..senders.smtp.sender import SmtpSender

        return SmtpSender(
            self.host,
            self.port or (None if self.tls else 25),
            sender=self.mailbox,
            server_name=server_name,
            tls=self.tls or ("starttls" if self.starttls else "off"),
            username=self.username,
            password=self.password,
            context=trusting(self.ca_file, "smtp.ca_file"),
            proxy=self.proxy,
            access_token=None if self.access_token_file is None else _TokenFile(Path(self.access_token_file)),
            connections=self.connections,
            mails_per_connection=self.mails_per_connection,
            return_path=self.return_path,
            offload=offload,
            texts=texts,
        )


@frozen
class _TokenFile:
    """Reads an access token whenever one is needed, since another program renews the file."""

    path: Path

    def __call__(self) -> str:
        return self.path.read_text(encoding="utf-8").strip()
