"""The ``X-Matrix`` authentication scheme: strict in writing, tolerant in reading.

Source: https://spec.matrix.org/latest/server-server-api/#request-authentication; the grammar is that of
https://www.rfc-editor.org/rfc/rfc9110#section-11.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from ..protocol.errors import Unauthorized

_SCHEME = re.compile(r"x-matrix[ \t]+", re.IGNORECASE)
# Bare values may have characters that a token has not, such as the colon of a key id: older servers do not quote them.
_PARAMETER = re.compile(
    r"""(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s",\\]+))[ \t]*(?:,|$)"""
)
_BETWEEN = re.compile(r"[ \t,]*")
MAX_CREDENTIALS = 8
"""The credentials that a request may carry; each may cost a request for a key."""


@frozen
class XMatrixHeader:
    """The parameters of one ``X-Matrix`` header.

    * ``origin``: the server that signed.
    * ``key``: the id of its key, such as ``ed25519:a_1``.
    * ``sig``: the signature in unpadded base64.
    * ``destination``: the server that is addressed; ``None`` from servers before version 1.3 of the specification.
    """

    origin: str
    key: str
    sig: str
    destination: str | None = None


def header(credentials: XMatrixHeader) -> str:
    """Return the value of an ``Authorization`` header.

    >>> header(XMatrixHeader("example.org", "ed25519:a_1", "c2ln"))
    'X-Matrix origin="example.org",key="ed25519:a_1",sig="c2ln"'
    """
    # Quoted, and without spaces after the commas: some servers read nothing else.
    named = {"origin": credentials.origin, "destination": credentials.destination}
    members = {**named, "key": credentials.key, "sig": credentials.sig}
    return "X-Matrix " + ",".join(f'{name}="{value}"' for name, value in members.items() if value is not None)


def read_headers(values: Iterable[str]) -> tuple[XMatrixHeader, ...]:
    """Return the ``X-Matrix`` credentials of all ``Authorization`` headers.

    Several headers may have been joined by a proxy into one with commas. Headers of other schemes are skipped. Raises
    ``Unauthorized`` for malformed credentials, more than ``MAX_CREDENTIALS``, and credentials of different origins.

    >>> read_headers(['X-Matrix origin=example.org,key="ed25519:a_1",sig="c2ln"'])[0].key
    'ed25519:a_1'
    """
    found = tuple(credentials for value in values for credentials in _read(value))
    if len(found) > MAX_CREDENTIALS:
        raise _malformed()
    # Several signatures are those of several keys of one server.
    if len({credentials.origin for credentials in found}) > 1:
        raise Unauthorized("The credentials name different servers")
    return found


def _read(value: str) -> Iterator[XMatrixHeader]:
    position = 0
    while scheme := _SCHEME.match(value, position):
        parameters, position = _parameters(value, scheme.end())
        yield _credentials(parameters)


def _parameters(value: str, position: int) -> tuple[dict[str, str], int]:
    """Return the parameters from a position up to the next scheme or the end, and the position there."""
    found: dict[str, str] = {}
    position = _skipped(value, position)
    while position < len(value) and not _SCHEME.match(value, position):
        parameter = _PARAMETER.match(value, position)
        # A name that comes twice is refused: two programs on the way might each believe another value.
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
    """Return the credentials of parsed parameters. Raises ``Unauthorized`` if one is missing."""
    # The specification's list of parameters names it `signature`, its examples and all servers name it `sig`.
    sig = parameters.get("sig", parameters.get("signature"))
    if sig is None or not {"origin", "key"} <= parameters.keys():
        raise _malformed()
    return XMatrixHeader(parameters["origin"], parameters["key"], sig, parameters.get("destination"))


def _malformed() -> Unauthorized:
    return Unauthorized("The Authorization header is malformed")
