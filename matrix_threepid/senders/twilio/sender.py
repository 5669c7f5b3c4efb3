"""``TwilioSender``: SMS through Twilio's messages (https://www.twilio.com/docs/messaging/api/message-resource)."""

from __future__ import annotations

import re
from typing import Any

from attrs import field, frozen

from ...callbacks.report import METADATA
from ...model.message import Accepted, Outcome, RefusedForever, TokenMessage
from ...net.direct_https import DirectHttp, checked_url
from ...net.fetch import A_FETCH, Fetch
from ...protocol.errors import ConfigurationError
from ...protocol.members import redacted
from ...protocol.wiring import a, demand, having
from ...texts.catalogue import Texts
from .._sms import sms_text
from ._outcomes import TwilioFailed

CHECK_DEADLINE = 10_000
"""The ms that ``check`` may take."""
# Shapes of SIDs and senders: https://www.twilio.com/docs/glossary/what-is-a-sid and
# https://www.twilio.com/docs/glossary/what-alphanumeric-sender-id
_ACCOUNT = re.compile(r"AC[0-9A-Za-z]{1,64}")
_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11}")
_CALLBACK = re.compile(r"https?://[!->@-~]{1,1000}")  # no question mark
_SERVICE = re.compile(r"MG[0-9A-Za-z]{1,64}")


def _is_token(token: object) -> bool:
    return isinstance(token, str) and token != "" and token.isascii()


@frozen(kw_only=True, eq=False)
class TwilioAccount:
    """A Twilio account.

    * ``account_sid``: the SID of the account, which begins with AC.
    * ``auth_token``: its auth token (https://www.twilio.com/docs/usage/requests-to-twilio), in ASCII.
    * ``fetch``: makes the requests; ``None`` makes a ``DirectHttp``.
    * ``base_url``: a URL in place of Twilio's own hosts, for tests and proxies; ``None``: those.

    Raises ``ConfigurationError`` for values of another shape, and if the extra ``twilio`` is not installed.
    """

    account_sid: str = field(kw_only=False)
    auth_token: str = field(kw_only=False, repr=redacted)
    fetch: Fetch | None = field(default=None, repr=False)
    base_url: str | None = None
    _account: Any = field(init=False, repr=False)

    @_account.default
    def _signed_in(self) -> Any:
        demand("account_sid", self.account_sid, _ACCOUNT.fullmatch, "must begin with AC")
        demand("auth_token", self.auth_token, _is_token, "must be a string in ASCII, and not empty")
        demand("fetch", self.fetch, lambda given: given is None or having("fetch")(given), A_FETCH)
        url = None if self.base_url is None else checked_url(self.base_url)
        try:
            from ._client import Account
        except ImportError:
            raise ConfigurationError("Twilio needs its client: pip install 'matrix-threepid[twilio]'") from None
        fetch = self.fetch or DirectHttp(tls=url is None or url.startswith("https:"))
        return Account(self.account_sid, self.auth_token, fetch, url)

    async def check(self) -> str | None:
        """Ask Twilio for the account; return ``None`` if it can send, else the reason it cannot. Sends nothing."""
        try:
            found = await self._account.ask(CHECK_DEADLINE, self._found)
        except TwilioFailed as failed:
            return str(failed)
        return None if found.status == "active" else "the account is not active"

    def _found(self, client: Any) -> Any:
        return client.api.v2010.accounts(self.account_sid).fetch_async()


@frozen(kw_only=True, eq=False)
class TwilioSender(TwilioAccount):
    """A ``TokenSender`` for SMS with codes of our own; threads may share it.

    * ``account_sid``, ``auth_token``, ``fetch``, ``base_url``: as for ``TwilioAccount``.
    * ``sender``: a number in E.164 such as ``"+15005550006"``, a short code of 3 to 8 digits, or a name of up to 11
      characters (https://www.twilio.com/docs/glossary/what-alphanumeric-sender-id).
    * ``messaging_service_sid``: the SID of a messaging service, which begins with MG and chooses the sender
      (https://www.twilio.com/docs/messaging/services).
    * ``texts``: the wordings of SMS; the built-in ones by default.
    * ``status_callback``: the URL at which Twilio reports what became of an SMS, that of ``twilio_callbacks`` below
      ``Policy.public_base_url``; ``None`` (default) for no reports. Only an SMS whose message has an id names it.

    Exactly one of ``sender`` and ``messaging_service_sid`` is given. A message whose outcome is unknown counts as sent
    and is not sent again (decision 22). Raises ``ConfigurationError`` as ``TwilioAccount`` does, and for a sender of
    another shape.
    """

    sender: str | None = None
    messaging_service_sid: str | None = None
    texts: Texts = field(factory=Texts, repr=False, validator=a(Texts, "Texts(directory)"))
    status_callback: str | None = None

    def __attrs_post_init__(self) -> None:
        if (self.sender is None) is (self.messaging_service_sid is None):
            raise ConfigurationError("sender, messaging_service_sid: give exactly one of them")
        if self.sender is not None:
            a_sender = "must be a number as '+15005550006', a short code, or a name of up to 11, each a string"
            demand("sender", self.sender, _SENDER.fullmatch, a_sender)
        if self.messaging_service_sid is not None:
            demand("messaging_service_sid", self.messaging_service_sid, _SERVICE.fullmatch, "must begin with MG")
        if self.status_callback is not None:
            a_url = "must be an https URL without a query, below Policy.public_base_url"
            demand("status_callback", self.status_callback, _CALLBACK.fullmatch, a_url)

    async def send(self, message: TokenMessage) -> Outcome:
        """Send one SMS; the ``provider_id`` of ``Accepted`` is the SID of Twilio's message."""
        try:
            body = sms_text(self.texts, message)
        except ValueError as error:
            return RefusedForever(str(error))
        sms = {"to": f"+{message.recipient}", "body": body, **self._origin(), **self._reports(message)}
        try:
            sent = await self._account.ask(message.deadline, lambda client: client.messages.create_async(**sms))
        except TwilioFailed as failed:
            return failed.outcome
        return Accepted(sent.sid)

    def _reports(self, message: TokenMessage) -> dict[str, str]:
        if self.status_callback is None or message.message_id is None:
            return {}
        return {"status_callback": f"{self.status_callback}?{METADATA}={message.message_id}"}

    def _origin(self) -> dict[str, str | None]:
        if self.sender is not None:
            return {"from_": self.sender}
        return {"messaging_service_sid": self.messaging_service_sid}
