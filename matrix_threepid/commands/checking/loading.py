"""Loads the host's wiring that ``MODULE:NAME`` names."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from importlib import import_module
from inspect import signature
from operator import attrgetter
from pathlib import Path
from typing import Any

from ...protocol.errors import ConfigurationError
from ...roles.base import Role
from ...service import Service


def loaded(spec: str) -> Service:
    """Return the service that ``MODULE:NAME`` names: the service, its role, or a callable that returns one of these.

    Raises ``ConfigurationError``. An exception of the host's own code is named by its class and place only, since its
    text may hold a password.
    """
    module, colon, name = spec.partition(":")
    if not (module and colon and name):
        raise ConfigurationError(f"{spec}: must be MODULE:NAME")
    found = _tried(spec, lambda: attrgetter(name)(import_module(module)))
    if callable(found):
        _check_called_with_nothing(spec, found)
        found = _tried(spec, found)
    if isinstance(found, Role):
        role = found
        found = _tried(spec, lambda: Service(role))
    if not isinstance(found, Service):
        raise ConfigurationError(f"{spec}: gives {type(found).__name__}, and no Role or Service")
    return found


def _check_called_with_nothing(spec: str, found: Callable[..., Any]) -> None:
    """Raise ``ConfigurationError`` for what needs arguments, such as the ``Asgi`` or ``Wsgi`` that web servers name."""
    kind = getattr(found, "__name__", type(found).__name__)
    try:
        signature(found).bind()
    except TypeError:
        text = f"{spec}: {kind} takes arguments; name a Role, a Service or what returns one"
        raise ConfigurationError(text) from None
    except ValueError:  # it has no signature
        return


def _tried(spec: str, work: Callable[[], Any]) -> Any:
    try:
        return work()
    except (ConfigurationError, ImportError, AttributeError) as error:
        raise ConfigurationError(f"{spec}: {' '.join(str(error).split())}") from None
    except (Exception, SystemExit) as error:
        raise ConfigurationError(f"{spec}: {type(error).__name__}{_place(error)}") from None


def _place(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f" in {Path(last.filename).name}, line {last.lineno}"
