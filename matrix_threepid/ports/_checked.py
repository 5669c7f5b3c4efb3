"""Wrappers of ports that check the type of every answer against the annotations of the port (SEC-136).

An answer of another type is a mistake in the host: ``None`` or a coroutine could otherwise count as "allowed" or "not
there". It raises ``ConfigurationError`` with port, method and type, and never with the value, which may be a secret.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import cache
from inspect import isawaitable
from types import NoneType, UnionType
from typing import Any, TypeGuard, Union, cast, get_args, get_origin, get_type_hints

from attrs import frozen

from .. import ports
from ..protocol.errors import ConfigurationError

IsOfType = Callable[[object], bool]


@frozen
class Method:
    """A method of a port.

    * ``name``: its name.
    * ``full_name``: port and method, for messages.
    * ``awaited``: whether it returns an awaitable.
    * ``expected``: the type of its answer in words.
    * ``accepts``: returns whether an answer is of that type.
    """

    name: str
    full_name: str
    awaited: bool
    expected: str
    accepts: IsOfType

    def refuse(self, port: object, answer: object) -> ConfigurationError:
        """Return the error for an answer of another type."""
        came = f"{type(port).__name__} answered {type(answer).__name__}"
        return ConfigurationError(f"{self.full_name}: must answer {self.expected}, but {came}")


class Checked:
    """A port of a host whose answers are checked; other attributes are those of the port itself.

    * ``protocol``: the ``Protocol`` class that declares the methods.
    * ``port``: the host's object.
    """

    def __init__(self, protocol: type, port: object) -> None:
        self._port = port
        # Set once on the instance: a call then costs one more function, and no look-up by name.
        for method in methods(protocol):
            setattr(self, method.name, _awaiting(port, method) if method.awaited else _calling(port, method))

    def __getattr__(self, name: str) -> Any:
        if name == "_port":  # ``copy`` asks before ``__init__`` has run; without this the look-up below never ends
            raise AttributeError(name)
        return getattr(self._port, name)

    def __repr__(self) -> str:
        return repr(self._port)


def checked(protocol: type, port: object) -> object:
    """Return a port with its answers checked; ``None`` and a port that is checked already are returned unchanged."""
    return port if port is None or isinstance(port, Checked) else Checked(protocol, port)


def checked_sender(sender: object) -> object:
    """Return a sender with its outcomes checked, and the answers of ``verify`` as well if it has that method."""
    return checked(ports.RemoteVerifier if hasattr(sender, "verify") else ports.TokenSender, sender)


def given(port: object) -> object:
    """Return the host's object behind a checked port, for error messages."""
    return port._port if isinstance(port, Checked) else port


class CheckedClock:
    """A ``Clock`` whose answers are checked: a clock in seconds or floats would end every session at once."""

    def __init__(self, clock: ports.Clock) -> None:
        self._clock = clock

    def __call__(self) -> int:
        """Return the time in ms. Raises ``ConfigurationError``."""
        now = self._clock()
        # Not ``isinstance``, since a bool is an int as well.
        if type(now) is not int or now < 0:
            raise ConfigurationError(f"clock: must return a whole number of ms, not {type(now).__name__}")
        return now


class CheckedRandomBytes:
    """A ``RandomBytes`` whose answers are checked: fewer bytes than asked for would make ids that can be guessed."""

    def __init__(self, random_bytes: ports.RandomBytes) -> None:
        self._random_bytes = random_bytes

    def __call__(self, count: int) -> bytes:
        """Return ``count`` random bytes. Raises ``ConfigurationError``."""
        drawn = self._random_bytes(count)
        if not isinstance(drawn, bytes):
            raise ConfigurationError(f"random_bytes: must return bytes, not {type(drawn).__name__}")
        if len(drawn) != count:
            raise ConfigurationError(f"random_bytes: must return {count} bytes, and returned {len(drawn)}")
        return drawn


# Cached: annotations are resolved once for each port, and not for each role that is made.
@cache
def methods(protocol: type) -> tuple[Method, ...]:
    """Return the methods of a port, each with the type of its answer as its annotation says."""
    return tuple(_methods(protocol))


def _methods(protocol: type) -> Iterator[Method]:
    # Base classes first and each name once, so that a port that extends another has its methods too.
    names = [name for kind in reversed(protocol.__mro__) for name, value in vars(kind).items() if callable(value)]
    for name in dict.fromkeys(name for name in names if not name.startswith("_")):
        declared = get_type_hints(getattr(protocol, name))["return"]
        awaited = get_origin(declared) is Awaitable
        answer = (get_args(declared)[0] if awaited else declared) or NoneType
        yield Method(name, f"{protocol.__name__}.{name}", awaited, _in_words(answer), _rule(answer))


def _awaiting(port: object, method: Method) -> Callable[..., Awaitable[object]]:
    """Return an async method that calls the port's, awaits it, and checks its answer."""

    async def ask(*values: object, **named: object) -> object:
        answering = getattr(port, method.name)(*values, **named)
        # A plain function would work until its first slow call blocks the event loop of the host (decision 2).
        if not isawaitable(answering):
            raise ConfigurationError(
                f"{method.full_name}: must return an awaitable, but {type(port).__name__} is not async and returned "
                f"{type(answering).__name__}"
            )
        answer = await answering
        if not method.accepts(answer):
            raise method.refuse(port, answer)
        return answer

    # Tracebacks then show the host's class and method in place of this function.
    ask.__qualname__ = f"{type(port).__qualname__}.{method.name}"
    return ask


def _calling(port: object, method: Method) -> Callable[..., object]:
    """Return a method that calls the port's and checks its answer."""

    def ask(*values: object, **named: object) -> object:
        answer = getattr(port, method.name)(*values, **named)
        if not method.accepts(answer):
            raise method.refuse(port, answer)
        return answer

    return ask


def _rule(answer: object) -> IsOfType:
    """Return a function that tells whether a value is of an annotated type.

    ``bool`` and ``int`` are distinguished: 0 rows deleted is no refusal, and ``True`` is no number of ms.
    """
    origin = get_origin(answer)
    if origin in (Union, UnionType):
        rules = [_rule(each) for each in get_args(answer)]
        return lambda value: any(accepts(value) for accepts in rules)
    if origin is Sequence:
        (each,) = map(_rule, get_args(answer))
        return lambda value: _is_list(value) and all(map(each, value))
    if answer is int:
        return lambda value: type(value) is int and value >= 0
    if answer is bool:
        return lambda value: type(value) is bool
    # Of generic types such as ``dict[str, object]`` the container is checked; the flows check what they read from it.
    kind = cast("type", origin or answer)
    return lambda value: isinstance(value, kind)


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    # A string is a sequence of strings, so it would otherwise pass as a list of them.
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _in_words(answer: object) -> str:
    """Return an annotated type in words, for messages."""
    origin = get_origin(answer)
    if origin in (Union, UnionType):
        return " or ".join(map(_in_words, get_args(answer)))
    if answer is NoneType:
        return "None"
    if origin is Sequence:
        return f"a sequence of {_in_words(get_args(answer)[0])}"
    if answer is int:
        return "int, 0 or more"
    return cast("type", origin or answer).__name__
