"""From bytes to a JSON object, strictly: what two parsers could read in two ways is refused here."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from .errors import BadJson, NotJson, TooLarge

MAX_DEPTH = 20
_MAX_DIGITS = 400


def read_object(raw: bytes, max_bytes: int) -> dict[str, Any]:
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


def _check(value: Any, depth: int) -> None:
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


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadJson("A member of the body appears twice")
    return members


def _whole(digits: str) -> int:
    # Python refuses to read integers of thousands of digits; a shorter one is as much out of range.
    return int(digits[:_MAX_DIGITS])


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise BadJson("A number of the body is out of range")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_whole, parse_float=_finite, parse_constant=_no_constant
)
