"""The fields of roles that hold ports: what is given is checked when a role is made, and not by a first request."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from inspect import iscoroutinefunction, signature
from types import MethodType
from typing import Any, Protocol

from attrs import field, frozen

from ..ports._checked import Checked, Method, given, methods
from ..protocol.errors import ConfigurationError


class PortField(Protocol):
    """The part of an attrs attribute that ``implements`` uses.

    * ``name``: the name of the field.
    * ``default``: its default.
    """

    name: str
    default: Any


@frozen
class implements:  # noqa: N801  reads like the function it is called as
    """An attrs validator: the value must have every method of a port, or be ``None`` if that is the default.

    * ``protocol``: the ``Protocol`` class of the port.

    A wrong port is refused when a role is made, and not by the first request that needs it (SEC-136).
    """

    protocol: type

    def __call__(self, _: object, attribute: PortField, port: Any) -> None:
        """Raise ``ConfigurationError`` with the names of the methods that are missing."""
        if isinstance(port, type):
            raise ConfigurationError(f"{attribute.name}={port.__name__} is a class: give an instance of it")
        lacking = [each.name for each in methods(self.protocol) if not callable(getattr(port, each.name, None))]
        if lacking and not (port is None and attribute.default is None):
            calls = ", ".join(f"{name}()" for name in lacking)
            raise ConfigurationError(f"{attribute.name}={type(given(port)).__name__} lacks {calls}")
        if port is not None and not isinstance(port, Checked):
            for each in methods(self.protocol):
                self._check_method(attribute.name, port, each)

    def _check_method(self, name: str, port: Any, method: Method) -> None:
        """Raise ``ConfigurationError`` for a method that takes other arguments, or is ``async`` and must not be.

        Whether a method that must be awaited is ``async`` shows only when it is called: it may return an awaitable
        without being a coroutine function.
        """
        called, at = getattr(port, method.name), f"{name}={type(port).__name__}.{method.name}()"
        if not method.awaited and iscoroutinefunction(called):
            raise ConfigurationError(f"{at}: must not be async, since it is not awaited: write def")
        values = _parameters(getattr(self.protocol, method.name))
        # A method's function is that of its class, so that a thousand roles of the same parts ask once.
        own = isinstance(called, MethodType)
        if not (_takes_kept(called.__func__, ("self", *values)) if own else _takes(called, values)):
            raise ConfigurationError(f"{at}: must take the arguments {', '.join(values)}")


@lru_cache(maxsize=512)
def _parameters(function: Callable[..., object]) -> tuple[str, ...]:
    """Return the names of the parameters of a port's method, without ``self``."""
    return tuple(name for name in signature(function).parameters if name != "self")


def _takes(function: Callable[..., object], values: tuple[str, ...]) -> bool:
    """Return whether a function can be called with these arguments; further parameters with defaults are free."""
    try:
        signature(function).bind(*values)
    except TypeError:
        return False
    except ValueError:  # functions in C that say nothing of their arguments
        return True
    return True


_takes_kept = lru_cache(maxsize=512)(_takes)


def port(protocol: type, default: Any) -> Any:
    """Return an attrs field for a port.

    * ``protocol``: the ``Protocol`` class that a value must implement.
    * ``default``: a class, of which each role gets an instance, or any other value, which is used as it is.
    """
    if isinstance(default, type):
        return field(factory=default, validator=implements(protocol), repr=False)
    return field(default=default, validator=implements(protocol), repr=False)
