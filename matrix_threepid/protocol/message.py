"""From a JSON object to a typed, frozen message and back.

A value of a member's plain type is taken or refused by one check of that type, which is no code of ours; jsonschema is
only asked about values of other types, such as ``1.0`` where a whole number is meant.

Reading the body of a requestToken takes 2.2 µs so. Validators that fastjsonschema compiles judge alike, but take 1.5 µs
on top of picking the members, and 3 ms a class to compile within a first request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import attrs

from .errors import InvalidParam, MissingParam
from .members import Nested, members
from .rules import Check, ListOf, Rule, once

M = TypeVar("M")
Inner = Callable[[Nested, Mapping[str, object], str], object]
"""What makes an object within an object: of its rule, its value and where it is."""
_ABSENT = object()
_JUDGED: Mapping[str, None] = {}
"""Stands for the values that ``null`` gives a required member, which is judged instead."""


def read(cls: type[M], body: Mapping[str, object]) -> M:
    """Return ``body`` as a ``cls``; members that are not declared are ignored, ``null`` is an optional one left out.

    Raises ``MissingParam`` or ``InvalidParam`` naming the member and its rule, never its value.
    """
    return cls(**values_of(cls, body, "", _inner))


def _inner(rule: Nested, value: Mapping[str, object], at: str) -> object:
    return rule.builds(**values_of(rule.cls, value, f"{at}.", _inner))


def values_of(cls: type, body: Mapping[str, object], at: str, inner: Inner) -> dict[str, object]:
    """Return the values of the members of ``cls``, by their attributes; those that are left out are absent.

    Raises ``MissingParam`` or ``InvalidParam``.
    """
    wrapped_in, required, rows = _declared(cls)
    if wrapped_in:
        body = _unwrapped(wrapped_in, body)
    values: dict[str, object] = {}
    for key, older, name, nulls, kind, fits, rule in rows:
        value = body.get(key, _ABSENT)
        if value is _ABSENT and older is not None:
            value = body.get(older, _ABSENT)
        if type(value) is kind and (fits is None or fits(value)):
            values[name] = value
        elif value is None and nulls is not _JUDGED:
            values.update(nulls)
        elif value is not _ABSENT:
            values[name] = _judged(rule, value, f"{at}{key}", inner)
    # What is there and wrong is told before what is not there.
    if not required.keys() <= values.keys():
        missing = next(key for name, key in required.items() if name not in values)
        raise MissingParam(f"{at}{missing}: is required")
    return values


_Row = tuple[str, str | None, str, Mapping[str, None], type | None, Check | None, Rule]


@once
def _declared(cls: type) -> tuple[tuple[str, ...], dict[str, str], tuple[_Row, ...]]:
    """Return, for ``values_of``, the objects a draft put the members into, the required members, and a row for each."""
    required = {each.name: each.key for each in members(cls).values() if each.required}
    return getattr(cls, "WRAPPED_IN", ()), required, tuple(_rows(cls))


def _rows(cls: type) -> Iterator[_Row]:
    for key, each in members(cls).items():
        # A list becomes another value, so it is not taken as it is.
        kind, fits = (None, None) if isinstance(each.rule, ListOf) else each.rule.quick()
        nulls = _JUDGED if each.required else {each.name: None} if each.null else {}
        yield key, each.older, each.name, nulls, kind, fits, each.rule


def _judged(rule: Rule, value: object, at: str, inner: Inner) -> object:
    """Return what a member holds for a value. Raises ``InvalidParam``."""
    if isinstance(rule, Nested) and isinstance(value, Mapping):
        return inner(rule, value, at)
    if isinstance(rule, ListOf) and isinstance(rule.each, Nested) and isinstance(value, list):
        if len(value) >= rule.least:
            return rule.make([_judged(rule.each, each, f"{at}.{place}", inner) for place, each in enumerate(value)])
    elif not isinstance(rule, Nested) and rule.accepts(value):
        return rule.make(value)
    raise InvalidParam(f"{at}: {rule.words}")


def _unwrapped(wrapped_in: tuple[str, ...], body: Mapping[str, object]) -> Mapping[str, object]:
    """Return the members with those of the first object that a draft put them into."""
    for name in wrapped_in:
        inner = body.get(name)
        if isinstance(inner, dict):
            return {**body, **inner}
    return body


def write(message: object) -> dict[str, object]:
    """Return a message as a JSON object; absent optional members are left out."""
    values = ((name, getattr(message, name)) for name in _names(type(message)) or ())
    return {name: _plain(value) for name, value in values if value is not None}


@once
def _names(cls: type) -> tuple[str, ...] | None:
    """Return the names of the members of a message class; ``None`` for a class of another kind."""
    return tuple(field.name for field in attrs.fields(cls)) if attrs.has(cls) else None


def _plain(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if _names(type(value)) is None else write(value)
