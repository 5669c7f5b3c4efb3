"""Checks of what a host passes to a constructor: slips are said at once, by name, with the remedy (SEC-136)."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isclass
from typing import Any, Protocol

from .errors import ConfigurationError

Fits = Callable[[Any], object]
"""Tells whether a value can be used; a ``TypeError``, ``ValueError`` or ``AttributeError`` counts as no."""


class _Named(Protocol):
    name: str


class Validator(Protocol):
    """A validator of attrs."""

    def __call__(self, instance: Any, attribute: Any, value: Any, /) -> None: ...


def demand(name: str, value: object, fits: Fits, words: str) -> None:
    """Raise ``ConfigurationError`` for a value that cannot be used; its text holds the words and never the value.

    * ``name``: the argument.
    * ``fits``: tells whether the value can be used.
    * ``words``: what it must be, from "must" on.
    """
    try:
        if fits(value):
            return
    except (TypeError, ValueError, AttributeError):
        pass
    raise ConfigurationError(f"{name}: {words}")


def must(fits: Fits, words: str, *, optional: bool = False) -> Validator:
    """Return a validator of attrs that does what ``demand`` does; with ``optional`` it lets ``None`` pass."""

    def check(_: object, attribute: _Named, value: object) -> None:
        if not (optional and value is None):
            demand(attribute.name, value, fits, words)

    return check


def one_of(*values: str) -> Validator:
    """Return a validator for one of a few texts."""
    # Compared with the type, since ``True == 1`` and since a list cannot be looked up in a set.
    return must(lambda value: type(value) is str and value in values, f"must be one of: {', '.join(values)}")


def a(kind: type, remedy: str, *, optional: bool = False) -> Validator:
    """Return a validator for an instance of a class; ``remedy`` says how to make one."""
    return must(lambda value: isinstance(value, kind), f"must be {remedy}", optional=optional)


def having(*methods: str) -> Fits:
    """Return a check for an object, not a class, with these methods."""
    return lambda value: not isclass(value) and all(callable(getattr(value, name, None)) for name in methods)


def flag() -> Validator:
    """Return a validator for ``True`` and ``False``: any text, also "false", would count as true."""
    return must(lambda value: type(value) is bool, "must be True or False")


def whole(least: int, most: int = 2**53 - 1) -> Fits:
    """Return a check for a whole number; a bool is none."""
    return lambda value: type(value) is int and least <= value <= most
