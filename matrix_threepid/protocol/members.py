"""What a member of a message may be: one declaration gives its JSON schema, its check and its rule in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

import attrs
from attrs import frozen

MAX_INTEGER = 2**53 - 1
GRAMMAR = r"[0-9a-zA-Z.=_-]{1,255}"
_END = r"(?![\s\S])"  # the end of the text in Python and ECMA-262 alike; "$" would allow a newline
_PRINTABLE = r"[^\x00-\x1f\x7f]"


@frozen
class Text:
    """A string that matches ``pattern`` from start to end; ``rule`` says so in words."""

    pattern: str
    rule: str

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^(?:{self.pattern}){_END}"}

    def accepts(self, value: object) -> bool:
        return type(value) is str and re.fullmatch(self.pattern, value) is not None

    def read(self, value: Any) -> str:
        return str(value)


@frozen
class Integer:
    """A whole number that every JSON library and database can carry; ``1.0`` is one as well."""

    rule: str = "must be an integer between -(2^53-1) and 2^53-1"

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": -MAX_INTEGER, "maximum": MAX_INTEGER}

    def accepts(self, value: object) -> bool:
        return type(value) is int and -MAX_INTEGER <= value <= MAX_INTEGER

    def read(self, value: Any) -> int:
        return int(value)


@frozen
class LooseInteger:
    """A whole number, or a string of one: web clients send ``send_attempt`` so to identity servers."""

    rule: str = "must be an integer"

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [Integer().schema(), {"type": "string", "pattern": f"^-?[0-9]{{1,15}}{_END}"}]}

    def accepts(self, value: object) -> bool:
        return Integer().accepts(value) or (type(value) is str and re.fullmatch("-?[0-9]{1,15}", value) is not None)

    def read(self, value: Any) -> int:
        return int(value)


@frozen
class Flag:
    """``true`` or ``false``."""

    rule: str = "must be true or false"

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def accepts(self, value: object) -> bool:
        return type(value) is bool

    def read(self, value: Any) -> bool:
        return bool(value)


@frozen
class Free:
    """An object the library hands on unread, such as ``auth``."""

    rule: str = "must be an object"

    def schema(self) -> dict[str, Any]:
        return {"type": "object"}

    def accepts(self, value: object) -> bool:
        return isinstance(value, dict)

    def read(self, value: Any) -> Mapping[str, Any]:
        return dict(value)


class Kind(Protocol):
    """What a member may be: its JSON schema, a quick check that only takes what the schema takes, its rule in words."""

    @property
    def rule(self) -> str: ...
    def schema(self) -> dict[str, Any]: ...
    def accepts(self, value: object) -> bool: ...
    def read(self, value: Any) -> Any: ...


def redacted(_: object) -> str:
    """Stand in for a secret wherever a value is printed."""
    return "<redacted>"


def member(kind: Kind, *, optional: bool = False, secret: bool = False, alias: str | None = None, doc: str = "") -> Any:
    """Declare a member of a message: its kind, and an older name it is also read from."""
    return attrs.field(
        default=None if optional else attrs.NOTHING,
        repr=redacted if secret else True,
        metadata={"kind": kind, "older_name": alias, "doc": doc},
        kw_only=True,
    )


def text(max_length: int, **options: Any) -> Any:
    """Declare a string of 1 to ``max_length`` characters without control characters."""
    rule = f"must be a string of 1 to {max_length} characters without control characters"
    return member(Text(_PRINTABLE + f"{{1,{max_length}}}", rule), **options)


def typed(max_length: int, **options: Any) -> Any:
    """Declare what a person typed: up to ``max_length`` characters, judged by whoever reads it."""
    rule = f"must be a string of 1 to {max_length} characters"
    return member(Text(r"[^\x00-\x08\x0e-\x1f\x7f]" + f"{{1,{max_length}}}", rule), secret=True, **options)


def opaque(**options: Any) -> Any:
    """Declare a ``sid`` or ``client_secret``: 1 to 255 characters of ``0-9 a-z A-Z . = _ -``."""
    return member(Text(GRAMMAR, "must be 1 to 255 characters of 0-9 a-z A-Z . = _ -"), **options)


def token(**options: Any) -> Any:
    """Declare a token as a person typed it: 1 to 255 characters of any kind."""
    return member(Text(r"[\s\S]{1,255}", "must be a string of 1 to 255 characters"), secret=True, **options)


def one_of(*values: str, **options: Any) -> Any:
    """Declare a string out of a short list."""
    return member(Text("|".join(map(re.escape, values)), f"must be one of: {', '.join(values)}"), **options)


def integer(**options: Any) -> Any:
    """Declare a whole number."""
    return member(Integer(), **options)


def flag(**options: Any) -> Any:
    """Declare a boolean."""
    return member(Flag(), **options)


def free_object(**options: Any) -> Any:
    """Declare an object the library does not look into."""
    return member(Free(), **options)
