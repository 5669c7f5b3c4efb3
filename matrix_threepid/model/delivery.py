"""What becomes of a message once a sender has it: statuses, events, and the id by which reports find their message.

Reports come from a provider (a callback over HTTP) or from a mail server (a delivery status notification). Each becomes
a ``DeliveryEvent``. The id of a message is random; outside the library it is written with a MAC, so that nobody can
make up a report about a message (SEC-145).
"""

from __future__ import annotations

import re
from base64 import b32encode
from collections.abc import Iterable
from enum import Enum
from typing import Any

from attrs import field, frozen

from ..protocol.errors import ConfigurationError
from .keys import Pepper, Peppers, same
from .threepid import Named

LONGEST_REASON = 120
"""The characters of a reason that are kept."""
_MAC_CHARACTERS = 16
_ID = re.compile(r"[a-z2-7]{26}")
_SIGNED = re.compile(r"([a-z2-7]{26})([a-z2-7]{16})", re.IGNORECASE | re.ASCII)
_PROVIDER = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}")
_ENHANCED = re.compile(r"([245])\.[0-9]{1,3}\.[0-9]{1,3}")
# Words with an address or a number in them, such as a mail server's ``<alice@example.org>``.
_ADDRESS = re.compile(r"\S*@\S*|\S*[0-9]{7}\S*")


class DeliveryStatus(str, Enum):
    """How far a message has come.

    * ``WRITTEN``: stored, and not yet with a sender.
    * ``HANDED_OVER``: a provider or mail server has taken it, or may have.
    * ``DEFERRED``: it is tried again later.
    * ``REFUSED``: the sender said that it is never delivered.
    * ``EXPIRED``: its token was over before it could be handed over.
    * ``DELIVERED``: the recipient's server or phone network has taken it.
    * ``BOUNCED_SOFT``: it came back, and another message may arrive (a full mailbox, a server that never answered).
    * ``BOUNCED``: it came back, and the next one would too.
    * ``COMPLAINED``: the recipient has called it spam.
    """

    WRITTEN = "written"
    HANDED_OVER = "handed_over"
    DEFERRED = "deferred"
    REFUSED = "refused"
    EXPIRED = "expired"
    DELIVERED = "delivered"
    BOUNCED_SOFT = "bounced_soft"
    BOUNCED = "bounced"
    COMPLAINED = "complained"

    def may_follow(self, before: DeliveryStatus) -> bool:
        """Whether a message in the status ``before`` gets this one.

        Reports arrive late and in any order, so an earlier stage never takes the place of a later one. A server can
        bounce what it had accepted, so a bounce follows ``DELIVERED``, and ``DELIVERED`` never follows a bounce.

        >>> DeliveryStatus.BOUNCED.may_follow(DeliveryStatus.DELIVERED)
        True
        >>> DeliveryStatus.HANDED_OVER.may_follow(DeliveryStatus.DELIVERED)
        False
        """
        mine, other = _STAGE[self], _STAGE[before]
        return mine > other or (mine == other == _UNDER_WAY and self is not before)


_UNDER_WAY = 1
_STAGE = {
    DeliveryStatus.WRITTEN: 0,
    # A deferred message is handed over later, and one that was handed over may be deferred by the next server.
    DeliveryStatus.HANDED_OVER: _UNDER_WAY,
    DeliveryStatus.DEFERRED: _UNDER_WAY,
    # A report of a delivery wins over these: a sending whose outcome is unknown may have been one.
    DeliveryStatus.REFUSED: 2,
    DeliveryStatus.EXPIRED: 2,
    DeliveryStatus.DELIVERED: 3,
    DeliveryStatus.BOUNCED_SOFT: 4,
    DeliveryStatus.BOUNCED: 5,
    DeliveryStatus.COMPLAINED: 6,
}
_ENDS_AN_ADDRESS = frozenset({DeliveryStatus.BOUNCED, DeliveryStatus.REFUSED})


def current_status(statuses: Iterable[DeliveryStatus]) -> DeliveryStatus:
    """Return the status of a message from those that were reported, in the order in which they were recorded.

    >>> current_status([DeliveryStatus.DELIVERED, DeliveryStatus.HANDED_OVER]).value
    'delivered'
    """
    current = DeliveryStatus.WRITTEN
    for status in statuses:
        if status.may_follow(current):
            current = status
    return current


def _is_id(_: object, attribute: Named, value: Any) -> None:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ConfigurationError(f"{attribute.name}: must be the id of a message, 26 characters of base32")


def _is_provider(_: object, attribute: Named, value: Any) -> None:
    if not isinstance(value, str) or not _PROVIDER.fullmatch(value):
        raise ConfigurationError(f"{attribute.name}: must be 1 to 32 lower-case letters, digits, dots, _ and -")


