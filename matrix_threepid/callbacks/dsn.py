"""Reports that come as mails: delivery status notifications, and complaints.

See https://www.rfc-editor.org/rfc/rfc3464 (DSN) and https://www.rfc-editor.org/rfc/rfc5965 (ARF). The standard
library parses them, from bytes. Everybody can send such a mail, so only the id of its message proves anything: it is in
the envelope id that the mail was sent with, or in the return path to which the report goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from email import message_from_bytes, message_from_string
from email.message import Message
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import TypeAlias

from ..model.delivery import DeliveryEvent, DeliveryStatus, read_message_id
from ..model.keys import Peppers
from .provider import Unreadable
from .report import Report, enhanced, events_of
from .return_path import id_in_address

MAX_MAIL = 1 << 18
"""The bytes of a mail that are read; what follows is the returned mail."""
_MOST_PARTS = 20
_MOST_RECIPIENTS = 10
_LONGEST = 1000
_ADDRESSED = ("X-Original-To", "Delivered-To", "Envelope-To", "To")
"""Where mail servers write to whom a mail was delivered, the surest first."""
_ACTIONS = {
    "failed": DeliveryStatus.BOUNCED,
    "delayed": DeliveryStatus.DEFERRED,
    "delivered": DeliveryStatus.DELIVERED,
    # To a server that reports nothing more.
    "relayed": DeliveryStatus.HANDED_OVER,
    # Delivered to a list, which has sent it on.
    "expanded": DeliveryStatus.DELIVERED,
}
Fields: TypeAlias = "Message[str, str]"
"""A mail, a part of it, or a block of fields in it."""


def events_of_mail(peppers: Peppers, raw: bytes, now: int, recipient: str | None = None) -> list[DeliveryEvent]:
    """Return what a mail reports about messages of ours; nothing if its id was made up.

    * ``raw``: the mail; its first ``MAX_MAIL`` bytes count.
    * ``now``: the time in ms.
    * ``recipient``: the address to which it was delivered, where the mail server tells it; ``None`` (default) reads it
      from the mail.

    Raises ``Unreadable`` for a mail that is no report.
    """
    try:
        mail = message_from_bytes(raw[:MAX_MAIL])
        parts = list(islice(mail.walk(), _MOST_PARTS)) if mail.is_multipart() else []
    except (RecursionError, ValueError, LookupError):
        raise Unreadable from None
    recipients = [recipient] if recipient else [_text(mail, name) for name in _ADDRESSED]
    for part in parts:
        blocks = part.get_payload()
        if not isinstance(blocks, list):
            continue
        fields = [each for each in blocks if isinstance(each, Message)]
        if part.get_content_type() == "message/delivery-status":
            return _events(peppers, "dsn", _of_dsn(mail, fields), _ids(fields[:1], recipients), now)
        if part.get_content_type() == "message/feedback-report":
            return _events(peppers, "arf", _of_complaint(mail, fields), _ids(fields[:1], _returned(parts)), now)
    raise Unreadable


def _events(
    peppers: Peppers, provider: str, reports: Iterable[Report], ids: Iterable[str], now: int
) -> list[DeliveryEvent]:
    signed = next((each for each in ids if read_message_id(peppers, each) is not None), None)
    if signed is None:
        return []
    about = (Report(message=signed, status=each.status, at=each.at, said=each.said) for each in reports)
    return list(events_of(peppers, provider, about, now))


def _of_dsn(mail: Fields, blocks: list[Fields]) -> Iterator[Report]:
    """Yield the reports of a DSN: its first block is about the message, each other one about a recipient."""
    for block in blocks[1 : 1 + _MOST_RECIPIENTS]:
        status = _ACTIONS.get(_text(block, "Action").lower())
        if status is None:
            continue
        # A comment may follow the code.
        code = _text(block, "Status").partition(" ")[0]
        said = enhanced(code) or f"{_text(block, 'Diagnostic-Code')} {code}"
        yield Report(
            message=None, status=status, at=_time(block, "Last-Attempt-Date") or _time(mail, "Date"), said=said
        )


def _of_complaint(mail: Fields, blocks: list[Fields]) -> Iterator[Report]:
    if blocks and _text(blocks[0], "Feedback-Type").lower() == "abuse":
        yield Report(message=None, status=DeliveryStatus.COMPLAINED, at=_time(mail, "Date"), said="abuse")


def _ids(fields: list[Fields], addresses: Iterable[str]) -> Iterator[str]:
    """Yield what may be the signed id of the message, the surest first."""
    for each in fields:
        yield _text(each, "Original-Envelope-Id")
        yield id_in_address(_text(each, "Original-Mail-From")) or ""
    for address in addresses:
        yield id_in_address(address) or ""


def _returned(parts: list[Fields]) -> Iterator[str]:
    """Yield the return paths in the mail that is complained about."""
    for part in parts[1:]:
        yield _text(part, "Return-Path")
        if part.get_content_type() == "text/rfc822-headers":
            headers = part.get_payload()
            if isinstance(headers, str):
                yield _text(message_from_string(headers[:MAX_MAIL]), "Return-Path")


def _text(fields: Fields, name: str) -> str:
    """Return a field on one line; empty without it."""
    # One with bytes that are no ASCII is a Header object.
    return " ".join(str(fields.get(name, "")).split())[:_LONGEST]


def _time(fields: Fields, name: str) -> int | None:
    try:
        return max(0, round(parsedate_to_datetime(_text(fields, name)).timestamp() * 1000))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
