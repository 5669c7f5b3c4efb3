"""Ports as the library asks them: every answer is checked against the port's declaration before it is believed.

An answer of another type is a mistake of the host's. It raises ``ConfigurationError`` naming port, method and the type
that came, never the value, and nothing is done on the strength of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import cache
from inspect import isawaitable
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from attrs import frozen

from .. import ports
from ..protocol.errors import ConfigurationError

Fits = Callable[[Any], bool]


@frozen
class Method:
    """A method of a port.

    ``name``: its name. ``asked``: port and method, for messages. ``awaited``: whether it returns an awaitable.
    ``wanted``: the type of its answer in words. ``fits``: whether an answer is of that type.
    """

    name: str
    asked: str
    awaited: bool
    wanted: str
    fits: Fits

    def refuse(self, port: object, answer: object) -> ConfigurationError:
        """Return what to raise for an answer that does not fit."""
        came = f"{type(port).__name__} answered {type(answer).__name__}"
        return ConfigurationError(f"{self.asked}: must answer {self.wanted}, but {came}")


class Checked:
    """A host's port whose answers are checked; whatever the protocol does not declare is the port's own."""

    def __init__(self, protocol: type, port: Any) -> None:
        self._port = port
        for method in methods(protocol):
            setattr(self, method.name, _awaiting(port, method) if method.awaited else _calling(port, method))

    def __getattr__(self, name: str) -> Any:
        if name == "_port":  # not set yet, while a copy is made
            raise AttributeError(name)
        return getattr(self._port, name)

    def __repr__(self) -> str:
        return repr(self._port)


def checked(protocol: type, port: Any) -> Any:
    """Return a port whose answers are checked; one that is checked already, and ``None``, as they are."""
    return port if port is None or isinstance(port, Checked) else Checked(protocol, port)


def checked_sender(sender: Any) -> Any:
    """Return a sender whose outcomes are checked, and what it says of codes if it verifies them."""
    return checked(ports.RemoteVerifier if hasattr(sender, "verify") else ports.TokenSender, sender)


def given(port: Any) -> Any:
    """Return the object the host gave."""
    return port._port if isinstance(port, Checked) else port


class CheckedClock:
    """A ``Clock`` whose time is a whole number of ms."""

    def __init__(self, clock: ports.Clock) -> None:
        self._clock = clock

    def __call__(self) -> int:
        """Return the time in ms. Raises ``ConfigurationError``."""
        now = self._clock()
        if type(now) is not int or now < 0:
            raise ConfigurationError(f"clock: must return a whole number of ms, not {type(now).__name__}")
        return now


class CheckedRandomBytes:
    """A ``RandomBytes`` that returns as many bytes as it was asked for."""

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


@cache
def methods(protocol: type) -> tuple[Method, ...]:
    """Return the methods of a protocol with what each may answer, as its annotations say."""
    return tuple(_methods(protocol))


def _methods(protocol: type) -> Iterator[Method]:
    names = [name for kind in reversed(protocol.__mro__) for name, value in vars(kind).items() if callable(value)]
    for name in dict.fromkeys(name for name in names if not name.startswith("_")):
        declared = get_type_hints(getattr(protocol, name))["return"]
        awaited = get_origin(declared) is Awaitable
        answer = (get_args(declared)[0] if awaited else declared) or NoneType
        yield Method(name, f"{protocol.__name__}.{name}", awaited, _in_words(answer), _rule(answer))


def _awaiting(port: Any, method: Method) -> Callable[..., Any]:
    async def ask(*values: Any, **named: Any) -> Any:
        answering = getattr(port, method.name)(*values, **named)
        if not isawaitable(answering):
            raise ConfigurationError(
                f"{method.asked}: must return an awaitable, but {type(port).__name__} is not async and returned "
                f"{type(answering).__name__}"
            )
        answer = await answering
        if not method.fits(answer):
            raise method.refuse(port, answer)
        return answer

    ask.__qualname__ = f"{type(port).__qualname__}.{method.name}"
    return ask


def _calling(port: Any, method: Method) -> Callable[..., Any]:
    def ask(*values: Any, **named: Any) -> Any:
        answer = getattr(port, method.name)(*values, **named)
        if not method.fits(answer):
            raise method.refuse(port, answer)
        return answer

    return ask


def _rule(answer: Any) -> Fits:
    """Return what judges answers of an annotated type. Truth and numbers are never taken for one another."""
    origin = get_origin(answer)
    if origin in (Union, UnionType):
        rules = [_rule(each) for each in get_args(answer)]
        return lambda value: any(fits(value) for fits in rules)
    if origin is Sequence:
        (each,) = map(_rule, get_args(answer))
        return lambda value: _is_list(value) and all(map(each, value))
    if answer is int:
        return lambda value: type(value) is int and value >= 0
    if answer is bool:
        return lambda value: type(value) is bool
    kind = origin or answer
    return lambda value: isinstance(value, kind)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _in_words(answer: Any) -> str:
    """Return an annotated type as people write it."""
    origin = get_origin(answer)
    if origin in (Union, UnionType):
        return " or ".join(map(_in_words, get_args(answer)))
    if answer is NoneType:
        return "None"
    if origin is Sequence:
        return f"a sequence of {_in_words(get_args(answer)[0])}"
    if answer is int:
        return "int, 0 or more"
    name: str = (origin or answer).__name__
    return name
