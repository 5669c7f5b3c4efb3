"""What every host does alike: read headers strictly, believe a proxy only when told to, and answer to bugs."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from secrets import token_hex

from ..protocol.errors import MatrixError, TooLarge
from ..protocol.wire import Response, json_response

_WITH_PORT = re.compile(r"\[(?P<v6>[0-9A-Fa-f:.]+)\](:\d+)?|(?P<v4>[0-9.]+):\d+")

_log = logging.getLogger("matrix_threepid.hosts")


def joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers by lower-case name; one that came several times as a list (RFC 9110, 5.3).

    So of two ``Authorization`` headers neither wins: together they are no token anybody knows.
    """
    found: dict[str, str] = {}
    for written, value in headers:
        name = written.lower()
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def check_length(headers: Mapping[str, str], max_body: int) -> None:
    """Raise ``TooLarge`` if the headers announce a body of more than ``max_body`` bytes."""
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > max_body:
        raise TooLarge


def client_of(headers: Mapping[str, str], peer: str | None, client_header: str | None) -> str | None:
    """Return the client's address: the last entry of the proxy's header where there is one, or the peer's.

    ``client_header``: lower-case name of the header a trusted proxy writes, or ``None`` if there is no such proxy.
    """
    entry = headers.get(client_header or "", "").rpartition(",")[2].strip()
    match = _WITH_PORT.fullmatch(entry)
    return (match["v6"] or match["v4"] if match else entry) or peer


def incident() -> Response:
    """Return the answer to a bug, and log the bug under the name the client is told. For ``except`` blocks."""
    name = token_hex(4)
    _log.exception("incident %s", name)
    return json_response(500, MatrixError(f"Internal server error (incident {name})").body())
