"""What a choice may be: converters and validators that refuse a wrong one by its name, when it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import SplitResult, urlsplit

from attrs import field

from ..protocol.errors import ConfigurationError


def one_of(*values: Any) -> Any:
    """Declare a choice out of a few; the first is the default."""
    return field(default=values[0], validator=must(values.__contains__, f"one of {', '.join(map(str, values))}"))


def number(default: int, least: int, most: int = 2**53 - 1) -> Any:
    """Declare a whole number within bounds."""
    fits = lambda value: type(value) is int and least <= value <= most  # noqa: E731
    return field(default=default, validator=must(fits, f"a whole number from {least} to {most}"))


def share(default: float) -> Any:
    """Declare a share: above 0, at most 1."""
    return field(default=default, validator=must(lambda value: 0 < value <= 1, "above 0 and at most 1"))


def must(fits: Callable[[Any], bool], rule: str) -> Any:
    """Return an attrs validator that raises ``ConfigurationError`` naming the member and the rule."""

    def check(_: object, attribute: Any, value: Any) -> None:
        if not fits(value):
            raise ConfigurationError(f"policy.{attribute.name}: must be {rule}")

    return check


def names(default: Iterable[str] = (), *, fits: Callable[[Any], bool] = bool, rule: str = "") -> Any:
    """Declare a set of names; ``fits`` judges each."""
    check = must(lambda value: isinstance(value, frozenset) and all(map(fits, value)), rule or "a list of names")
    return field(default=frozenset(default), converter=lambda value: _unless_string(frozenset, value), validator=check)


def names_in_order(*default: str) -> Any:
    """Declare a list of names, at least one."""
    check = must(lambda value: isinstance(value, tuple) and bool(value), "a list of at least one name")
    return field(default=default, converter=lambda value: _unless_string(tuple, value), validator=check)


def hosts() -> Any:
    """Declare a set of host names, kept as links hold them (lower-case ASCII), or ``None`` for any host."""
    check = must(lambda value: value is None or isinstance(value, frozenset), "a list of host names, or None")
    return field(default=None, converter=_hosts, validator=check)


def _unless_string(kind: Callable[[Any], Any], value: Any) -> Any:
    """Leave a single string for the validator to refuse; it would be taken for its letters."""
    return value if isinstance(value, str) else kind(value)


def _hosts(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else frozenset(map(_ascii_host, value))


def _ascii_host(host: str) -> str:
    import idna

    try:
        return host.lower() if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except UnicodeError:
        raise ConfigurationError("policy.next_link_hosts: must be host names") from None


def checked_base(_: object, __: object, value: str | None) -> None:
    """Refuse a base URL that links could not begin with, or that is not safe."""
    if value is None:
        return
    parts = _split(value)
    plain = not (parts.query or parts.fragment or parts.username or value.endswith("/"))
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise _unusable()
    local = parts.hostname in ("localhost", "::1") or parts.hostname.startswith("127.")
    if parts.scheme == "http" and not local:
        raise ConfigurationError("policy.public_base_url: must be https, except on this very machine")


def _split(value: str) -> SplitResult:
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise _unusable()
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018  reading it checks it
    except ValueError:
        raise _unusable() from None
    return parts


def _unusable() -> ConfigurationError:
    return ConfigurationError(
        "policy.public_base_url: must be http(s)://host[:port][/path] without user-info, query or final slash"
    )
