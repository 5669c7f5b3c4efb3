"""Write the tables of choices and settings for the docs, out of their declarations.

A page names the class where its table belongs, in a line such as
``<!-- choices: matrix_threepid.policy.Policy -->``, or
``<!-- choices: matrix_threepid.settings.PolicySettings beside matrix_threepid.policy.Policy -->`` for what differs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from itertools import groupby
from typing import Any

import attrs

from matrix_threepid.policy import Limit
from matrix_threepid.protocol.members import Member, Nested, members
from matrix_threepid.protocol.rules import ListOf, Rule

_PLACE = re.compile(r"^<!-- choices: ([\w.]+)(?: beside ([\w.]+))? -->$", re.MULTILINE)
_UNITS = ((86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second"))


def with_choices(page: str) -> str:
    """Return a page with the tables that it names."""
    return _PLACE.sub(lambda place: tables_of(_named(place[1]), _named(place[2]) if place[2] else None), page)


def _named(name: str) -> type[Any]:
    module, _, cls = name.rpartition(".")
    found: type[Any] = getattr(import_module(module), cls)
    return found


def tables_of(cls: type[Any], beside: type[Any] | None = None) -> str:
    """Return a table of the members of a class; one under each topic where they have any.

    * ``beside``: a class whose members are left out where the declarations are the same.
    """
    known = members(beside) if beside else {}
    declared = [each for key, each in members(cls).items() if known.get(key) != each]
    topics = [(topic, list(each)) for topic, each in groupby(declared, key=lambda member: member.topic)]
    return "\n".join("".join(_table(topic, each)) for topic, each in topics)


def _table(topic: str, declared: Iterable[Member]) -> Iterator[str]:
    if topic:
        yield f"### {topic}\n\n"
    yield "| name | must be | default | meaning |\n| --- | --- | --- | --- |\n"
    for each in declared:
        doc = f"{each.doc} (secret)" if each.secret else each.doc
        yield f"| `{each.key}` | {_cell(_words(each.rule))} | {_cell(default_of(each))} | {_cell(doc)} |\n"


def _words(rule: Rule) -> str:
    """Return a rule in words, objects by the name of what they make."""
    if isinstance(rule, Nested):
        return f"an object: `{rule.builds.__name__}`"
    if isinstance(rule, ListOf) and isinstance(rule.each, Nested):
        return f"a list, and each entry {_words(rule.each)}"
    return rule.words.removeprefix("must be ")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def default_of(declared: Member) -> str:
    """Return the default of a member in words."""
    if declared.required:
        return "required"
    value = declared.default
    return _time(value) if isinstance(value, int) and declared.doc.startswith("ms ") else _shown(value)


def _time(ms: int) -> str:
    """Return a time as the largest unit that says it exactly, and in ms.

    >>> _time(3_600_000)
    '1 hour (3600000)'
    """
    for size, name in _UNITS:
        if ms % size == 0:
            return f"{ms // size} {name}{'s' if ms > size else ''} ({ms})"
    return str(ms)


def _limit(limit: Limit) -> str:
    return f"{limit.burst} at once, then one every {limit.interval / 1000:g} s"


_WAYS: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
    (bool, lambda value: f"`{str(value).lower()}`"),
    (type(None), lambda _: "not set"),
    (Limit, _limit),
    ((tuple, list), lambda value: "; ".join(map(_shown, value)) or "none"),
    (frozenset, lambda value: "; ".join(map(_shown, sorted(value))) or "none"),
)


def _shown(value: object) -> str:
    for kind, show in _WAYS:
        if isinstance(value, kind):
            return show(value)
    return "its defaults" if attrs.has(type(value)) or not isinstance(value, str | int | float) else f"`{value}`"
