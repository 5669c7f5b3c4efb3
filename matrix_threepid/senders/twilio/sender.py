"""``TwilioSender``: SMS through Twilio, by Twilio's own client, under any event loop or none."""

from __future__ import annotations

import re
from typing import Any

from attrs import field, frozen

from ...model.message import Accepted, Outcome, RefusedForever, TokenMessage
from ...net.direct_https import DirectHttp, checked_url
from ...net.fetch import Fetch
from ...protocol.errors import ConfigurationError
from ...protocol.members import redacted
from ...texts.catalogue import Texts
from ..sms_text import sms_text
from ._outcomes import Trouble

CHECK_DEADLINE = 10_000
"""The ms ``check`` may take."""
_ACCOUNT = re.compile(r"AC[0-9A-Za-z]{1,64}")
_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11}")
_SERVICE = re.compile(r"MG[0-9A-Za-z]{1,64}")


@frozen(kw_only=True, eq=False)
class TwilioAccount:
    """A Twilio account. Raises ``ConfigurationError``, also where the ``twilio`` extra is not installed.

    ``fetch``: how its requests are made; without it over ``DirectHttp()``. ``base_url``: in place of
    Twilio's own hosts, for tests and proxies.
    """

    account_sid: str = field(kw_only=False)
    auth_token: str = field(kw_only=False, repr=redacted)
    fetch: Fetch | None = field(default=None, repr=False)
    base_url: str | None = None
    _account: Any = field(init=False, repr=False)

    @_account.default
    def _signed_in(self) -> Any:
        if not _ACCOUNT.fullmatch(self.account_sid) or not (self.auth_token and self.auth_token.isascii()):
            raise ConfigurationError("account_sid: must begin with AC; auth_token: must be its token")
        url = None if self.base_url is None else checked_url(self.base_url)
        try:
            from ._client import Account
        except ImportError:
            raise ConfigurationError("Twilio needs its client: pip install 'matrix-threepid[twilio]'") from None
        fetch = self.fetch or DirectHttp(tls=url is None or url.startswith("https:"))
        return Account(self.account_sid, self.auth_token, fetch, url)

    async def check(self) -> str | None:
        """Ask Twilio for the account; return ``None``, or what is wrong with it. Sends nothing."""
        try:
            found = await self._account.ask(CHECK_DEADLINE, self._found)
        except Trouble as trouble:
            return str(trouble)
        return None if found.status == "active" else "the account is not active"

    def _found(self, client: Any) -> Any:
        return client.api.v2010.accounts(self.account_sid).fetch_async()


@frozen(kw_only=True, eq=False)
class TwilioSender(TwilioAccount):
    """A ``TokenSender`` for SMS with codes of our own; threads may share it.

    Exactly one of ``sender`` (number in E.164, short code or name) and ``messaging_service_sid``. ``texts``: words.
    A message whose fate is unknown counts as sent and is never sent again by itself.
    """

    sender: str | None = None
    messaging_service_sid: str | None = None
    texts: Texts = field(factory=Texts, repr=False)

    def __attrs_post_init__(self) -> None:
        if (self.sender is None) is (self.messaging_service_sid is None):
            raise ConfigurationError("give either sender or messaging_service_sid")
        if self.sender is not None and not _SENDER.fullmatch(self.sender):
            raise ConfigurationError("sender: must be a number as +15005550006, a short code, or a name of up to 11")
        if self.messaging_service_sid is not None and not _SERVICE.fullmatch(self.messaging_service_sid):
            raise ConfigurationError("messaging_service_sid: must begin with MG")

    async def send(self, message: TokenMessage) -> Outcome:
        """Send one SMS. ``Accepted`` names Twilio's SID of it."""
        try:
            body = sms_text(self.texts, message)
        except ValueError as error:
            return RefusedForever(str(error))
        sms = {"to": f"+{message.recipient}", "body": body, **self._origin()}
        try:
            sent = await self._account.ask(message.deadline, lambda client: client.messages.create_async(**sms))
        except Trouble as trouble:
            return trouble.outcome
        return Accepted(sent.sid)

    def _origin(self) -> dict[str, str | None]:
        if self.sender is not None:
            return {"from_": self.sender}
        return {"messaging_service_sid": self.messaging_service_sid}
