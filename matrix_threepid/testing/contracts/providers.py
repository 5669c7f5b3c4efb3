"""What stands in for a provider while a sender is under contract: it is told how to behave, and tells what arrived."""

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
    """How a provider behaves from now on. But for ``AWAY`` and refusals it has the whole message first."""

    ACCEPT = "accept"
    REFUSE_FOR_EVER = "refuse for ever"
    """Says that it will never deliver to this recipient, and quotes the recipient."""
    REFUSE_FOR_NOW = "refuse for now"
    """Says that it is busy, and quotes the recipient."""
    GARBAGE = "garbage"
    """Answers what makes no sense."""
    HANG = "hang"
    """Says nothing until the client leaves."""
    DRIP = "drip"
    """Answers one byte now and then, without end, until the client leaves."""
    LOSE = "lose"
    """Ends the connection without a word."""
    AWAY = "away"
    """Cannot be reached: nothing of a message gets through, on connections that are open either."""


@frozen(kw_only=True)
class Arrived:
    """One message as the provider understood it: all its recipients, its headers if it has any, its words.

    ``headers``: lower-case names. ``text``: decoded; every part of it, if there are several.
    """

    recipients: tuple[str, ...]
    text: str = field(repr=False)
    headers: Mapping[str, str] = field(factory=dict, repr=False)


class Provider(Protocol):
    """The stand-in. ``arrived``: the messages it had in full, in order, whatever it said to them."""

    @property
    def arrived(self) -> Sequence[Arrived]: ...

    def behave(self, how: Behaviour) -> None:
        """Behave so from now on."""


class VerifyingProvider(Provider, Protocol):
    """A provider that makes the codes itself. ``asked``: (recipient, code) of every question it had in full."""

    @property
    def asked(self) -> Sequence[tuple[str, str]]: ...

    def expect(self, recipient: str, code: str) -> None:
        """Take this for the code that was sent last to this recipient."""


def told(medium: Medium, **changes: object) -> TokenMessage:
    """Return a message to somebody; ``changes`` have the last word."""
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
