"""Stand-ins for the providers behind senders: tests choose their behaviour and read what arrived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Protocol

from attrs import field, frozen

from ...model.message import MessageKind, TokenMessage
from ...model.threepid import Medium, Purpose

SECRET = "s3cretOfTheMessage"
CODE = "918273"
SHORT = 400
"""The deadline, in ms, of messages to a provider that does not answer."""


class Behaviour(str, Enum):
    """How a provider behaves. Except for ``AWAY`` and refusals, it receives the whole message first."""

    ACCEPT = "accept"
    REFUSE_FOR_EVER = "refuse for ever"
    """Refuses this recipient for ever, and quotes the recipient."""
    REFUSE_FOR_NOW = "refuse for now"
    """Refuses for now, and quotes the recipient."""
    GARBAGE = "garbage"
    """Sends an answer that cannot be read."""
    HANG = "hang"
    """Sends nothing until the client disconnects."""
    DRIP = "drip"
    """Sends one byte from time to time, without end, until the client disconnects."""
    LOSE = "lose"
    """Closes the connection without an answer."""
    AWAY = "away"
    """Cannot be reached, on open connections either: no message arrives."""


@frozen(kw_only=True)
class Arrived:
    """One message as the provider received it.

    * ``recipients``: all recipients.
    * ``headers``: the headers with lower-case names, if it has any.
    * ``text``: the decoded text of all parts.
    """

    recipients: tuple[str, ...]
    text: str = field(repr=False)
    headers: Mapping[str, str] = field(factory=dict, repr=False)


class Provider(Protocol):
    """A stand-in for a provider.

    * ``arrived``: the messages that it received in full, in order, whatever it answered.
    """

    @property
    def arrived(self) -> Sequence[Arrived]: ...

    def behave(self, how: Behaviour) -> None:
        """Behave in this way from now on."""


class VerifyingProvider(Provider, Protocol):
    """A stand-in for a provider that makes the codes itself.

    * ``asked``: (recipient, code) of every question that it received in full.
    """

    @property
    def asked(self) -> Sequence[tuple[str, str]]: ...

    def expect(self, recipient: str, code: str) -> None:
        """Make this the code that was sent last to this recipient."""


def told(medium: Medium, **changes: object) -> TokenMessage:
    """Return a message to a recipient; ``changes`` replace fields of it."""
    by_mail = medium is Medium.EMAIL
    link = f"https://hs.example.org/_matrix/client/v3/submit_token?sid=abc&token={SECRET}"
    usual: dict[str, object] = {
        "medium": medium,
        "recipient": "bob@example.org" if by_mail else "447700900001",
        "purpose": Purpose.ADD,
        "kind": MessageKind.TOKEN,
        "link": link if by_mail else None,
        "code": None if by_mail else CODE,
        "account": "@bob:hs.example.org",
        "server": "hs.example.org",
        "host": "matrix.example.org",
        "origin": "203.0.113.*",
        "requested_at": 1_700_000_000_000,
        "lifetime": 600_000,
        "deadline": 10_000,
    }
    return TokenMessage(**{**usual, **changes})  # type: ignore[arg-type]
