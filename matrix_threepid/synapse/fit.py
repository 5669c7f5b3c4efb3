"""Compares what the module uses of Synapse with the installed Synapse."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from inspect import Parameter, Signature, signature
from pkgutil import resolve_name
from typing import Any

from ..protocol.errors import ConfigurationError
from .used import CALLED, ENDPOINTS, EVERY, IDENTITY_SERVERS, IN_MAIN, OLDEST, OLDEST_WORKERS, REPLACED

_Parameters = Mapping[str, Parameter]
_LINE = re.compile(r"(.+)[.:](\w+)(\([^()]*\))?")
_BY_POSITION = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_ANY_NUMBER = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def ensure_fit(api: Any, *, identity_servers: bool, endpoints: bool) -> None:
    """Check that the installed Synapse has what the parts that are on use of it.

    * ``api``: the ``ModuleApi`` that Synapse gives to modules.
    * ``identity_servers``, ``endpoints``: whether these parts are on. ``endpoints`` includes all of
      ``identity_servers``.

    Raises ``ConfigurationError`` naming the part, and the version if it is older than the oldest for that part, or else
    what differs and what was expected. What only other parts need is ignored.
    """
    parts = [EVERY]
    parts += [IDENTITY_SERVERS] if identity_servers or endpoints else []
    parts += [ENDPOINTS] if endpoints else []
    installed = _version()
    for part in parts:
        if _numbers(installed) < OLDEST[part]:
            oldest = ".".join(map(str, OLDEST[part]))
            raise ConfigurationError(f"Synapse {installed} is too old for {part}, which needs {oldest} or later")
    differing = {part: found for part in parts if (found := differences(api, CALLED[part], REPLACED[part]))}
    if differing:
        told = "; ".join(f"{part} cannot work: {', '.join(found)}" for part, found in differing.items())
        raise ConfigurationError(f"Synapse {installed} does not fit (docs/hosts/synapse.md says which do): {told}")


def changes_accounts(api: Any) -> bool:
    """Return whether this process can change accounts: the main process, and every worker of a newer Synapse."""
    return not api.worker_app or workers_change_accounts()


def workers_change_accounts() -> bool:
    """Return whether the workers of this Synapse can change accounts."""
    return _numbers(_version()) >= OLDEST_WORKERS


def differences(api: Any, called: Collection[str], replaced: Collection[str] = ()) -> list[str]:
    """Return each of these lines of ``used`` that differs, with what the installed Synapse has instead."""
    return [*_differing(api, called, _can_be_called), *_differing(api, replaced, _is_the_same)]


def _differing(api: Any, lines: Collection[str], fits: Callable[[str, _Parameters], bool]) -> Iterator[str]:
    for line in lines:
        ((place, name, wanted),) = _LINE.findall(line)
        if getattr(api, "worker_app", None) and any(f".{getter}" in place for getter in IN_MAIN):
            continue
        part = _part(api, place)
        if not hasattr(part, name):
            yield f"{line} is missing"
        elif wanted and not callable(getattr(part, name)):
            yield f"{line} cannot be called"
        elif wanted and (there := _parameters(getattr(part, name))) is not None and not fits(wanted, there):
            yield f"{line} takes {_text(there)}"


def _part(api: Any, place: str) -> Any:
    """Return the object at a place; ``None`` if there is none."""
    if not place.startswith("ModuleApi"):
        try:
            return resolve_name(place)
        except (ImportError, AttributeError):
            return None
    part = api
    for step in place.split(".")[1:]:
        part = getattr(part, step.removesuffix("()"), None)
        part = part() if step.endswith("()") and callable(part) else part
    return part


def _parameters(function: Callable[..., Any]) -> _Parameters | None:
    """Return the parameters without ``self``, which Synapse's decorators keep in the signature of bound methods.

    ``None`` for a function of a compiled module without a signature.
    """
    try:
        return {name: each for name, each in signature(function).parameters.items() if name != "self"}
    except ValueError:
        return None


def _can_be_called(wanted: str, there: _Parameters) -> bool:
    """Return whether a call with the wanted parameters works: all of them exist, and all others have defaults."""
    in_order, by_name, any_number = _read(wanted)
    more = [each for name, each in there.items() if name not in (*in_order, *by_name)]
    return (
        [name for name, each in there.items() if each.kind in _BY_POSITION][: len(in_order)] == in_order
        and all(name in there and there[name].kind in _BY_NAME for name in by_name)
        and all(each.kind in _ANY_NUMBER or each.default is not Parameter.empty for each in more)
        and (not any_number or any(each.kind is Parameter.VAR_POSITIONAL for each in more))
    )


def _read(wanted: str) -> tuple[list[str], list[str], bool]:
    """Return the parameters that a line gives by position, those it gives by name, and whether ``*args`` follow."""
    before, _, behind = wanted[1:-1].partition("*")
    in_order, by_name = ([name for name in part.split(", ") if name] for part in (before, behind))
    return (in_order, [], True) if behind == "args" else (in_order, by_name, False)


def _is_the_same(wanted: str, there: _Parameters) -> bool:
    return _text(there) == wanted


def _text(there: _Parameters) -> str:
    return str(Signature([each.replace(annotation=Parameter.empty) for each in there.values()]))


def _numbers(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version."""
    return tuple(int(each) for each in re.findall(r"\d+", version)[:2])


def _version() -> str:
    from importlib.metadata import version

    return version("matrix-synapse")
