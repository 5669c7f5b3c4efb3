"""``TwilioVerifySender``: Twilio Verify makes, sends and checks the codes (https://www.twilio.com/docs/verify/api)."""

from __future__ import annotations

import re
from typing import Any, Literal

from attrs import field, frozen

from ...model.message import Accepted, MessageKind, Outcome, RefusedForever, TokenMessage
from ...protocol.wiring import demand, one_of
from ._outcomes import TwilioFailed
from .sender import TwilioAccount

CHANNELS = ("sms", "call", "whatsapp")
_SERVICE = re.compile(r"VA[0-9A-Za-z]{1,64}")
_WRONG = (404, 20404, 60200, 60202)
"""HTTP statuses and error codes of Twilio that mean that a code is wrong.

That is, that no such verification is under way (404, 20404), that the code has another shape than Twilio's (60200), or
that it was checked too often (60202); see https://www.twilio.com/docs/verify/api/verification-check.
"""


@frozen(kw_only=True, eq=False)
class TwilioVerifySender(TwilioAccount):
    """A ``RemoteVerifier`` for SMS whose codes and texts are Twilio's.

    * ``account_sid``, ``auth_token``, ``fetch``, ``base_url``: as for ``TwilioAccount``.
    * ``service_sid``: the SID of a Verify service, which begins with VA.
    * ``channel``: how codes go out: ``"sms"`` (the default), ``"call"`` (a voice reads the code out) or ``"whatsapp"``;
      see https://www.twilio.com/docs/verify/authentication-channels.

    The limits on guesses are those of our own codes. Twilio accepts a code once: submitted again it is wrong. Raises
    ``ConfigurationError`` as ``TwilioAccount`` does.
    """

    service_sid: str
    channel: Literal["sms", "call", "whatsapp"] = field(default="sms", validator=one_of(*CHANNELS))

    def __attrs_post_init__(self) -> None:
        demand("service_sid", self.service_sid, _SERVICE.fullmatch, "must begin with VA")

    async def send(self, message: TokenMessage) -> Outcome:
        """Have Twilio send a code of its own; the ``provider_id`` of ``Accepted`` is the verification's SID.

        The code of ``message`` is not used: see https://www.twilio.com/docs/verify/api/verification.
        """
        if message.kind is not MessageKind.TOKEN or message.code is None:
            return RefusedForever("an SMS holds a code, and this message has none")
        verification = {"to": f"+{message.recipient}", "channel": self.channel, "locale": message.language}
        try:
            started = await self._account.ask(
                message.deadline, lambda client: self._service(client).verifications.create_async(**verification)
            )
        except TwilioFailed as failed:
            return failed.outcome
        return Accepted(started.sid)

    async def verify(self, recipient: str, code: str, deadline: int) -> bool | None:
        """Return whether Twilio sent this code to this number; ``None`` if Twilio did not answer that."""
        check = {"to": f"+{recipient}", "code": code}
        try:
            checked = await self._account.ask(
                deadline, lambda client: self._service(client).verification_checks.create_async(**check)
            )
        except TwilioFailed as failed:
            return False if any(code in _WRONG for code in failed.codes) else None
        return bool(checked.status == "approved")

    def _service(self, client: Any) -> Any:
        return client.verify.v2.services(self.service_sid)
