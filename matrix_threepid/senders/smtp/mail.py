"""``Mails``: makes a mail of a message, with its bytes and its envelope."""

from __future__ import annotations

import re
import secrets
import time

from attrs import field, frozen

from ...callbacks.return_path import checked_return_path, with_id
from ...model.message import TokenMessage
from ...model.threepid import mask_field
from ...protocol.errors import ConfigurationError
from ...protocol.members import redacted
from ...protocol.wiring import demand
from ...texts.catalogue import Texts
from ...texts.plain import without_controls
from . import _mime
from .words import words_for

# Stricter than https://www.rfc-editor.org/rfc/rfc5322#section-3.4: no quoted local part, comment or address literal, so
# that every program on the way reads the same address.
_ADDRESS = re.compile(r"[^\x00-\x20\x7f-\xa0\"(),:;<>@\[\\\]\u2028\u2029\ud800-\udfff]+@[A-Za-z0-9.-]+")
_SENDER = re.compile(r"(?:(?P<name>[^<>\"\\]*[^<>\"\\ ]) +<(?P<boxed>[^<>]+)>|(?P<bare>[^<> ]+))")
# A path has 256 octets with its angle brackets: https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.3
_MAX_OCTETS = 254


@frozen(kw_only=True)
class Mail:
    """One mail and its envelope.

    * ``sender``, ``recipient``: the addresses of the envelope; to the first, mail servers report.
    * ``message_id``: the Message-ID header, with its angle brackets.
    * ``content``: the bytes, with CRLF line ends, without the doubled dots and the final dot of DATA.
    * ``envelope_id``: the id of the message that reports name; ``None`` (default) without one.
    """

    sender: str
    recipient: str = mask_field()
    message_id: str
    content: bytes = field(repr=redacted)
    envelope_id: str | None = None

    @property
    def international(self) -> bool:
        """Return whether the mail needs SMTPUTF8 (https://www.rfc-editor.org/rfc/rfc6531).

        It does if the local part of the recipient is not ASCII; a domain can be written in ASCII.
        """
        return not self.recipient.isascii()


def is_server_name(name: str) -> bool:
    """Return whether a name can stand for a server in a mail: it is no URL and not empty."""
    return bool(name) and "//" not in name


class Mails:
    """Composes the mails of a host.

    * ``sender``: ``noreply@example.org`` or ``Example <noreply@example.org>``. The address is also that of the
      envelope, and its domain ends the Message-ID.
    * ``server_name``: the name of the server as mails show it.
    * ``texts``: sentences and layouts; the built-in ones by default.
    * ``return_path``: the address of the envelope, with the id of the message in it where it has one; ``None``
      (default) for that of ``sender``.

    Raises ``ConfigurationError`` for a sender or return path that is no address, and a server name with control
    characters.
    """

    def __init__(
        self, sender: str, server_name: str, texts: Texts | None = None, return_path: str | None = None
    ) -> None:
        demand("sender", sender, lambda given: isinstance(given, str), "must be a string")
        demand("server_name", server_name, is_server_name, "must be the name of the server, without https://")
        demand("texts", texts, lambda given: given is None or isinstance(given, Texts), "must be Texts(directory)")
        self._from, self.sender = _mailbox(sender)
        self.domain = self.sender.rpartition("@")[2]
        self._server_name = server_name
        self._texts = texts or Texts()
        self._return_path = None if return_path is None else checked_return_path(return_path)
        if without_controls(server_name) != server_name:
            raise ConfigurationError("server_name: must have no control characters")

    def compose(self, message: TokenMessage) -> Mail:
        """Return the mail for a message.

        Raises ``ValueError`` if its recipient cannot stand in a header, and ``CannotRender`` for a layout that fails.
        """
        if not is_deliverable(message.recipient):
            raise ValueError("the recipient is no plain address")
        # Not `email.utils.make_msgid`, which asks the resolver for the host's name and so may block for seconds.
        message_id = f"<{time.time_ns():x}.{secrets.token_hex(8)}@{self.domain}>"
        words = words_for(self._texts, message, self._server_name)
        headers = (*self._headers(message.recipient, message_id), *_unsubscribing(message))
        content = _mime.message(headers, words.subject, words.text(self._texts), words.html(self._texts))
        return Mail(
            sender=self._path_of(message.message_id),
            recipient=message.recipient,
            message_id=message_id,
            content=content,
            envelope_id=message.message_id,
        )

    def _path_of(self, signed: str | None) -> str:
        """Return the address of the envelope for a message with this id."""
        path = self._return_path
        if path is None:
            return self.sender
        return path if signed is None else with_id(path, signed)

    def _headers(self, recipient: str, message_id: str) -> tuple[tuple[str, str], ...]:
        from email.utils import formatdate

        return (
            ("From", self._from),
            ("To", recipient),
            ("Date", formatdate()),
            ("Message-ID", message_id),
            # No person wrote it, and no program shall answer it: https://www.rfc-editor.org/rfc/rfc3834, SEC-121a. The
            # second header is for Exchange, which does not follow the first.
            ("Auto-Submitted", "auto-generated"),
            ("X-Auto-Response-Suppress", "All"),
        )


def _unsubscribing(message: TokenMessage) -> tuple[tuple[str, str], ...]:
    """Return the headers by which mail programs offer to stop such mails: https://www.rfc-editor.org/rfc/rfc8058."""
    if message.stop_link is None:
        return ()
    return (
        ("List-Unsubscribe", f"<{message.stop_link}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    )


def is_deliverable(address: str) -> bool:
    """Return whether every parser reads the same address in a header and in an envelope."""
    plain = _ADDRESS.fullmatch(address) is not None and "=?" not in address
    return plain and len(address.encode()) <= _MAX_OCTETS


def _mailbox(sender: str) -> tuple[str, str]:
    """Return the From header and the address of a sender. Raises ``ConfigurationError`` if it has another form."""
    found = _SENDER.fullmatch(sender)
    address = (found and (found["boxed"] or found["bare"])) or ""
    if found is None or without_controls(sender) != sender or not (is_deliverable(address) and address.isascii()):
        raise ConfigurationError("sender: must be user@domain or Name <user@domain>, with the address in ASCII")
    if found["name"] is None:
        return address, address
    name = f'"{found["name"]}"' if found["name"].isascii() else _mime.encoded(found["name"])
    return f"{name} <{address}>", address
