"""``ConsoleSender``: messages on the terminal, for development."""

from __future__ import annotations

import sys
from typing import TextIO

from attrs import field, frozen

from ..model.message import Accepted, Outcome, TokenMessage


@frozen
class ConsoleSender:
    """A ``TokenSender`` that prints. Not for production: whoever reads the output can confirm any address."""

    stream: TextIO = field(factory=lambda: sys.stderr, repr=False)

    async def send(self, message: TokenMessage) -> Outcome:
        """Print the recipient, what it is about, and the link or code."""
        about = f"{message.kind.value}, {message.purpose.value}"
        told = message.link or message.code or ""
        self.stream.write(f"To {message.recipient} ({about}): {told}\n")
        self.stream.flush()
        return Accepted()
