"""``HttpSender``: SMS through any gateway that takes an HTTP request."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
from ..sms_text import sms_text

_KINDS = {"json": "application/json", "form": "application/x-www-form-urlencoded"}


def _without_query(url: str) -> str:
    """Return a URL as it may be shown: gateways take keys in the query."""
    return repr(url.partition("?")[0])


@frozen(kw_only=True, eq=False)
class HttpSender:
    """A ``TokenSender`` that posts to a gateway. Raises ``ConfigurationError``.

    ``template``: the members of the body; texts in it may name ``$number`` (E.164, with its plus sign), ``$digits``
    (without), ``$text`` and ``$code``. ``headers``: such as ``Authorization``. ``body``: as JSON or as a form.
    ``refused_for_ever``: statuses that mean that this number will never get an SMS, ``denied``: that none go there;
    other 4xx may be our own fault.
    """

    url: str = field(kw_only=False, repr=_without_query)
    template: Mapping[str, Any] = field(kw_only=False, repr=False)
    headers: Mapping[str, str] = field(factory=dict, kw_only=False, repr=redacted)
    fetch: Fetch | None = field(default=None, kw_only=False, repr=False)
    body: Literal["json", "form"] = field(default="json", validator=validators.in_(tuple(_KINDS)))
    refused_for_ever: frozenset[int] = field(default=frozenset(), converter=frozenset)
    denied: frozenset[int] = field(default=frozenset(), converter=frozenset)
    texts: Texts = field(factory=Texts, repr=False)
    _fetch: Fetch = field(init=False, repr=False)

    @_fetch.default
    def _fetch_with(self) -> Fetch:
        return self.fetch or DirectHttp(tls=self.url.startswith("https:"))

    def __attrs_post_init__(self) -> None:
        checked_url(self.url)
        try:
            self._encoded(dict.fromkeys(("number", "digits", "text", "code"), ""))
        except (KeyError, ValueError) as error:
            raise ConfigurationError(f"template: nothing fills {error} (a dollar sign is written $$)") from None
        except TypeError:
            raise ConfigurationError("template: holds what is no JSON, such as a date of YAML") from None

    async def send(self, message: TokenMessage) -> Outcome:
        """Send one SMS; any 2xx means that the gateway took it over."""
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
        told = f"the gateway answered {reply.status}"
        if 200 <= reply.status < 300:
            return Accepted()
        if reply.status in self.refused_for_ever | self.denied:
            return RefusedForever(told, denied=reply.status in self.denied)
        return of_status(reply.status, told, wait_of(reply))


def _filled(template: Any, values: Mapping[str, str]) -> Any:
    """Return a template with every text in it filled."""
    if isinstance(template, str):
        return Template(template).substitute(values)
    if isinstance(template, Mapping):
        return {name: _filled(inner, values) for name, inner in template.items()}
    return [_filled(inner, values) for inner in template] if isinstance(template, list) else template
