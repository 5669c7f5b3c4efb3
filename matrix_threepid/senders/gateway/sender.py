"""``HttpSender``: SMS through any gateway that takes an HTTP request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from string import Template
from typing import Any, Literal
from urllib.parse import urlencode

from attrs import field, frozen, validators

from ...model.message import Accepted, Outcome, RefusedForever, TokenMessage
from ...net.direct_https import DirectHttp, checked_url, request_to
from ...net.fetch import Fetch, HttpFailure, HttpReply
from ...protocol.errors import ConfigurationError
from ...protocol.members import redacted
from ...texts.catalogue import Texts
from .._http_outcomes import of_failure, of_status, wait_of
from .._sms import sms_text

_PLACEHOLDERS = ("number", "digits", "text", "code")
_ALLOWED = "$number, $digits, $text and $code"
_KINDS = {"json": "application/json", "form": "application/x-www-form-urlencoded"}


def _without_query(url: str) -> str:
    """Return a URL for ``repr``, without its query, in which some gateways take the key of the account."""
    return repr(url.partition("?")[0])


def _statuses(given: Iterable[int]) -> frozenset[int]:
    return frozenset(given)


@frozen(kw_only=True, eq=False)
class HttpSender:
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
    * ``texts``: the wordings of SMS; the built-in ones by default.

    Any other 4xx counts as refused for now, because it may be a mistake in the configuration. Raises
    ``ConfigurationError`` for a URL or a template that could never be sent.

    >>> sender = HttpSender("https://sms.example.org/send", {"to": "$number", "message": "$text"})
    >>> HttpSender("https://sms.example.org/send", {"to": "$nmber"})  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    ConfigurationError: template: unknown placeholder 'nmber', allowed are $number, $digits, $text and $code
    """

    url: str = field(kw_only=False, repr=_without_query)
    template: Mapping[str, Any] = field(kw_only=False, repr=False)
    headers: Mapping[str, str] = field(factory=dict, kw_only=False, repr=redacted)
    fetch: Fetch | None = field(default=None, kw_only=False, repr=False)
    body: Literal["json", "form"] = field(default="json", validator=validators.in_(tuple(_KINDS)))
    refused_for_ever: frozenset[int] = field(default=frozenset(), converter=_statuses)
    denied: frozenset[int] = field(default=frozenset(), converter=_statuses)
    texts: Texts = field(factory=Texts, repr=False)
    _fetch: Fetch = field(init=False, repr=False)

    @_fetch.default
    def _fetch_with(self) -> Fetch:
        return self.fetch or DirectHttp(tls=self.url.startswith("https:"))

    def __attrs_post_init__(self) -> None:
        checked_url(self.url)
        # Filled once with nothing, so that a mistake shows at the start and not at the first SMS.
        try:
            self._encoded(dict.fromkeys(_PLACEHOLDERS, ""))
        except KeyError as error:
            raise ConfigurationError(f"template: unknown placeholder {error}, allowed are {_ALLOWED}") from None
        except ValueError as error:
            raise ConfigurationError(f"template: {error} (a dollar sign is written $$)") from None
        except TypeError:
            raise ConfigurationError("template: must hold JSON values only, not such as a date of YAML") from None

    async def send(self, message: TokenMessage) -> Outcome:
        """Send one SMS; ``Accepted`` for any 2xx, whatever its body says."""
        try:
            text = sms_text(self.texts, message)
        except ValueError as error:
            return RefusedForever(str(error))
        digits, code = message.recipient, message.code or ""
        content = self._encoded({"number": f"+{digits}", "digits": digits, "text": text, "code": code})
        headers = {"Content-Type": _KINDS[self.body], **self.headers}
        reply = await self._fetch.fetch(request_to("POST", self.url, tuple(headers.items()), content), message.deadline)
        return self._outcome(reply)

    def _encoded(self, values: Mapping[str, str]) -> bytes:
        filled = _filled(self.template, values)
        return (json.dumps(filled) if self.body == "json" else urlencode(filled, doseq=True)).encode()

    def _outcome(self, reply: HttpReply | HttpFailure) -> Outcome:
        if isinstance(reply, HttpFailure):
            return of_failure(reply)
        reason = f"the gateway answered {reply.status}"
        if 200 <= reply.status < 300:
            return Accepted()
        if reply.status in self.refused_for_ever | self.denied:
            return RefusedForever(reason, denied=reply.status in self.denied)
        return of_status(reply.status, reason, wait_of(reply))


def _filled(template: Any, values: Mapping[str, str]) -> Any:
    """Return a copy of a template whose texts are filled, at any depth; names of members are not templates."""
    if isinstance(template, str):
        return Template(template).substitute(values)
    if isinstance(template, Mapping):
        return {name: _filled(inner, values) for name, inner in template.items()}
    return [_filled(inner, values) for inner in template] if isinstance(template, list) else template
