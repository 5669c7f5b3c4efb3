"""From a message to a mail: its bytes and its envelope."""

from __future__ import annotations

import re
import secrets
import time

from attrs import field, frozen

from ...model.message import TokenMessage
from ...model.threepid import mask_field
from ...protocol.errors import ConfigurationError
from ...protocol.members import redacted
from ...texts.catalogue import Texts
from . import _mime
from .words import check_layouts, words_for

_ADDRESS = re.compile(r"[^\x00-\x20\x7f-\xa0\"(),:;<>@\[\\\]\u2028\u2029\ud800-\udfff]+@[A-Za-z0-9.-]+")
_SENDER = re.compile(r"(?:(?P<name>[^<>\"\\]*[^<>\"\\ ]) +<(?P<boxed>[^<>]+)>|(?P<bare>[^<> ]+))")
_MAX_OCTETS = 254


@frozen(kw_only=True)
class Mail:
    """One mail and its envelope; ``content`` has CRLF line ends and is not dot-stuffed."""

    sender: str
    recipient: str = mask_field()
    message_id: str
    content: bytes = field(repr=redacted)

    @property
    def international(self) -> bool:
        """Whether it needs SMTPUTF8 (RFC 6531) on its way: the recipient's local part is not ASCII."""
        return not self.recipient.isascii()


class Mails:
    """Composes the mails of a host.

    ``sender``: ``noreply@example.org`` or ``Example <noreply@example.org>``; its address is the envelope's as well,
    its domain ends the Message-ID. ``server_name``: shown in the mails. ``texts``: words and layouts.
    Raises ``ConfigurationError``.
    """

    def __init__(self, sender: str, server_name: str, texts: Texts | None = None) -> None:
        self._from, self.sender = _mailbox(sender)
        self.domain = self.sender.rpartition("@")[2]
        self._server_name = server_name
        self._texts = texts or Texts()
        check_layouts(self._texts)
        if _mime.without_controls(server_name) != server_name:
            raise ConfigurationError("server_name: has control characters")

    def compose(self, told: TokenMessage) -> Mail:
        """Return the mail for a message. Raises ``ValueError`` if its recipient is no address for a header."""
        if not _deliverable(told.recipient):
            raise ValueError("the recipient is no plain address")
        message_id = f"<{time.time_ns():x}.{secrets.token_hex(8)}@{self.domain}>"
        words = words_for(self._texts, told, self._server_name)
        headers = self._headers(told.recipient, message_id)
        content = _mime.message(headers, words.subject, words.text(self._texts), words.html(self._texts))
        return Mail(sender=self.sender, recipient=told.recipient, message_id=message_id, content=content)

    def _headers(self, recipient: str, message_id: str) -> tuple[tuple[str, str], ...]:
        from email.utils import formatdate

        return (
            ("From", self._from),
            ("To", recipient),
            ("Date", formatdate()),
            ("Message-ID", message_id),
            ("Auto-Submitted", "auto-generated"),
            ("X-Auto-Response-Suppress", "All"),
        )


def _deliverable(address: str) -> bool:
    """Whether an address reads the same in a header, in an envelope and to every parser."""
    plain = _ADDRESS.fullmatch(address) is not None and "=?" not in address
    return plain and len(address.encode()) <= _MAX_OCTETS


def _mailbox(sender: str) -> tuple[str, str]:
    """Return the From header and the address of a sender. Raises ``ConfigurationError``."""
    found = _SENDER.fullmatch(sender)
    address = (found and (found["boxed"] or found["bare"])) or ""
    if found is None or _mime.without_controls(sender) != sender or not (_deliverable(address) and address.isascii()):
        raise ConfigurationError("sender: must be user@domain or Name <user@domain>, the address in ASCII")
    if found["name"] is None:
        return address, address
    name = f'"{found["name"]}"' if found["name"].isascii() else _mime.encoded(found["name"])
    return f"{name} <{address}>", address
