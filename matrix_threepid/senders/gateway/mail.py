"""``HttpMailSender``: mail through a provider's HTTP interface, and the declarations of three providers."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from attrs import field, frozen

from ...callbacks.report import METADATA
from ...model.message import Outcome, RefusedForever, RefusedForNow, TokenMessage, Unknown
from ...net.deadline import Deadline
from ...offload import Offload
from ...protocol.errors import ConfigurationError
from ...texts.catalogue import Texts
from ...texts.mails import words_for
from ...threads import Threads
from ..smtp.mail import Mails, is_deliverable
from ._provider import Provider
from .answers import AnswerRule

_AT_ONCE = 4
"""The mails that are composed at once."""


@frozen(kw_only=True, eq=False)
class HttpMailSender(Provider):
    """A ``TokenSender`` for e-mail that posts one HTTP request a mail to a provider.

    * ``url``, ``headers``, ``fetch``, ``body``, ``refused_for_ever``, ``denied``, ``answers``: as for ``HttpSender``.
    * ``template``: the members of the body. Texts in it may name ``$to``, ``$from`` (the mailbox), ``$from_address``
      and ``$from_name`` (its parts; without a name the address), ``$subject``, ``$text`` and ``$html``.
    * ``sender``: ``noreply@example.org`` or ``Example <noreply@example.org>``.
    * ``server_name``: the name of the server as mails show it.
    * ``texts``: sentences and layouts; the built-in ones by default.
    * ``metadata``: members that the body has besides where the message has an id: ``$message``; none by default. The
      provider gives them back when it reports what became of the mail.

    After a 5xx the mail was refused for now, since a second mail does no harm. ``postmark``, ``mailgun`` and
    ``sendgrid`` declare three providers. Raises ``ConfigurationError`` for a URL, a template or a mailbox that could
    never be sent.
    """

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = (
        *("to", "from", "from_address", "from_name", "subject", "text", "html"),
        "message",
    )

    sender: str
    server_name: str
    texts: Texts | None = field(default=None, repr=False)
    metadata: Mapping[str, Any] = field(factory=dict, repr=False)
    _compose: Offload = field(init=False, repr=False)

    @_compose.default
    def _compose_in(self) -> Offload:
        # Made as well, so that a mailbox or a name that could never be sent is refused here.
        Mails(self.sender, self.server_name, self.texts)
        return Threads(_AT_ONCE)

    async def send(self, message: TokenMessage) -> Outcome:
        """Send one mail."""
        until = Deadline.in_ms(message.deadline)
        try:
            values = await self._compose(partial(self._values, message))
        except ValueError as error:
            return RefusedForever(str(error))
        outcome = await self._post(values, until.left_ms())
        if isinstance(outcome, Unknown) and outcome.elsewhere:
            return RefusedForNow(outcome.reason, elsewhere=True)
        return outcome

    def _values(self, message: TokenMessage) -> dict[str, str]:
        if not is_deliverable(message.recipient):
            raise ValueError("the recipient is no plain address")
        texts = self.texts or Texts()
        words = words_for(texts, message, self.server_name)
        address = self.sender.rpartition("<")[2].removesuffix(">").strip()
        return {
            "to": message.recipient,
            "from": self.sender,
            "from_address": address,
            "from_name": self.sender.rpartition("<")[0].strip() or address,
            "subject": words.subject,
            "text": words.text(texts),
            "html": words.html(texts),
            "message": message.message_id or "",
        }

    def _members(self, values: Mapping[str, str]) -> Mapping[str, Any]:
        # When the sender is made, all values are empty: then the metadata is tried as well.
        return {**self.template, **self.metadata} if values["message"] or not values["to"] else self.template


# No tracking: a link that is rewritten leads through the provider, and a picture reports that the mail was opened.
_POSTMARK = {
    "From": "$from",
    "To": "$to",
    "Subject": "$subject",
    "TextBody": "$text",
    "HtmlBody": "$html",
    "TrackOpens": False,
    "TrackLinks": "None",
    "Headers": [{"Name": "Auto-Submitted", "Value": "auto-generated"}],
}
_MAILGUN = {
    "from": "$from",
    "to": "$to",
    "subject": "$subject",
    "text": "$text",
    "html": "$html",
    "o:tracking": "no",
    "h:Auto-Submitted": "auto-generated",
}
_SENDGRID = {
    "personalizations": [{"to": [{"email": "$to"}]}],
    "from": {"email": "$from_address", "name": "$from_name"},
    "subject": "$subject",
    "content": [{"type": "text/plain", "value": "$text"}, {"type": "text/html", "value": "$html"}],
    "headers": {"Auto-Submitted": "auto-generated"},
    "tracking_settings": {"click_tracking": {"enable": False}, "open_tracking": {"enable": False}},
}
_ID = {METADATA: "$message"}


def postmark(server_token: str, **options: Any) -> HttpMailSender:
    """Return a sender through Postmark (https://postmarkapp.com/developer/api/email-api).

    * ``server_token``: the token of the server there.
    * ``options``: ``sender``, ``server_name`` and what else ``HttpMailSender`` takes.
    """
    return HttpMailSender(
        options.pop("url", "https://api.postmarkapp.com/email"),
        _POSTMARK,
        {"X-Postmark-Server-Token": _key(server_token, "server_token"), "Accept": "application/json"},
        # 406: the recipient has bounced or complained, and Postmark sends nothing there any more.
        answers=(AnswerRule("ErrorCode", ["0"], "accepted"), AnswerRule("ErrorCode", ["406"], "refused_for_ever")),
        **{"metadata": {"Metadata": _ID}, **options},
    )


def mailgun(domain: str, api_key: str, **options: Any) -> HttpMailSender:
    """Return a sender through Mailgun (https://documentation.mailgun.com/docs/mailgun/api-reference).

    * ``domain``: the sending domain there.
    * ``api_key``: a sending key.
    * ``options``: ``sender``, ``server_name`` and what else ``HttpMailSender`` takes; ``url`` for the region of the EU,
      ``https://api.eu.mailgun.net/v3/DOMAIN/messages``.
    """
    basic = b64encode(f"api:{_key(api_key, 'api_key')}".encode()).decode()
    url = options.pop("url", f"https://api.mailgun.net/v3/{domain}/messages")
    metadata = {f"v:{METADATA}": "$message"}
    headers = {"Authorization": f"Basic {basic}"}
    return HttpMailSender(url, _MAILGUN, headers, body="form", **{"metadata": metadata, **options})


def sendgrid(api_key: str, **options: Any) -> HttpMailSender:
    """Return a sender through SendGrid (https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send).

    * ``api_key``: a key that may send mail.
    * ``options``: ``sender``, ``server_name`` and what else ``HttpMailSender`` takes.
    """
    url = options.pop("url", "https://api.sendgrid.com/v3/mail/send")
    headers = {"Authorization": f"Bearer {_key(api_key, 'api_key')}"}
    return HttpMailSender(url, _SENDGRID, headers, **{"metadata": {"custom_args": _ID}, **options})


def _key(key: str, name: str) -> str:
    if not isinstance(key, str) or not key.isascii() or not key.isprintable() or not key:
        raise ConfigurationError(f"{name}: must be a text of printable ASCII")
    return key
