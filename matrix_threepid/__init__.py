"""Third-party identifiers for Matrix homeservers: prove, add, bind, unbind, delete.

The names below are the public ones; each is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from .model.keys import Peppers as Peppers
    from .model.session import Lifetimes as Lifetimes
    from .model.threepid import AccountThreepid as AccountThreepid
    from .model.threepid import AddOutcome as AddOutcome
    from .model.threepid import Medium as Medium
    from .model.threepid import Owner as Owner
    from .model.threepid import Purpose as Purpose
    from .model.threepid import Threepid as Threepid
    from .offload import run_sync as run_sync
    from .policy import Limit as Limit
    from .policy import Limits as Limits
    from .policy import Policy as Policy
    from .ports import Caller as Caller
    from .protocol.errors import ConfigurationError as ConfigurationError
    from .protocol.errors import MatrixError as MatrixError
    from .protocol.wire import Request as Request
    from .protocol.wire import Response as Response
    from .roles.homeserver import Homeserver as Homeserver
    from .service import Service as Service
    from .threads import Threads as Threads
    from .threads import inline as inline
    from .uia import Stages as Stages

_HOMES = {
    "offload": ("run_sync",),
    "model.keys": ("Peppers",),
    "model.session": ("Lifetimes",),
    "model.threepid": ("AccountThreepid", "AddOutcome", "Medium", "Owner", "Purpose", "Threepid"),
    "policy": ("Limit", "Limits", "Policy"),
    "ports": ("Caller",),
    "protocol.errors": ("ConfigurationError", "MatrixError"),
    "protocol.wire": ("Request", "Response"),
    "roles.homeserver": ("Homeserver",),
    "service": ("Service",),
    "threads": ("Threads", "inline"),
    "uia": ("Stages",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
__all__ = [*sorted(_HOME), "__version__"]  # noqa: PLE0604  the names come from one table


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_HOME[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return __all__
