"""One vocabulary of rules for the members of requests, the choices of a policy and the settings of a file.

A rule has a JSON schema and its words. The schema judges, through jsonschema; the words stand in errors
(``member.path: rule``, never the value), in the docs and in the OpenAPI document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

Schema = dict[str, object]
F = TypeVar("F", bound=Callable[..., object])

Check = Callable[[Any], object]
"""Judges values of one type, which the rule names beside it; so its argument is ``Any``."""

MAX_INTEGER = 2**53 - 1
_END = r"(?![\s\S])"  # the end of the text in Python and ECMA-262 alike; "$" would allow a newline
_PRINTABLE = r"[^\x00-\x1f\x7f]"


def once(function: F) -> F:
    """Compute once an argument; ``functools.cache`` loses the types."""
    return cache(function)  # type: ignore[return-value]


class Rule:
    """What a value may be."""

    __slots__ = ()

    @property
    def words(self) -> str:
        """The rule as errors and docs say it, from "must" on."""
        raise NotImplementedError

    def schema(self) -> Schema:
        """Return the rule as a JSON schema (2020-12)."""
        raise NotImplementedError

    def quick(self) -> tuple[type | None, Check | None]:
        """Return a type, and a check that judges the values of just that type as the schema does; ``None`` for all."""
        return None, None

    def accepts(self, value: object) -> bool:
        """Return whether a JSON value is what it must be."""
        kind, fits = self.quick()
        if type(value) is kind:
            return fits is None or bool(fits(value))
        return _judge(self).is_valid(value)

    def make(self, value: object) -> object:
        """Return what a member holds for an accepted value."""
        return value

    def holds(self, value: object) -> bool:
        """Return whether a Python value is what a choice may be; as ``accepts``, but for objects and lists."""
        return self.accepts(value)


@once
def _judge(rule: Rule) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(rule.schema())


@frozen
class Text(Rule):
    """A string that matches ``pattern`` from start to end and, if given, passes the check ``also``."""

    pattern: str
    words: str
    also: Callable[[str], object] | None = None

    def schema(self) -> Schema:
        return {"type": "string", "pattern": f"^(?:{self.pattern}){_END}"}

    def quick(self) -> tuple[type, Check]:
        return str, re.compile(self.pattern).fullmatch if self.also is None else self._fits

    def _fits(self, value: str) -> bool:
        return re.fullmatch(self.pattern, value) is not None and self.also is not None and bool(self.also(value))


@frozen
class AnyText(Rule):
    """Any string: what it may be is judged later, with an error of its own."""

    words: str = "must be a string"

    def schema(self) -> Schema:
        return {"type": "string"}

    def quick(self) -> tuple[type, None]:
        return str, None


@frozen(init=False)
class OneOf(Rule):
    """A string out of a short list."""

    values: tuple[str, ...]

    def __init__(self, *values: str) -> None:
        self.__attrs_init__(values)

    @property
    def words(self) -> str:
        return f"must be one of: {', '.join(self.values)}"

    def schema(self) -> Schema:
        return {"type": "string", "enum": list(self.values)}

    def quick(self) -> tuple[type, Check]:
        return str, frozenset(self.values).__contains__


@frozen
class Integer(Rule):
    """A whole number that every JSON library and database can carry; ``1.0`` is one as well."""

    least: int = -MAX_INTEGER
    most: int = MAX_INTEGER

    @property
    def words(self) -> str:
        shown = {MAX_INTEGER: "2^53-1", -MAX_INTEGER: "-(2^53-1)"}
        return f"must be a whole number from {shown.get(self.least, self.least)} to {shown.get(self.most, self.most)}"

    def schema(self) -> Schema:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def quick(self) -> tuple[type, Check]:
        return int, range(self.least, self.most + 1).__contains__

    def make(self, value: Any) -> int:
        return int(value)


@frozen
class LooseInteger(Rule):
    """A whole number, or a string of one: web clients send ``send_attempt`` so to identity servers."""

    words: str = "must be a whole number"

    def schema(self) -> Schema:
        return {"anyOf": [Integer().schema(), {"type": "string", "pattern": f"^-?[0-9]{{1,15}}{_END}"}]}

    def quick(self) -> tuple[type, Check]:
        return Integer().quick()

    def make(self, value: Any) -> int:
        return int(value)


@frozen
class Number(Rule):
    """A number ``above`` one, or from it if it is ``inclusive``, and up to another; ``Number(0, 1)`` is a share."""

    above: float
    most: float
    inclusive: bool = False

    @property
    def words(self) -> str:
        first = "from" if self.inclusive else "above"
        return f"must be a number {first} {self.above:.0f} and up to {self.most:.0f}"

    def schema(self) -> Schema:
        least = "minimum" if self.inclusive else "exclusiveMinimum"
        return {"type": "number", least: self.above, "maximum": self.most}

    def quick(self) -> tuple[type, Check]:
        return float, self._fits

    def _fits(self, value: float) -> bool:
        # False for NaN, which no JSON holds but a Python host may.
        return (self.above < value or (self.inclusive and self.above == value)) and value <= self.most


@frozen
class Flag(Rule):
    """``true`` or ``false``."""

    words: str = "must be true or false"

    def schema(self) -> Schema:
        return {"type": "boolean"}

    def quick(self) -> tuple[type, None]:
        return bool, None


@frozen
class Free(Rule):
    """An object the library hands on unread, such as ``auth``; ``each``: the rule of all its members."""

    words: str = "must be an object"
    each: Rule | None = None

    def schema(self) -> Schema:
        return {"type": "object", **({"additionalProperties": self.each.schema()} if self.each else {})}

    def quick(self) -> tuple[type, Check | None]:
        return dict, None if self.each is None else self._fits

    def _fits(self, value: Mapping[str, object]) -> bool:
        return self.each is not None and all(map(self.each.accepts, value.values()))


@frozen
class Ignored(Rule):
    """Anything: a member that has no effect is not looked at (decision 34)."""

    words: str = "is ignored, whatever it is"

    def schema(self) -> Schema:
        return {}

    def accepts(self, value: object) -> bool:
        return True


@frozen
class ListOf(Rule):
    """A list with ``least`` entries or more, each under one rule; ``into``: what is made of it."""

    each: Rule
    least: int = 0
    into: Callable[[Any], object] = tuple

    @property
    def words(self) -> str:
        size = f" of at least {self.least}" if self.least else ""
        return f"must be a list{size}, and each entry {self.each.words}"

    def schema(self) -> Schema:
        return {"type": "array", "items": self.each.schema(), "minItems": self.least}

    def quick(self) -> tuple[type, Check]:
        return list, lambda value: len(value) >= self.least and all(map(self.each.accepts, value))

    def make(self, value: Any) -> object:
        return self.into(value)

    def holds(self, value: object) -> bool:
        if not isinstance(value, Collection) or isinstance(value, str | bytes | Mapping):
            return False
        return len(value) >= self.least and all(map(self.each.holds, value))


HOST_PATTERN = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
"""The regular expression of a host name, to be part of others."""

HOST = Text(rf"{HOST_PATTERN}|[0-9A-Fa-f:.]+", "must be a host name or an IP address")

URL = Text(r"https?://[^\s/?#]+[^\s?#]*", "must be an http or https URL")
"""An ``http`` or ``https`` URL without a query and a fragment."""

COUNTRY = Text(r"[A-Z]{2}", "must be two capital letters of ISO 3166-1")
"""A country, in two capital letters of ISO 3166-1."""


def printable(max_length: int) -> Text:
    """Return the rule for a string of 1 to ``max_length`` characters without control characters."""
    return Text(
        _PRINTABLE + f"{{1,{max_length}}}",
        f"must be a string of 1 to {max_length} characters without control characters",
    )
