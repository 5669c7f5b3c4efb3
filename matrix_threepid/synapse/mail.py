"""``SynapseMailer``: mails through the mail server in Synapse's ``email`` section."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ..model.message import Accepted, Outcome, RefusedForever, RefusedForNow, TokenMessage, Unknown
from ..senders.smtp.words import words_for
from ..texts.catalogue import Texts
from ..texts.failure import CannotRender

if TYPE_CHECKING:
    from synapse.module_api import ModuleApi

_log = logging.getLogger("matrix_threepid")


@frozen
class SynapseMailer:
    """A ``TokenSender`` that sends through the mail server in Synapse's ``email`` section.

    * ``api``: the ``ModuleApi`` that Synapse gives to modules.
    * ``server_name``: the name of the homeserver, which mails mention.
    * ``texts``: sentences and layouts; the built-in ones by default.
    """

    _api: ModuleApi = field(repr=False)
    _server_name: str
    texts: Texts = field(factory=Texts, repr=False)

    async def send(self, message: TokenMessage) -> Outcome:
        """Send one mail. The reply of the mail server decides whether a refusal is for ever or for now.

        The call ends at the deadline of the message at the latest.
        """
        try:
            words = words_for(self.texts, message, self._server_name)
            html, text = words.html(self.texts), words.text(self.texts)
        except ValueError as error:
            return RefusedForever(str(error))
        except CannotRender as error:
            _log.error("a mail could not be rendered: %s", error)
            return RefusedForNow("a layout of this host cannot be rendered")
        try:
            await self._hand_over(message.deadline, message.recipient, words.subject, html, text)
        except Exception as error:
            return _outcome(error)
        return Accepted()

    async def _hand_over(self, deadline: int, *mail: str) -> None:
        """Send a mail through Synapse. Raises its errors, and Twisted's ``TimeoutError`` after ``deadline`` ms."""
        from synapse.module_api import make_deferred_yieldable, run_in_background
        from twisted.internet import reactor

        clock: Any = reactor
        sending = run_in_background(self._api.send_mail, *mail)
        await make_deferred_yieldable(sending.addTimeout(deadline / 1000, clock))


def _outcome(error: Exception) -> Outcome:
    from twisted.internet.defer import TimeoutError as TooLate
    from twisted.internet.error import ConnectionLost
    from twisted.mail.smtp import SMTPDeliveryError, SMTPProtocolError, SMTPTimeoutError

    if isinstance(error, SMTPDeliveryError):
        for_ever = 500 <= error.code < 600
        return RefusedForever("the mail server refused it") if for_ever else RefusedForNow("the mail server said later")
    if isinstance(error, TooLate | ConnectionLost | SMTPProtocolError | SMTPTimeoutError):
        return Unknown(type(error).__name__)
    return RefusedForNow(type(error).__name__)
