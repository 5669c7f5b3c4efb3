"""The messages that senders hand over, and the outcomes of a sending (SEC-120)."""

from __future__ import annotations

from enum import Enum

from attrs import field, frozen

from ..protocol.members import redacted
from .brand import Brand
from .threepid import Medium, Purpose, mask_field


class MessageKind(str, Enum):
    """What a message is about.

    * ``TOKEN``: a link or a code.
    * ``IN_USE``: the address is on an account already, so no token was made (REQ-REQTOK-3).
    * ``UNKNOWN_ADDRESS``: a password reset was asked for with the address, which is on no account
      (``Policy.mail_unknown_addresses``).
    * ``SILENCE``: no message is sent, although the request looks as if one were (SEC-27).
    * ``ADDED``, ``REMOVED``, ``PASSWORD_CHANGED``: a notice about a change of the account (SEC-56).
    * ``CHANGED``: a notice about all changes that its link takes back (SEC-57).
    * ``UNDONE``: a notice that changes were taken back.
    * ``BY_HAND``: a notice that an administrator confirmed an address without a token (SEC-162).
    * ``INVITATION``: a user invites the reader to a room (``/store-invite`` of an identity server).
    """

    TOKEN = "token"
    IN_USE = "in_use"
    SILENCE = "silence"
    UNKNOWN_ADDRESS = "unknown_address"
    ADDED = "added"
    REMOVED = "removed"
    PASSWORD_CHANGED = "password_changed"
    CHANGED = "changed"
    UNDONE = "undone"
    BY_HAND = "by_hand"
    INVITATION = "invitation"

    @property
    def notice(self) -> bool:
        """Whether the message is a notice about a change of an account."""
        return self not in _NO_NOTICES


_NO_NOTICES = (
    MessageKind.TOKEN,
    MessageKind.IN_USE,
    MessageKind.UNKNOWN_ADDRESS,
    MessageKind.SILENCE,
    MessageKind.INVITATION,
)


@frozen
class Change:
    """One change of an account, as a notice shows it.

    * ``kind``: ``ADDED``, ``REMOVED`` or ``PASSWORD_CHANGED``.
    * ``concerns``: the masked address that was added or removed, or by which the password was reset; may be empty.
    * ``at``: when it was made, in ms of the wall clock.
    """

    kind: MessageKind
    concerns: str
    at: int


@frozen(kw_only=True)
class TokenMessage:
    """One message as typed values; the sender makes the text.

    * ``medium``: the medium of the recipient.
    * ``recipient``: the spelling to deliver to.
    * ``purpose``: the purpose of the session, or of the change that a notice is about.
    * ``kind``: what the message is about.
    * ``link``: the URL to open; ``None`` where a code alone is sent, and in a message of another kind than
      ``MessageKind.TOKEN``, ``MessageKind.CHANGED`` and ``MessageKind.INVITATION``.
    * ``code``: the digits to type; ``None`` in a message of another kind, and where a link alone is sent.
    * ``account``: the user id that the request concerns; ``None`` if there is none or it is unknown.
    * ``concerns``: in a notice, the masked address that was added or removed; else empty.
    * ``server``: the name of the server as texts show it.
    * ``host``: the host name that phones may fill the code in at, as ``Policy.code_host`` says; empty for none.
    * ``language``: a language tag; default ``en``.
    * ``origin``: the masked network address of the client that asked; empty if unknown.
    * ``device``: app and system of that client, as it names them, such as ``Firefox, Windows``; empty if unknown.
    * ``brand``: name, logo and support of the host; default none of them.
    * ``requested_at``: when the request came, in ms of the wall clock.
    * ``lifetime``: how long the link can be used, or the code where there is no link, in ms; 0 for notices.
    * ``deadline``: how long the sending may take, in ms.
    * ``changes``: in a notice of the kind ``CHANGED``, the changes that its link takes back; else empty.
    * ``message_id``: the id of the message with its MAC, for reports of its delivery; ``None`` (default) where these
      are not recorded.
    * ``code_lifetime``: how long the code can be used beside a link, in ms; ``None`` (default) as long as the link.
    * ``inviter``: in an invitation, name and user id of who invites, shortened and without links; else empty.
    * ``room``: in an invitation, the name of the room, alike; empty if it has none.
    * ``stop_link``: in an invitation, the URL behind which the reader stops invitations; else ``None``.
    """

    medium: Medium
    recipient: str = mask_field()
    purpose: Purpose
    kind: MessageKind
    link: str | None = field(default=None, repr=redacted)
    code: str | None = field(default=None, repr=redacted)
    account: str | None = None
    concerns: str = ""
    server: str = ""
    host: str = ""
    language: str = "en"
    origin: str = field(default="", repr=redacted)
    brand: Brand = Brand()
    requested_at: int
    lifetime: int
    deadline: int
    changes: tuple[Change, ...] = ()
    code_lifetime: int | None = None
    device: str = ""
    inviter: str = ""
    room: str = ""
    stop_link: str | None = field(default=None, repr=redacted)
    message_id: str | None = None


@frozen
class Accepted:
    """The provider accepted the message.

    * ``provider_id``: the id the provider gave the message; ``None`` if it gave none.
    """

    provider_id: str | None = None


@frozen
class RefusedForever:
    """The provider will never deliver to this address.

    * ``reason``: a text for the operator.
    * ``denied``: whether the destination is refused (country switched off, fraud guard) and not the address itself;
      the answer is then ``M_THREEPID_DENIED`` in place of ``M_INVALID_PARAM``. Default ``False``.
    """

    reason: str
    denied: bool = False


@frozen
class RefusedForNow:
    """The message was not sent, and a later attempt may succeed.

    * ``reason``: a text for the operator.
    * ``retry_after``: the ms to wait, where the provider limits the rate; ``None`` if it named none.
    * ``elsewhere``: whether ``Fallback`` may ask another provider for an SMS, since this one was not reached or is out
      of order. Outcomes that differ in it only are equal. Default ``False``.
    * ``outage``: whether it is an outage: no connection, a 5xx or 429 of a provider, a 4xx of a mail server. Only then
      the limits are given back what the message was charged (decision 28). Default ``True``.
    """

    reason: str
    retry_after: int | None = None
    elsewhere: bool = field(default=False, eq=False, repr=False)
    outage: bool = field(default=True, eq=False, repr=False)


@frozen
class Unknown:
    """The message was handed over and no answer came; it counts as sent, since it may have been.

    * ``reason``: a text for the operator.
    * ``elsewhere``: whether ``Fallback`` may ask another provider for an SMS, since this one answered 5xx. Outcomes
      that differ in it only are equal. Default ``False``.

    See https://www.rfc-editor.org/rfc/rfc1047.
    """

    reason: str
    elsewhere: bool = field(default=False, eq=False, repr=False)


Outcome = Accepted | RefusedForever | RefusedForNow | Unknown
"""What became of a sending: one of the four answers a sender may give."""
