"""Declare members on attrs classes, each with its rule and its docs; schema and docs of the class are read from them.

``member`` is for classes that a reader makes out of JSON and checks (requests, settings), ``choice`` for those that
check themselves whenever they are made (``Policy`` and its parts).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict, TypeVar

import attrs
from attrs import frozen

from .errors import ConfigurationError
from .rules import Flag, Free, Ignored, Integer, OneOf, Rule, Schema, Text, once, printable

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

C = TypeVar("C", bound=type)


def redacted(_: object) -> str:
    """Stand in for a secret wherever a value is printed."""
    return "<redacted>"


@frozen
class Nested(Rule):
    """An object with members of its own, those of ``cls``; ``builds``: what is made of them, if not a ``cls``."""

    cls: type
    builds: type = attrs.field(default=attrs.Factory(lambda self: self.cls, takes_self=True))
    words: str = "must be an object"

    def schema(self) -> Schema:
        return schema(self.cls)

    def holds(self, value: object) -> bool:
        return isinstance(value, self.builds)


def member(
    rule: Rule,
    default: object = attrs.NOTHING,
    *,
    optional: bool = False,
    secret: bool = False,
    alias: str | None = None,
    key: str | None = None,
    doc: str = "",
) -> Any:
    """Declare a member of a request or a setting, which is required unless it has a default.

    * ``optional``: its default is ``None``.
    * ``secret``: it is redacted where the message is printed.
    * ``alias``: an older name it is also read from; ``key``: its name in JSON, where Python reserves that.
    * ``doc``: what it means, for the docs.
    """
    return attrs.field(
        default=None if optional else default,
        repr=redacted if secret else True,
        metadata={"rule": rule, "older": alias, "doc": doc, "secret": secret, **({"key": key} if key else {})},
        kw_only=True,
    )


def choice(
    rule: Rule,
    default: object,
    *,
    doc: str,
    topic: str = "",
    optional: bool = False,
    instead: Callable[[object], object] | None = None,
) -> Any:
    """Declare a choice, which is checked whenever its class is made (see ``Choices``).

    * ``doc``, ``topic``: what it does, and the part of the docs that says so.
    * ``optional``: ``None`` is a choice as well.
    * ``instead``: a check for Python values that are taken as they are, such as ``callable``.
    """

    def convert(value: object) -> object:
        taken = value is None or (instead is not None and instead(value))
        return rule.make(value) if not taken and rule.holds(value) else value

    def check(made: Choices, attribute: attrs.Attribute[object], value: object) -> None:
        if (value is None and optional) or (instead is not None and instead(value)) or rule.holds(value):
            return
        wanted = f"must be a {rule.builds.__name__}, not {type(value).__name__}" if isinstance(rule, Nested) else None
        raise ConfigurationError(f"{made.AT}.{attribute.name}: {wanted or rule.words}")

    metadata = {"rule": rule, "null": optional, "doc": doc, "topic": topic}
    return attrs.field(default=default, converter=convert, validator=check, metadata=metadata, kw_only=True)


def group(cls: type[Choices], topic: str, doc: str) -> Any:
    """Declare a group of choices, the class ``cls``, whose default has all its defaults; see ``choice``."""
    return choice(Nested(cls), cls(), topic=topic, doc=doc)


class Choices:
    """A value whose members are choices. ``AT``: what its errors name before the member."""

    __slots__ = ()
    AT: ClassVar[str] = ""

    def __new__(cls, **chosen: object) -> Self:
        """Refuse names that are not declared. Raises ``ConfigurationError``."""
        refuse_unknown(chosen, members(cls), f"{cls.AT}.", "choice")
        return object.__new__(cls)


def refuse_unknown(given: Iterable[object], known: Collection[str], at: str, what: str) -> None:
    """Raise ``ConfigurationError`` for a name that is not declared, with the declared one that looks like it."""
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(str(name), known, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise ConfigurationError(f"{at}{name}: there is no such {what}{hint}")


def documented(cls: C) -> C:
    """Add a line for every member to the docstring of a class, out of its declarations."""
    lines = [f"    * ``{each.key}``: {each.doc}" for each in members(cls).values()]
    cls.__doc__ = "\n".join((cls.__doc__ or "", "", *lines))
    return cls


@frozen
class Member:
    """A declared member.

    * ``name``: of the attribute; ``key``: in JSON; ``older``: an older name in JSON.
    * ``required``: whether it must be there; ``null``: whether ``None`` is a value of its own.
    * ``doc``, ``topic``: what it means, and the part of the docs that says so.
    * ``secret``: whether it is redacted where it is printed; as a setting it may be in a file of its own.
    """

    name: str
    key: str
    rule: Rule
    default: object
    older: str | None = None
    null: bool = False
    doc: str = ""
    topic: str = ""
    secret: bool = False

    @property
    def required(self) -> bool:
        """Whether it must be there."""
        return self.default is attrs.NOTHING


@once
def members(cls: type) -> dict[str, Member]:
    """Return the members that an attrs class declares, by their names in JSON, in order."""
    fields = [field for field in attrs.fields(cls) if "rule" in field.metadata]
    declared = [
        Member(**{"name": each.name, "key": each.name, "default": each.default, **each.metadata}) for each in fields
    ]
    return {each.key: each for each in declared}


@once
def schema(cls: type) -> Schema:
    """Return the JSON schema (2020-12) of the members of a class; unknown members are no fault by it."""
    declared = members(cls)
    properties = {key: each.rule.schema() for key, each in declared.items()}
    return {
        "type": "object",
        "properties": properties,
        "required": [key for key, each in declared.items() if each.required],
    }


class Options(TypedDict, total=False):
    """What the functions below hand on to ``member``."""

    default: object
    optional: bool
    secret: bool
    alias: str
    key: str
    doc: str


def text(max_length: int, **options: Unpack[Options]) -> str:
    """Declare a string of 1 to ``max_length`` characters without control characters."""
    declared: str = member(printable(max_length), **options)
    return declared


def typed(max_length: int, **options: Unpack[Options]) -> str:
    """Declare what a person typed: up to ``max_length`` characters, judged by what reads it."""
    rule = f"must be a string of 1 to {max_length} characters"
    options["secret"] = True
    declared: str = member(Text(r"[^\x00-\x08\x0e-\x1f\x7f]" + f"{{1,{max_length}}}", rule), **options)
    return declared


def opaque(**options: Unpack[Options]) -> str:
    """Declare a ``sid`` or ``client_secret``: 1 to 255 characters of ``0-9 a-z A-Z . = _ -``."""
    declared: str = member(
        Text(r"[0-9a-zA-Z.=_-]{1,255}", "must be 1 to 255 characters of 0-9 a-z A-Z . = _ -"), **options
    )
    return declared


def token(**options: Unpack[Options]) -> str:
    """Declare a token as a person typed it: 1 to 255 characters of any kind."""
    options["secret"] = True
    declared: str = member(Text(r"[\s\S]{1,255}", "must be a string of 1 to 255 characters"), **options)
    return declared


def one_of(*values: str, **options: Unpack[Options]) -> str:
    """Declare a string out of a short list."""
    declared: str = member(OneOf(*values), **options)
    return declared


def integer(**options: Unpack[Options]) -> int:
    """Declare a whole number."""
    declared: int = member(Integer(), **options)
    return declared


def flag(**options: Unpack[Options]) -> bool:
    """Declare a boolean."""
    declared: bool = member(Flag(), **options)
    return declared


def free_object(**options: Unpack[Options]) -> Mapping[str, object]:
    """Declare an object the library does not look into."""
    declared: Mapping[str, object] = member(Free(), **options)
    return declared


def ignored(*, doc: str = "") -> object:
    """Declare a member that has no effect, so that nothing it may be is a fault; the message holds it unread."""
    declared: object = member(Ignored(), optional=True, secret=True, doc=doc)
    return declared
