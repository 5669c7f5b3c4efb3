"""``Fallback``: a second provider for what the first one could not take."""

from __future__ import annotations

from attrs import evolve, frozen

from ..model.media import MEDIA
from ..model.message import Outcome, RefusedForNow, TokenMessage, Unknown
from ..net.deadline import Deadline
from ..ports import RemoteVerifier, TokenSender
from ..protocol.errors import ConfigurationError
from ..texts.catalogue import Texts


@frozen
class Fallback:
    """A ``TokenSender`` that hands a message to a second sender if the first one is out of order.

    * ``first``: the sender of every message. It has half of the deadline.
    * ``second``: the sender of messages that the first one did not take. It has the rest of the deadline.

    A mail goes to the second sender after every refusal for now, and if the first gave no answer: a second mail does no
    harm. An SMS goes there only if the first provider was not reached, or answered 5xx or 429 (``elsewhere`` of the
    outcome says so): it may have been sent otherwise. After a refusal of the recipient nothing is tried: an address
    that is not valid, has opted out, or is denied, stays so. Limits and budgets count a message once.

    Each of the two may be a ``Fallback`` itself. Raises ``ConfigurationError`` for a sender whose provider makes the
    codes: the other one would check codes that it does not know.

    >>> from matrix_threepid.senders import ConsoleSender
    >>> Fallback(ConsoleSender(), ConsoleSender())
    Fallback(first=ConsoleSender(), second=ConsoleSender())
    """

    first: TokenSender
    second: TokenSender

    def __attrs_post_init__(self) -> None:
        for name, sender in (("first", self.first), ("second", self.second)):
            if isinstance(sender, RemoteVerifier):
                raise ConfigurationError(f"{name}: its provider makes the codes itself, so it cannot share messages")
            if isinstance(sender, type) or not callable(getattr(sender, "send", None)):
                raise ConfigurationError(f"{name}: must be a sender, an object with a method send()")

    @property
    def parts(self) -> tuple[TokenSender, ...]:
        """The senders within, so that what is wrong with any of them is said when a role is made."""
        within = (*getattr(self.first, "parts", ()), *getattr(self.second, "parts", ()))
        return (self.first, self.second, *within)

    @property
    def texts(self) -> Texts | None:
        """The texts of the first sender; ``None`` if it has none."""
        return getattr(self.first, "texts", None)

    def close(self) -> None:
        """Close both senders, where they can be closed."""
        for sender in (self.first, self.second):
            getattr(sender, "close", lambda: None)()

    async def send(self, message: TokenMessage) -> Outcome:
        """Send by the first sender, else by the second; return the outcome of the last one that was asked."""
        until = Deadline.in_ms(message.deadline)
        outcome = await self.first.send(evolve(message, deadline=max(1, message.deadline // 2)))
        left = until.left_ms()
        if left == 0 or not _may_go_elsewhere(message, outcome):
            return outcome
        return await self.second.send(evolve(message, deadline=left))

    async def check(self) -> str | None:
        """Check both senders that can be checked; return ``None`` if all is well, else what is wrong."""
        wrong: list[str] = []
        for name, sender in (("first", self.first), ("second", self.second)):
            check = getattr(sender, "check", None)
            if check is not None and (reason := await check()) is not None:
                wrong.append(f"{name}: {reason}")
        return "; ".join(wrong) or None


def _may_go_elsewhere(message: TokenMessage, outcome: object) -> bool:
    if not isinstance(outcome, RefusedForNow | Unknown):
        return False
    return MEDIA[message.medium].resendable or outcome.elsewhere
