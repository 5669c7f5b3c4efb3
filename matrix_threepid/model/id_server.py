"""``id_server``: the name of an identity server, in the one form under which bindings are stored (REQ-IDS-7).

See https://spec.matrix.org/latest/appendices/#server-name and decision 14.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address

from ..protocol.errors import InvalidParam

MAX_LENGTH = 255
_DEFAULT_PORT = 443
# Characters that URL parsers treat differently (user-info, backslash, percent, brackets) cannot be in a host at all.
_SHAPE = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[^\s/:@?#\[\]\\%]{1,253})(?::(?P<port>[1-9][0-9]{0,4}))?(?P<path>(?:/[A-Za-z0-9._~-]+)*)"
)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# A last label of this form makes resolvers read the whole name as an IPv4 address.
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")


def normal_id_server(given: str) -> str:
    """Return ``host[:port][/path]`` with the host in lower-case ASCII.

    * ``given``: the name as the client wrote it; one leading ``https://`` and one trailing slash are removed, since
      older clients send them.

    Raises ``InvalidParam``. The name is not resolved here: the connection checks its addresses (SEC-52).

    >>> normal_id_server("https://Vector.im/")
    'vector.im'
    """
    bare = given.removeprefix("https://").removesuffix("/")
    shape = _SHAPE.fullmatch(bare)
    if shape is None or len(given) > MAX_LENGTH or not given.isprintable():
        raise _refused()
    port, path = shape["port"], shape["path"]
    # "." and ".." would be resolved by some HTTP clients and sent literally by others.
    if int(port or _DEFAULT_PORT) > 65535 or any(step in (".", "..") for step in path.split("/")):
        raise _refused()
    # One server has one key: a binding made at "host:443" must be found, and taken back, as one at "host".
    shown = f":{port}" if port and int(port) != _DEFAULT_PORT else ""
    return f"{_host(shape['host'])}{shown}{path}"


def server_of(name: str) -> str:
    """Return a name in normal form without its path.

    >>> server_of("vector.im:8090/identity")
    'vector.im:8090'
    """
    return name.partition("/")[0]


def _host(given: str) -> str:
    if given.startswith("["):
        return _ipv6(given[1:-1])
    host = _ascii(given)
    labels = host.split(".")
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise _refused()
    if _NUMERIC.fullmatch(labels[-1]) and not _is_ipv4(host):
        # The system's resolver reads 127.1 and 0x7f.1 as addresses, in a notation the check of addresses must not see.
        raise _refused()
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
