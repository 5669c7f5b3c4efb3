"""``TwilioVerifySender``: Twilio Verify makes, sends and checks the codes itself."""

from __future__ import annotations

import re
from typing import Any

from attrs import frozen

from ...model.message import Accepted, MessageKind, Outcome, RefusedForever, TokenMessage
from ...protocol.errors import ConfigurationError
from ._outcomes import Trouble
from .sender import TwilioAccount

_SERVICE = re.compile(r"VA[0-9A-Za-z]{1,64}")
_WRONG = (404, 20404, 60200, 60202)
"""Twilio's statuses and codes for a code it has not sent, no longer knows, or has been asked about too often."""


@frozen(kw_only=True, eq=False)
class TwilioVerifySender(TwilioAccount):
    """A ``RemoteVerifier`` for SMS over a Verify service, whose SID begins with VA; text and code are Twilio's.

    The limits on guesses hold as for our own codes. A code fits once: submitted again it counts as wrong.
    """

    service_sid: str

    def __attrs_post_init__(self) -> None:
        if not _SERVICE.fullmatch(self.service_sid):
            raise ConfigurationError("service_sid: must begin with VA")

    async def send(self, message: TokenMessage) -> Outcome:
        """Let Twilio send a code of its own. ``Accepted`` names the verification's SID."""
        if message.kind is not MessageKind.TOKEN or message.code is None:
            return RefusedForever("an SMS holds a code, and this message has none")
        wanted = {"to": f"+{message.recipient}", "channel": "sms", "locale": message.language}
        try:
            started = await self._account.ask(
                message.deadline, lambda client: self._service(client).verifications.create_async(**wanted)
            )
        except Trouble as trouble:
            return trouble.outcome
        return Accepted(started.sid)

    async def verify(self, recipient: str, code: str, deadline: int) -> bool | None:
        """Return whether Twilio sent this code to this number, or ``None`` if it does not say."""
        typed = {"to": f"+{recipient}", "code": code}
        try:
            checked = await self._account.ask(
                deadline, lambda client: self._service(client).verification_checks.create_async(**typed)
            )
        except Trouble as trouble:
            return False if any(known in _WRONG for known in trouble.codes) else None
        return bool(checked.status == "approved")

    def _service(self, client: Any) -> Any:
        return client.verify.v2.services(self.service_sid)
