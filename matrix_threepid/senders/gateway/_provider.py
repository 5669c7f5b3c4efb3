"""``Provider``: what all providers have in common that take one HTTP request a message."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from string import Template
from typing import Any, ClassVar, Literal
from urllib.parse import urlencode

from attrs import field, frozen

from ...model.message import Accepted, Outcome, RefusedForever, Unknown
from ...net.direct_https import DirectHttp, checked_url, request_to
from ...net.fetch import A_FETCH, Fetch, HttpFailure, HttpReply
from ...protocol.errors import ConfigurationError
from ...protocol.members import redacted
from ...protocol.wiring import demand, having, one_of, whole
from .._http_outcomes import of_failure, of_status, wait_of
from .answers import AnswerRule, judged, wants_acceptance

# Tokens and field values: https://www.rfc-editor.org/rfc/rfc9110#section-5.5
_NAME, _VALUE = re.compile(r"[!#-'*+.0-9A-Z^-z|~-]+"), re.compile(r"[\x20-\x7e\xa0-\xff\t]*")
_KINDS = {"json": "application/json", "form": "application/x-www-form-urlencoded"}


def _without_query(url: str) -> str:
    """Return a URL for ``repr``, without its query, in which some gateways take the key of the account."""
    return repr(url.partition("?")[0])


def _statuses(given: Iterable[int]) -> frozenset[int]:
    demand("refused_for_ever, denied", given, _are_statuses, "must be lists of HTTP statuses, such as [404]")
    return frozenset(given)


def _are_statuses(given: Iterable[int]) -> bool:
    return not isinstance(given, str | bytes) and all(map(whole(100, 599), given))


def _rules(given: Iterable[AnswerRule]) -> tuple[AnswerRule, ...]:
    demand("answers", given, lambda rules: iter(rules) is not rules, "must be a list of AnswerRule objects")
    return tuple(given)


def _is_template(template: object) -> bool:
    return isinstance(template, Mapping) and all(isinstance(name, str) for name in template)


def _are_headers(headers: Mapping[str, str]) -> bool:
    return all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in headers.items())


@frozen(kw_only=True, eq=False)
class Provider:
    """A provider that takes one HTTP request a message.

    * ``url``: where to post; ``https:``, or ``http:`` to a loopback address.
    * ``template``: the members of the body, whose texts may name the placeholders of the class.
    * ``headers``: further headers, such as ``Authorization``; none by default.
    * ``fetch``: makes the requests; ``None`` makes a ``DirectHttp``.
    * ``body``: ``"json"`` (the default) or ``"form"``, the encoding of the body.
    * ``refused_for_ever``, ``denied``: HTTP statuses with that meaning; none by default.
    * ``answers``: rules on the JSON body of an answer; the first that holds decides, before the status. By default
      none.

    Raises ``ConfigurationError`` for a URL or a template that could never be sent.
    """

    PLACEHOLDERS: ClassVar[tuple[str, ...]] = ()

    url: str = field(kw_only=False, repr=_without_query)
    template: Mapping[str, Any] = field(kw_only=False, repr=False)
    headers: Mapping[str, str] = field(factory=dict, kw_only=False, repr=redacted)
    fetch: Fetch | None = field(default=None, kw_only=False, repr=False)
    body: Literal["json", "form"] = field(default="json", validator=one_of(*_KINDS))
    refused_for_ever: frozenset[int] = field(default=frozenset(), converter=_statuses)
    denied: frozenset[int] = field(default=frozenset(), converter=_statuses)
    answers: Sequence[AnswerRule] = field(default=(), converter=_rules)
    _fetch: Fetch = field(init=False, repr=False)

    @_fetch.default
    def _fetch_with(self) -> Fetch:
        demand("fetch", self.fetch, lambda given: given is None or having("fetch")(given), A_FETCH)
        return self.fetch or DirectHttp(tls=checked_url(self.url).startswith("https:"))

    def __attrs_post_init__(self) -> None:
        checked_url(self.url)
        demand("template", self.template, _is_template, "must be a dict whose names and members the body has")
        demand("headers", self.headers, _are_headers, "must be a dict of names and values of headers, all in one line")
        if not all(isinstance(rule, AnswerRule) for rule in self.answers):
            raise ConfigurationError("answers: must be AnswerRule objects")
        # Filled once with nothing, so that a mistake shows at the start and not at the first message.
        try:
            self._encoded(dict.fromkeys(self.PLACEHOLDERS, ""))
        except KeyError as error:
            names = [f"${name}" for name in self.PLACEHOLDERS]
            allowed = f"{', '.join(names[:-1])} and {names[-1]}"
            raise ConfigurationError(f"template: unknown placeholder {error}, allowed are {allowed}") from None
        except ValueError as error:
            raise ConfigurationError(f"template: {error} (a dollar sign is written $$)") from None
        except TypeError:
            raise ConfigurationError("template: must hold JSON values only, not such as a date of YAML") from None

    async def _post(self, values: Mapping[str, str], deadline: int) -> Outcome:
        """Make the request of one message and return the outcome."""
        headers = {"Content-Type": _KINDS[self.body], **self.headers}
        request = request_to("POST", self.url, tuple(headers.items()), self._encoded(values))
        return self._outcome(await self._fetch.fetch(request, deadline))

    def _encoded(self, values: Mapping[str, str]) -> bytes:
        filled = _filled(self._members(values), values)
        return (json.dumps(filled) if self.body == "json" else urlencode(filled, doseq=True)).encode()

    def _members(self, values: Mapping[str, str]) -> Mapping[str, Any]:
        """Return the template of the members of a body with these values."""
        return self.template

    def _outcome(self, reply: HttpReply | HttpFailure) -> Outcome:
        if isinstance(reply, HttpFailure):
            return of_failure(reply)
        if (outcome := judged(self.answers, reply)) is not None:
            return outcome
        reason = f"the gateway answered {reply.status}"
        if 200 <= reply.status < 300:
            unread = wants_acceptance(self.answers)
            return Unknown(f"{reason}, and no rule holds for the rest") if unread else Accepted()
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
