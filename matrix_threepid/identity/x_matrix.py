"""The ``X-Matrix`` authentication scheme, written strictly and read tolerantly.

Specification, server-server API, "Request Authentication"; the grammar is that of RFC 9110, 11.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from ..protocol.errors import Unauthorized

_SCHEME = re.compile(r"x-matrix[ \t]+", re.IGNORECASE)
_PARAMETER = re.compile(
    r"""(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s",\\]+))[ \t]*(?:,|$)"""
)
_BETWEEN = re.compile(r"[ \t,]*")
MAX_CREDENTIALS = 8
"""So many a request may carry; each may cost a look-up of a key."""


@frozen
class XMatrixHeader:
    """What one ``X-Matrix`` header says."""

    origin: str
    key: str
    sig: str
    destination: str | None = None


def header(credentials: XMatrixHeader) -> str:
    """Write an ``Authorization`` header."""
    named = {"origin": credentials.origin, "destination": credentials.destination}
    members = {**named, "key": credentials.key, "sig": credentials.sig}
    return "X-Matrix " + ",".join(f'{name}="{value}"' for name, value in members.items() if value is not None)


def read_headers(values: Iterable[str]) -> tuple[XMatrixHeader, ...]:
    """Return the ``X-Matrix`` credentials of all ``Authorization`` headers, also of several that a proxy has joined.

    Raises ``Unauthorized`` for a malformed one, too many of them, and credentials of different origins.
    """
    found = tuple(credentials for value in values for credentials in _read(value))
    if len(found) > MAX_CREDENTIALS:
        raise _malformed()
    if len({credentials.origin for credentials in found}) > 1:
        raise Unauthorized("The credentials name different servers")
    return found


def _read(value: str) -> Iterator[XMatrixHeader]:
    position = 0
    while scheme := _SCHEME.match(value, position):
        parameters, position = _parameters(value, scheme.end())
        yield _credentials(parameters)


def _parameters(value: str, position: int) -> tuple[dict[str, str], int]:
    """Return the parameters up to the next scheme or the end, and where that is."""
    found: dict[str, str] = {}
    position = _skipped(value, position)
    while position < len(value) and not _SCHEME.match(value, position):
        parameter = _PARAMETER.match(value, position)
        if parameter is None or parameter["name"].lower() in found:
            raise _malformed()
        found[parameter["name"].lower()] = _text(parameter)
        position = _skipped(value, parameter.end())
    return found, position


def _skipped(value: str, position: int) -> int:
    between = _BETWEEN.match(value, position)
    return between.end() if between else position


def _text(parameter: re.Match[str]) -> str:
    quoted = parameter["quoted"]
    return str(parameter["bare"]) if quoted is None else re.sub(r"\\(.)", r"\1", quoted)


def _credentials(parameters: Mapping[str, str]) -> XMatrixHeader:
    """The specification's list calls the signature ``signature``, its examples and all servers ``sig``."""
    sig = parameters.get("sig", parameters.get("signature"))
    if sig is None or not {"origin", "key"} <= parameters.keys():
        raise _malformed()
    return XMatrixHeader(parameters["origin"], parameters["key"], sig, parameters.get("destination"))


def _malformed() -> Unauthorized:
    return Unauthorized("The Authorization header is malformed")
