"""What goes in and out of the library: one request, one response, both plain frozen values, and JSON bodies.

A body is read strictly: what two parsers could read in two ways is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from attrs import evolve, field, frozen

from .errors import BadJson, NotJson, TooLarge
from .languages import look_up

MAX_DEPTH = 20
_MAX_DIGITS = 400
_MAX_INTEGER = 2**53 - 1
ALLOW_HEADERS = "Access-Control-Allow-Headers"
CORS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS"),
    (ALLOW_HEADERS, "X-Requested-With, Content-Type, Authorization"),
)
"""Headers on every answer (specification, "Web Browser Clients")."""


_MAX_WISHES = 200


def _fields(encoded: str) -> dict[str, str]:
    """Return the members of a query or form; none if there are more than anything of ours sends."""
    try:
        return dict(parse_qsl(encoded, keep_blank_values=True, max_num_fields=32))
    except ValueError:
        return {}


@frozen(slots=False)
class Request:
    """One HTTP request as a host saw it.

    ``headers``: lower-case names. ``query``: the raw query string. ``client``: the peer's address as
    the host trusts it, or ``None``. ``native``: the host's own request object, handed to its ports.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    query: str = field(default="", repr=False)
    body: bytes = field(default=b"", repr=False)
    client: str | None = field(default=None, repr=False)
    native: Any = field(default=None, repr=False, eq=False)

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The query parameters; of a repeated one the last."""
        return _fields(self.query)

    @cached_property
    def form(self) -> dict[str, str]:
        """The members of an HTML form body."""
        return _fields(self.body.decode("utf-8", "replace"))

    @property
    def is_form(self) -> bool:
        """Whether an HTML form sent the body."""
        return self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")

    @property
    def is_of_other_site(self) -> bool:
        """Whether a browser says that a page of another site makes the request, or does not say whose page does.

        See https://www.w3.org/TR/fetch-metadata/; browsers without it name the page in ``Origin``. No program sends it.
        """
        site = self.headers.get("sec-fetch-site")
        return "origin" in self.headers if site is None else site not in ("same-origin", "none")

    def best_language(self, offered: Sequence[str]) -> str:
        """Return the offered language that ``Accept-Language`` likes best, or the first one offered.

        See https://www.rfc-editor.org/rfc/rfc9110#name-accept-language and ``languages.look_up``.
        """
        wishes = self.headers.get("accept-language", "")[:_MAX_WISHES]
        for quality, tag in sorted(map(_wish, wishes.split(",")), key=lambda wish: wish[0], reverse=True):
            if quality > 0 and (found := look_up(tag, offered)) is not None:
                return found
        return offered[0]


def _wish(item: str) -> tuple[float, str]:
    """Return quality and tag of one wish, such as ``de-AT;q=0.8``."""
    tag, _, quality = item.strip().lower().partition(";q=")
    try:
        return float(quality or 1), tag.strip()
    except ValueError:
        return 0.0, ""


@frozen
class Response:
    """One HTTP answer: status, headers in order, body."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        """Return the value of a header, whatever its case, or ``None``."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        """Return the body read as JSON."""
        return json.loads(self.body)


def allowing(response: Response, headers: str | None) -> Response:
    """Return the response with these names in ``Access-Control-Allow-Headers``; ``None``: as it is."""
    if headers is None:
        return response
    changed = tuple((name, headers if name == ALLOW_HEADERS else value) for name, value in response.headers)
    return evolve(response, headers=changed)


def without_cors(response: Response) -> Response:
    """Return the response without the headers by which a browser lets pages of other sites read it."""
    return evolve(response, headers=tuple(each for each in response.headers if each[0] not in _CORS_NAMES))


_CORS_NAMES = frozenset(name for name, _ in CORS)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_JSON = (("Content-Type", "application/json"), ("Cache-Control", "no-store"), *CORS)


def json_response(status: int, body: Mapping[str, object], *headers: tuple[str, str]) -> Response:
    """Return ``body`` as a JSON answer with CORS headers."""
    return Response(status, _JSON + headers, _ENCODER.encode(body).encode())


def read_object(raw: bytes, max_bytes: int) -> dict[str, object]:
    """Return the JSON object in ``raw``.

    Raises ``TooLarge`` before parsing, ``NotJson`` for what is no JSON text, and ``BadJson`` for
    anything but an object, duplicate members, lone surrogates, infinite numbers or deep nesting.
    """
    if len(raw) > max_bytes:
        raise TooLarge
    value = _parse(raw)
    if not isinstance(value, dict):
        raise BadJson
    _check(value, MAX_DEPTH)
    return value


def _parse(raw: bytes) -> Any:
    try:
        return _DECODER.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise NotJson from None


def _check(value: object, depth: int) -> None:
    """Refuse deep nesting and strings that are no Unicode text (lone surrogates)."""
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict | list):
        if not depth:
            raise BadJson(f"The body is nested deeper than {MAX_DEPTH} levels")
        for inner in value if isinstance(value, list) else (*value, *value.values()):
            _check(inner, depth - 1)


def _check_text(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadJson("A string of the body holds a lone surrogate") from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadJson("A member of the body appears twice")
    return members


def _whole(digits: str) -> int:
    # Python refuses to read integers of thousands of digits; a shorter one is as much out of range.
    return int(digits[:_MAX_DIGITS])


def _finite(text: str) -> float:
    number = float(text)
    # A whole number may be written as 1.0E+10: canonical JSON writes it as 10000000000, and signatures are over that.
    if number.is_integer() and abs(number) <= _MAX_INTEGER:
        return int(number)
    if number in (float("inf"), float("-inf")):
        raise BadJson("A number of the body is out of range")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_whole, parse_float=_finite, parse_constant=_no_constant
)
