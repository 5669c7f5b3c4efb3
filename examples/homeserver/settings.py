"""Settings: attrs classes that declare what a JSON file may hold, and a reader that refuses everything else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs
from attrs import frozen

from matrix_threepid import ConfigurationError

T = TypeVar("T")


@frozen
class Rule:
    """What a setting may be: a check, and its words for whoever breaks it."""

    words: str
    holds: Callable[[Any], bool]


@frozen
class Section:
    """A setting that is an object with settings of its own."""

    cls: type[Any]


def setting(rule: Rule | Section, default: Any = attrs.NOTHING, *, key: str | None = None, secret: bool = False) -> Any:
    """Declare a setting, required unless it has a default. ``key``: its name in the file, where Python reserves it."""
    return attrs.field(default=default, metadata={"rule": rule, "key": key}, repr=not secret)


def read(cls: type[T], given: object, at: str = "") -> T:
    """Return ``given`` as a ``cls``; ``null`` counts as absent. Raises ``ConfigurationError`` naming the key."""
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{at.removesuffix('.')}: must be an object")
    fields = {field.metadata["key"] or field.name: field for field in attrs.fields(cls)}  # type: ignore[arg-type]
    for key in given:
        if key not in fields:
            raise ConfigurationError(f"{at}{key}: there is no such setting")
    present = {key: field for key, field in fields.items() if given.get(key) is not None}
    for key, field in fields.items():
        if key not in present and field.default is attrs.NOTHING:
            raise ConfigurationError(f"{at}{key}: is required")
    return cls(**{field.name: _value(field.metadata["rule"], given[key], at + key) for key, field in present.items()})


def _value(rule: Rule | Section, value: Any, at: str) -> Any:
    if isinstance(rule, Section):
        return read(rule.cls, value, f"{at}.")
    if not rule.holds(value):
        raise ConfigurationError(f"{at}: {rule.words}")
    return tuple(value) if isinstance(value, list) else value


# -- rules --------------------------------------------------------------------------------------

FLAG = Rule("must be true or false", lambda value: type(value) is bool)
RATE = Rule(
    "must be a number above 0 and up to 1000000", lambda value: type(value) in (int, float) and 0 < value <= 1e6
)


def whole(low: int, high: int) -> Rule:
    """Return the rule for a whole number from ``low`` to ``high``."""
    words = f"must be a whole number from {low} to {high}"
    return Rule(words, lambda value: type(value) is int and low <= value <= high)


def matching(pattern: str, words: str) -> Rule:
    """Return the rule for a text that matches ``pattern`` from start to end."""
    return Rule(words, lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None)


def one_of(*values: str) -> Rule:
    """Return the rule for one text out of a list."""
    return Rule(f"must be one of: {', '.join(values)}", lambda value: isinstance(value, str) and value in values)


def read_by(reader: Callable[[str], object], words: str) -> Rule:
    """Return the rule for a text that ``reader`` takes without a ``ValueError``."""

    def holds(value: Any) -> bool:
        try:
            return isinstance(value, str) and reader(value) is not None
        except ValueError:
            return False

    return Rule(words, holds)


def many(rule: Rule) -> Rule:
    """Return the rule for a list of values under a rule."""
    words = f"must be a list, and each entry {rule.words}"
    return Rule(words, lambda value: isinstance(value, list) and all(map(rule.holds, value)))


TEXT = matching(r"[^\x00-\x1f\x7f]{1,1024}", "must be a text of 1 to 1024 characters without control characters")
