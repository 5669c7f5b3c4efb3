"""Declare settings on attrs classes, and read them from what a file held, refusing everything else by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs
from attrs import frozen

from ..protocol.body import read_object
from ..protocol.errors import ConfigurationError, MatrixError

T = TypeVar("T")

_MAX_FILE = 1 << 20


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
    return _made(
        cls, {field.name: _value(field.metadata["rule"], given[key], at + key) for key, field in present.items()}, at
    )


def _made(cls: type[T], values: dict[str, Any], at: str) -> T:
    """Return a section; where its settings do not go together, say in which one."""
    try:
        return cls(**values)
    except ConfigurationError as error:
        raise ConfigurationError(f"{at.removesuffix('.')}: {error}" if at else str(error)) from None


def _value(rule: Rule | Section, value: Any, at: str) -> Any:
    if isinstance(rule, Section):
        return read(rule.cls, value, f"{at}.")
    if not rule.holds(value):
        raise ConfigurationError(f"{at}: {rule.words}")
    return tuple(value) if isinstance(value, list) else value


def read_file(cls: type[T], path: Path) -> T:
    """Return the ``cls`` in a file of JSON. Raises ``ConfigurationError`` naming the file or the key."""
    try:
        return read(cls, read_object(path.read_bytes(), _MAX_FILE))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except MatrixError as error:
        raise ConfigurationError(f"{path}: {error}") from None
