"""The ports of senders, which hand messages to mail servers and SMS providers."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol, runtime_checkable

from ..model.message import Outcome, TokenMessage


class TokenSender(Protocol):
    """Sends messages of one medium."""

    def send(self, message: TokenMessage) -> Awaitable[Outcome]:
        """Hand a message to the provider; return its outcome (SEC-120).

        Every failure of the provider or of the network is an outcome and never an exception. The call must end within
        ``message.deadline``.
        """


@runtime_checkable
class RemoteVerifier(TokenSender, Protocol):
    """A ``TokenSender`` whose provider makes and checks the codes; ``message.code`` is not used.

    Guesses are counted before the provider is asked, as for codes of the library (SEC-25).
    """

    def verify(self, recipient: str, code: str, deadline: int) -> Awaitable[bool | None]:
        """Return whether a code is the one sent last; ``None`` if the provider does not answer.

        * ``recipient``: the spelling to which it was sent.
        * ``code``: the code as submitted.
        * ``deadline``: the ms that the call may take.
        """
