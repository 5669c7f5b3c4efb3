"""Canonical JSON, the bytes that signatures are over.

Source: https://spec.matrix.org/latest/appendices/#canonical-json.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from canonicaljson import encode_canonical_json

from ..protocol.rules import MAX_INTEGER


def canonical(value: Any) -> bytes:
    """Return canonical JSON.

    Raises ``ValueError`` for values that have none: fractions, integers beyond 2^53-1, lone surrogates, names of
    members that are not texts.

    >>> canonical({"b": 1, "a": [True, 1.0E+10]})
    b'{"a":[true,10000000000],"b":1}'
    """
    whole = whole_numbers(value)
    _check(whole)
    return encode_canonical_json(whole)


def whole_numbers(value: Any) -> Any:
    """Return a value in which whole numbers are integers, as canonical JSON writes them.

    ``json.loads`` makes a ``float`` of ``1.0E+10``, which ``canonicaljson`` writes with a point; other servers sign
    ``10000000000``.
    """
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_INTEGER:
        return int(value)
    if isinstance(value, Mapping):
        return {name: whole_numbers(inner) for name, inner in value.items()}
    return [whole_numbers(inner) for inner in value] if isinstance(value, list | tuple) else value


def _check(value: Any) -> None:
    """Raise ``ValueError`` for a value without canonical JSON.

    ``canonicaljson`` does not: it writes fractions and integers of any size.
    """
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _check_name(name)
            _check(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check(inner)
    elif isinstance(value, str):
        value.encode()  # raises UnicodeEncodeError, a ValueError, for lone surrogates
    elif value is not None and not (isinstance(value, int) and abs(value) <= MAX_INTEGER):
        raise ValueError("canonical JSON has integers between -(2^53-1) and 2^53-1, texts, lists and objects only")


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise ValueError("the names of members are texts")  # noqa: TRY004  one type of error for every wrong value
    name.encode()
