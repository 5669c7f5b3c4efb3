"""What is to be told to an address, and what became of it."""

from __future__ import annotations

from enum import Enum

from attrs import field, frozen

from ..protocol.members import redacted
from .threepid import Medium, Purpose, mask_field


class MessageKind(str, Enum):
    """What a message says: the token, why there is none, or what happened to an account."""

    TOKEN = "token"
    IN_USE = "in_use"
    SILENCE = "silence"
    ADDED = "added"
    REMOVED = "removed"
    PASSWORD_CHANGED = "password_changed"

    @property
    def notice(self) -> bool:
        """Whether it tells an owner what happened to their account."""
        return self in (MessageKind.ADDED, MessageKind.REMOVED, MessageKind.PASSWORD_CHANGED)


@frozen(kw_only=True)
class TokenMessage:
    """One message, as typed values; senders choose the words.

    ``recipient``: spelling to deliver to. Exactly one of ``link`` and ``code`` is set for ``Kind.TOKEN``.
    ``account``: the user the request concerns, where it is known. ``concerns``: in a notice, the masked address that
    came or went. ``server``, ``host``: what the server is called, in words and in URLs. ``origin``: masked client
    address. ``requested_at``, ``deadline``: ms (wall clock, duration). ``lifetime``: ms the token lives.
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
    requested_at: int
    lifetime: int
    deadline: int


@frozen
class Accepted:
    """The provider took the message over; ``provider_id`` is its name for it."""

    provider_id: str | None = None


@frozen
class RefusedForever:
    """The provider will never deliver to this address; ``reason`` is for the operator.

    ``denied``: not for what the address is, but because no message goes there (country switched off, guard against
    fraud).
    """

    reason: str
    denied: bool = False


@frozen
class RefusedForNow:
    """Not sent, but trying again makes sense; after ``retry_after`` ms, where the provider has enough of us for now."""

    reason: str
    retry_after: int | None = None


@frozen
class Unknown:
    """The message was handed over and no answer came: it may have been sent, so it counts as sent."""

    reason: str


Outcome = Accepted | RefusedForever | RefusedForNow | Unknown
