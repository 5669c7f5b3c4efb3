"""JSON schemas of requests, from their declared members, and of responses, from their type hints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from ..protocol.errors import LimitExceeded, MatrixError, UnknownToken, UserLocked
from ..protocol.members import Member, Nested, members, schema

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}
_FURTHER: Mapping[type[MatrixError], tuple[str, Any]] = {
    LimitExceeded: ("retry_after_ms", {"type": "integer", "minimum": 1}),
    UnknownToken: ("soft_logout", {"type": "boolean"}),
    UserLocked: ("soft_logout", {"type": "boolean"}),
}
_STRINGS = {"type": "array", "items": {"type": "string"}}
UIA_STATE = {
    "type": "object",
    "description": "What remains to be done in user-interactive authentication.",
    "properties": {
        "flows": {"type": "array", "items": {"type": "object", "properties": {"stages": _STRINGS}}},
        "session": {"type": "string"},
        "params": {"type": "object"},
        "completed": _STRINGS,
        "errcode": {"type": "string"},
        "error": {"type": "string"},
    },
    "required": ["flows"],
}
"""The 401 body of user-interactive authentication."""


def request_schema(cls: type[Any]) -> dict[str, object]:
    """Return the schema a message class is judged by, with what its docs say."""
    properties = {name: member_schema(each) for name, each in members(cls).items()}
    return {**schema(cls), "description": doc_of(cls), "properties": properties}


def member_schema(declared: Member) -> dict[str, object]:
    """Return the schema a member is judged by, with what its docs say."""
    rule, doc = declared.rule, member_doc(declared)
    inner = request_schema(rule.cls) if isinstance(rule, Nested) else rule.schema()
    return {**inner, **({"description": doc} if doc else {})}


def reply_schema(cls: type[Any]) -> dict[str, Any]:
    """Return the schema of the JSON of a reply class. A member that may be ``None`` is not required."""
    hints = get_type_hints(cls)
    required = [name for name, hint in hints.items() if NoneType not in get_args(hint)]
    properties = {name: _shape(hint) for name, hint in hints.items()}
    return {"type": "object", "description": doc_of(cls), "properties": properties, "required": required}


def _shape(hint: Any) -> dict[str, Any]:
    """Return the schema of a type: a plain one, ``X | None``, a tuple or list of one type, a literal, or a reply.

    Raises ``TypeError`` for any other type.
    """
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if attrs.has(hint):
        return reply_schema(hint)
    return _generic(get_origin(hint), [inner for inner in get_args(hint) if inner not in (NoneType, ...)], hint)


def _generic(origin: Any, inner: list[Any], hint: Any) -> dict[str, Any]:
    if origin in (Union, UnionType) and len(inner) == 1:
        return _shape(inner[0])
    if origin in (tuple, list) and len(inner) == 1:
        return {"type": "array", "items": _shape(inner[0])}
    if origin is Literal:
        return {"enum": inner}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object"}
    raise TypeError(f"{hint} has no JSON schema here")


def error_schema(
    errors: Sequence[type[MatrixError]] = (), renamed: Mapping[str, str] = MappingProxyType({}), *, others: bool = False
) -> dict[str, Any]:
    """Return the schema of a Matrix error: one of ``errors``, or any.

    * ``renamed``: the errcodes that the API names otherwise.
    * ``others``: whether it may have any other errcode.
    """
    known = list(dict.fromkeys(renamed.get(error.errcode, error.errcode) for error in errors))
    errcode = {"type": "string", **({"enum": known} if known and not others else {})}
    further = dict(_FURTHER[error] for error in errors if error in _FURTHER)
    properties = {"errcode": errcode, "error": {"type": "string"}, **further}
    return {"type": "object", "properties": properties, "required": ["errcode", "error"]}


def member_doc(declared: Member) -> str:
    """Return what a member means, and the older name it is read from."""
    older = f"also read as `{declared.older}`" if declared.older else ""
    return "; ".join(filter(None, (declared.doc, older)))


def doc_of(thing: Any) -> str:
    """Return a docstring as one line; empty if there is none."""
    return " ".join((thing.__doc__ or "").split())
