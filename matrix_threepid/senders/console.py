"""``ConsoleSender``: prints messages on the terminal, for development."""

from __future__ import annotations

import sys
from typing import TextIO

from attrs import field, frozen

from ..model.message import Accepted, Outcome, TokenMessage


@frozen
class ConsoleSender:
    """A ``TokenSender`` that prints. Not for production: the output lets any reader of it confirm any address.

    * ``stream``: the text stream to print on, ``sys.stderr`` by default.

    >>> import sys
    >>> from matrix_threepid import Medium, Purpose, run_sync
    >>> from matrix_threepid.senders import MessageKind
    >>> message = TokenMessage(
    ...     medium=Medium.MSISDN, recipient="447700900123", purpose=Purpose.ADD, kind=MessageKind.TOKEN, code="123456",
    ...     requested_at=0, lifetime=600_000, deadline=10_000,
    ... )
    >>> run_sync(ConsoleSender(sys.stdout).send(message))
    To 447700900123 (token, add): 123456
    Accepted(provider_id=None)
    """

    stream: TextIO = field(factory=lambda: sys.stderr, repr=False)

    async def send(self, message: TokenMessage) -> Outcome:
        """Print the recipient, the kind and purpose of the message, its link and its code."""
        about = f"{message.kind.value}, {message.purpose.value}"
        token = " ".join(filter(None, (message.link, message.code)))
        self.stream.write(f"To {message.recipient} ({about}): {token}\n")
        self.stream.flush()
        return Accepted()