def _is_time(_: object, attribute: Named, value: Any) -> None:
    if type(value) is not int or not 0 <= value < 2**53:
        raise ConfigurationError(f"{attribute.name}: must be a time in ms")


def _shown(reason: str) -> str:
    """Return a reason without addresses and numbers, on one line, and not too long."""
    line = " ".join("".join(each if each.isprintable() else " " for each in reason[: 8 * LONGEST_REASON]).split())
    return _ADDRESS.sub("…", line)[:LONGEST_REASON]


@frozen(kw_only=True)
class DeliveryEvent:
    """One thing that is known about a message: what happened to it, when, and who says so.

    * ``message_id``: the id of the message, 26 characters of base32 (not the signed form).
    * ``status``: what happened to it.
    * ``at``: when, in ms of the wall clock, as the provider says it.
    * ``provider``: who says so, such as ``smtp``, ``dsn`` or ``twilio``; 1 to 32 lower-case letters, digits, ``.``,
      ``_`` and ``-``.
    * ``reason``: an enhanced status code such as ``5.1.1`` where there is one, else a few words; default empty. Words
      that may be an address or a number are replaced by an ellipsis, and at most 120 characters are kept.
    * ``permanent_address_failure``: whether the mailbox or its domain does not exist, so that no other message to the
      address would arrive; only with ``BOUNCED`` and ``REFUSED``. Default ``False``.

    Two reports of the same event are equal. Raises ``ConfigurationError`` for a value of another form.
    """

    message_id: str = field(validator=_is_id)
    status: DeliveryStatus = field(converter=DeliveryStatus)
    at: int = field(validator=_is_time)
    provider: str = field(validator=_is_provider)
    reason: str = field(default="", converter=_shown)
    permanent_address_failure: bool = False

    def __attrs_post_init__(self) -> None:
        if self.permanent_address_failure and self.status not in _ENDS_AN_ADDRESS:
            raise ConfigurationError("permanent_address_failure: only with the status BOUNCED or REFUSED")


# -- enhanced status codes -------------------------------------------------------------------------


def is_enhanced_status(code: str) -> bool:
    """Whether a text is an enhanced status code; see https://www.rfc-editor.org/rfc/rfc3463#section-2."""
    return _ENHANCED.fullmatch(code) is not None


def ends_address(code: str) -> bool:
    """Whether an enhanced status code says that mailbox or domain do not exist.

    These are a bad mailbox address, a bad system address and a domain that takes no mail: see
    https://www.rfc-editor.org/rfc/rfc3463#section-3.2 and https://www.rfc-editor.org/rfc/rfc7505#section-4.2.

    >>> ends_address("5.1.1"), ends_address("5.2.2")
    (True, False)
    """
    return code in ("5.1.1", "5.1.2", "5.1.10")


def failed_with(code: str) -> DeliveryStatus:
    """Return the status of a message that came back with an enhanced status code.

    A temporary failure (``4.x.x``) on which the server gave up and a full mailbox (``5.2.2``) are soft.
    """
    return DeliveryStatus.BOUNCED_SOFT if code.startswith("4") or code == "5.2.2" else DeliveryStatus.BOUNCED


# -- ids of messages -------------------------------------------------------------------------------


def new_message_id(random_bytes: bytes) -> str:
    """Return the id of a message from 16 random bytes: 26 characters of base32 in lower case."""
    return _base32(random_bytes)


def signed_message_id(peppers: Peppers, message_id: str) -> str:
    """Return the id of a message as it leaves the library: with its MAC, 42 letters and digits.

    It is an envelope id, a part of a return path (``bounces+ID@example.org``), or metadata for a provider. Those may
    change its case.
    """
    return message_id + _mac(peppers.current, message_id)


def read_message_id(peppers: Peppers, text: str) -> str | None:
    """Return the id of a message from its signed form in any case, or ``None`` if no pepper in force has signed it."""
    parts = _SIGNED.fullmatch(text)
    if parts is None:
        return None
    message_id, mac = parts[1].lower(), parts[2].lower()
    return message_id if any(same(_mac(pepper, message_id), mac) for pepper in peppers.live) else None


def _mac(pepper: Pepper, message_id: str) -> str:
    # 80 bits are enough where each guess needs a request or a mail: with 128, no prefix of more than 12 characters
    # would have room in the local part of a return path, which has 64 at most.
    return _base32(pepper.digest("message id", message_id))[:_MAC_CHARACTERS]


def _base32(raw: bytes) -> str:
    return b32encode(raw).rstrip(b"=").decode("ascii").lower()
