"""The rules of choices that no request and no other setting has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from inspect import iscoroutinefunction
from urllib.parse import urlsplit

import attrs

from ..model.id_server import normal_id_server, server_of
from ..model.limit import Limit
from ..protocol.errors import MatrixError
from ..protocol.members import Nested, documented, member
from ..protocol.rules import HOST_PATTERN, Integer, ListOf, Number, Text

MS = Integer(1)
"""A time in ms."""
HARDENED: dict[str, object] = {
    "legacy_add": "uia",
    "identity_server_hint": "refuse",
    "hide_known_addresses": True,
    "password_reset_by": "code",
    "next_link_hosts": (),
    "code_digits": 8,
}
"""The strict choices of ``Policy.hardened``."""
COUNT = Integer(1, 1_000_000)
RATE = Number(0, 1_000_000)
SHARE = Number(0, 1)
PART = Number(0, 1, inclusive=True)


@documented
@attrs.frozen
class LimitMembers:
    """A limit as a file says it: so many at once, then so many a second."""

    burst: int = member(COUNT, doc="so many at once")
    per_second: float = member(RATE, doc="so many more with every second")


LIMIT = Nested(LimitMembers, builds=Limit)
LIMITS = ListOf(LIMIT)


def _is_base(url: str) -> bool:
    """Return whether links can begin with a URL, and are safe then."""
    try:
        parts = urlsplit(url)
        if parts.port == 0:  # reading it checks it as well
            return False
    except ValueError:
        return False
    host = parts.hostname or ""
    local = host in ("localhost", "::1") or host.startswith("127.")
    plain = not (parts.query or parts.fragment or parts.username or url.endswith("/"))
    return bool(host) and plain and (parts.scheme == "https" or (parts.scheme == "http" and local))


BASE_URL = Text(
    r"https?://[\x21-\x7e]+",
    "must be https, except on this very machine: https://host[:port][/path] without user-info, query or final slash",
    _is_base,
)

CODE_HOST = Text(rf"({HOST_PATTERN})?", "must be a host name, such as app.example.org, or empty")

_HOST = rf"{HOST_PATTERN}|\[?[0-9A-Fa-f:.]{{2,45}}\]?"


def _ascii_host(place: str) -> str:
    """Return a place as links hold it, with its host in lower-case ASCII. Raises ``UnicodeError``."""
    import idna

    return place.lower() if place.isascii() else idna.encode(place, uts46=True).decode("ascii")


_APP = re.compile(r"[a-z][a-z0-9+.-]{1,63}:")
# Browsers run or show what follows these, or have a meaning of their own for them.
_SITES = ("http:", "https:", "ftp:", "ws:", "wss:", "file:", "filesystem:")
_NO_APP = frozenset(
    (*_SITES, "about:", "blob:", "chrome:", "data:", "intent:", "javascript:", "vbscript:", "view-source:")
)


def _is_place(name: str) -> bool:
    if _APP.fullmatch(name):
        return name not in _NO_APP
    try:
        place = _ascii_host(name)
        port = urlsplit(place if "//" in place else f"https://{place}").port
    except ValueError:  # brackets that are not closed, a port above 65535, and what IDNA refuses
        return False
    return port != 0 and Text(rf"(?:http://)?(?:{_HOST})(?::[0-9]{{1,5}})?", "").accepts(place)


def _places(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(_ascii_host, names))


LINK_HOSTS = ListOf(
    Text(
        r"(?:http://)?[^\s/?#@]{1,253}",
        "must be host, host:port, http://host[:port], or the scheme of an app with its colon",
        _is_place,
    ),
    into=_places,
)


def _is_id_server(name: str) -> bool:
    try:
        return bool(normal_id_server(name))
    except MatrixError:
        return False


def _allowing(names: Iterable[str]) -> Callable[[str], bool]:
    """Return the check that only these identity servers pass, and the servers below whose paths they are."""
    servers = set(map(normal_id_server, names))
    return frozenset(servers | {server_of(name) for name in servers}).__contains__


ID_SERVERS = ListOf(Text(r"[\s\S]+", "must be host[:port] of an identity server", _is_id_server), into=_allowing)


def is_function(value: object) -> bool:
    """Return whether a value is a function that answers at once: the coroutine of one that is async would be true."""
    return callable(value) and not iscoroutinefunction(value)
