"""``id_server``: which identity server is meant, in the one form a binding is remembered under."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address

from ..protocol.errors import InvalidParam

MAX_LENGTH = 255
_DEFAULT_PORT = 443
_SHAPE = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[^\s/:@?#\[\]\\%]{1,253})(?::(?P<port>[1-9][0-9]{0,4}))?(?P<path>(?:/[A-Za-z0-9._~-]+)*)"
)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")


def normal_id_server(given: str) -> str:
    """Return ``host[:port][/path]`` in lower-case ASCII; one leading ``https://`` and one trailing slash may be there.

    Raises ``InvalidParam``. Which addresses a name leads to is not looked at here.
    """
    bare = given.removeprefix("https://").removesuffix("/")
    shape = _SHAPE.fullmatch(bare)
    if shape is None or len(given) > MAX_LENGTH or not given.isprintable():
        raise _refused()
    port, path = shape["port"], shape["path"]
    if int(port or _DEFAULT_PORT) > 65535 or any(step in (".", "..") for step in path.split("/")):
        raise _refused()
    # One server has one key: a binding made at "host:443" must be found, and taken back, as one at "host".
    shown = f":{port}" if port and int(port) != _DEFAULT_PORT else ""
    return f"{_host(shape['host'])}{shown}{path}"


def _host(given: str) -> str:
    if given.startswith("["):
        return _ipv6(given[1:-1])
    host = _ascii(given)
    labels = host.split(".")
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise _refused()
    if _NUMERIC.fullmatch(labels[-1]) and not _is_ipv4(host):
        raise _refused()  # the system's resolver would read 127.1 and 0x7f.1 as addresses
    return host


def _ascii(given: str) -> str:
    import idna

    try:
        return given.lower() if given.isascii() else idna.encode(given, uts46=True).decode("ascii")
    except UnicodeError:
        raise _refused() from None


def _ipv6(given: str) -> str:
    try:
        return f"[{IPv6Address(given)}]"
    except ValueError:
        raise _refused() from None


def _is_ipv4(host: str) -> bool:
    try:
        return ip_address(host).version == 4
    except ValueError:
        return False


def _refused() -> InvalidParam:
    return InvalidParam("id_server: must be a server name, host[:port]")
