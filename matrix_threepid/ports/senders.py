"""What senders give: ways to mailboxes and phones."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol, runtime_checkable

from ..model.message import Outcome, TokenMessage


class TokenSender(Protocol):
    """A way to a mailbox or a phone."""

    def send(self, message: TokenMessage) -> Awaitable[Outcome]:
        """Hand one message over; never raise for what a provider does."""


@runtime_checkable
class RemoteVerifier(TokenSender, Protocol):
    """A ``TokenSender`` whose provider makes the codes and checks them; a message's own code is not used.

    Guesses are counted as for our own codes, before the provider is asked.
    """

    def verify(self, recipient: str, code: str, deadline: int) -> Awaitable[bool | None]:
        """Return whether this is the code sent last to ``recipient``; ``None`` if the provider does not say."""
