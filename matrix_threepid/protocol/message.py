"""From a JSON object to a typed, frozen message and back; jsonschema is the judge of what is valid.

A good body is taken by the members' own checks, which cost a microsecond or two; only a body
they do not take goes to the jsonschema validator (built once a class), which names what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from .errors import BadJson, InvalidParam, MatrixError, MissingParam
from .members import Kind

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

M = TypeVar("M")
F = TypeVar("F", bound=Callable[..., Any])


def _once(function: F) -> F:
    """Compute once a class; ``functools.cache`` loses the types."""
    return cache(function)  # type: ignore[return-value]


@attrs.frozen
class Nested:
    """A member that is a message of its own."""

    cls: type[Any]
    rule: str = "must be an object"

    def schema(self) -> dict[str, Any]:
        return schema(self.cls)

    def accepts(self, value: object) -> bool:
        return isinstance(value, dict) and _accepts(self.cls, value)

    def read(self, value: Any) -> Any:
        return _build(self.cls, value)


@attrs.frozen
class Members:
    """The members a class declares: name in JSON → (kind, required, older name)."""

    kinds: Mapping[str, Kind]
    required: tuple[str, ...]
    older: Mapping[str, str]


@_once
def members(cls: type) -> Members:
    """Return what ``cls`` declares, in order."""
    fields = [field for field in attrs.fields(cls) if "kind" in field.metadata]
    return Members(
        {field.name: field.metadata["kind"] for field in fields},
        tuple(field.name for field in fields if field.default is attrs.NOTHING),
        {field.metadata["older_name"]: field.name for field in fields if field.metadata["older_name"]},
    )


@_once
def schema(cls: type) -> dict[str, Any]:
    """Return the JSON schema (2020-12) of a message class; unknown members are ignored by design."""
    declared = members(cls)
    properties = {name: kind.schema() for name, kind in declared.kinds.items()}
    return {"type": "object", "properties": properties, "required": list(declared.required)}


@_once
def validator(cls: type) -> Draft202012Validator:
    """Return the one jsonschema validator of a message class."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema(cls))


def read(cls: type[M], body: Mapping[str, Any]) -> M:
    """Return ``body`` as a ``cls``.

    Raises ``MissingParam`` or ``InvalidParam`` naming the member and its rule, never its value.
    """
    values = _present(cls, body)
    if not _accepts(cls, values):
        error = next(iter(validator(cls).iter_errors(values)), None)
        if error is not None:
            raise _explain(cls, error)
    return _build(cls, values)


def write(message: Any) -> dict[str, Any]:
    """Return a message as a JSON object; absent optional members are left out."""
    names = (field.name for field in attrs.fields(type(message)))
    values = {name: getattr(message, name) for name in names}
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return write(value) if attrs.has(type(value)) else value


def _build(cls: type[M], values: Mapping[str, Any]) -> M:
    kinds = members(cls).kinds
    return cls(**{name: kinds[name].read(value) for name, value in values.items()})


def _present(cls: type, body: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the declared members; older names count, and null means an optional member is absent."""
    declared, body = members(cls), _unwrapped(cls, body)
    values = {name: body[name] for name in declared.kinds if name in body}
    for older, name in declared.older.items():
        if older in body:
            values.setdefault(name, body[older])
    return {
        name: _inner(declared.kinds[name], value)
        for name, value in values.items()
        if value is not None or name in declared.required
    }


def _unwrapped(cls: type, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the members a draft put into an object of their own (``WRAPPED_IN``)."""
    wrapped = (body[name] for name in getattr(cls, "WRAPPED_IN", ()) if isinstance(body.get(name), dict))
    return {**body, **next(wrapped, {})}


def _inner(kind: Kind, value: Any) -> Any:
    return _present(kind.cls, value) if isinstance(kind, Nested) and isinstance(value, dict) else value


def _accepts(cls: type, values: Mapping[str, Any]) -> bool:
    declared = members(cls)
    return all(name in values for name in declared.required) and all(
        declared.kinds[name].accepts(value) for name, value in values.items()
    )


def _explain(cls: type, error: ValidationError) -> MatrixError:
    """Turn jsonschema's error into one of ours; its own text would repeat the value."""
    path = [str(step) for step in error.absolute_path]
    if error.validator == "required":
        name = _first_missing(error.instance, error.validator_value)
        return MissingParam(f"{'.'.join([*path, name])}: is required")
    if not path:
        return BadJson()
    return InvalidParam(f"{'.'.join(path)}: {_kind_at(cls, path).rule}")


def _first_missing(instance: Any, required: Any) -> str:
    return str(next(name for name in required if name not in instance))


def _kind_at(cls: type, path: list[str]) -> Kind:
    kind = members(cls).kinds[path[0]]
    return _kind_at(kind.cls, path[1:]) if isinstance(kind, Nested) and path[1:] else kind
