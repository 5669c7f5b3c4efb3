"""``HttpSender``: SMS through any gateway that takes an HTTP request."""

from __future__ import annotations

from typing import ClassVar

from attrs import field, frozen

from ...model.message import Outcome, RefusedForever, TokenMessage
from ...protocol.wiring import a
from ...texts.catalogue import Texts
from .._sms import sms_text
from ._provider import Provider


@frozen(kw_only=True, eq=False)
class HttpSender(Provider):
    """A ``TokenSender`` for SMS that posts one HTTP request a message to a gateway.

    * ``url``: where to post; ``https:``, or ``http:`` to a loopback address.
    * ``template``: the members of the body. Texts in it are ``string.Template`` strings and may name ``$number``
      (E.164, with its plus sign), ``$digits`` (without it), ``$text`` (the whole SMS) and ``$code``.
    * ``headers``: further headers, such as ``Authorization``; none by default.
    * ``fetch``: makes the requests; ``None`` makes a ``DirectHttp``.
    * ``body``: ``"json"`` (the default) or ``"form"``, the encoding of the body.
    * ``refused_for_ever``: HTTP statuses that mean that this number will never get an SMS; none by default.
    * ``denied``: HTTP statuses that mean that the gateway sends none to this country or suspects fraud; none by
      default.
    * ``answers``: ``AnswerRule`` objects for gateways that answer 200 with an error. The first that holds decides,
      before the status. With a rule for ``"accepted"``, the outcome of a 2xx for which no rule holds is unknown. None
      by default: every 2xx is accepted.
    * ``texts``: the wordings of SMS; the built-in ones by default.

    Any other 4xx counts as refused for now, because it may be a mistake in the configuration. Raises
    ``ConfigurationError`` for a URL or a template that could never be sent.

    >>> sender = HttpSender("https://sms.example.org/send", {"to": "$number", "message": "$text"})
    >>> HttpSender("https://sms.example.org/send", {"to": "$nmber"})  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    ConfigurationError: template: unknown placeholder 'nmber', allowed are $number, $digits, $text and $code
    """

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ("number", "digits", "text", "code")

    texts: Texts = field(factory=Texts, repr=False, validator=a(Texts, "Texts(directory)"))

    async def send(self, message: TokenMessage) -> Outcome:
        """Send one SMS; without ``answers``, ``Accepted`` for any 2xx, whatever its body says."""
        try:
            text = sms_text(self.texts, message)
        except ValueError as error:
            return RefusedForever(str(error))
        digits, code = message.recipient, message.code or ""
        return await self._post(
            {"number": f"+{digits}", "digits": digits, "text": text, "code": code}, message.deadline
        )
