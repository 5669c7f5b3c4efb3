"""What every host does alike: know its paths, read headers strictly, believe a proxy only if told, answer to bugs."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from secrets import token_hex

from attrs import evolve

from ..housekeeping import Job
from ..protocol.errors import ConfigurationError, MatrixError, TooLarge
from ..protocol.wire import Response, json_response
from ..service import Service

_WITH_PORT = re.compile(r"\[(?P<v6>[0-9A-Fa-f:.]+)\](:\d+)?|(?P<v4>[0-9.]+):\d+")

_NO_CONTENT = 204
_log = logging.getLogger("matrix_threepid.hosts")


def checked_service(service: Service, host: str) -> Service:
    """Return the service a host is made of. Raises ``ConfigurationError`` for a role or anything else."""
    if not callable(getattr(service, "handle", None)):
        given = type(service).__name__
        raise ConfigurationError(f"{host}: must be given a Service, such as Service(homeserver), got {given}")
    return service


class Disconnected(Exception):
    """The client went away in the middle of its body."""


def our_path(service: Service, path: str, root: str = "", encoded: bytes = b"") -> str | None:
    """Return the path that is the service's own: as it is, below the prefix ``root``, or as a mount cut it.

    ``encoded``: the path as it was sent, where the server tells. An encoded slash in it is no slash to a proxy in
    front of us, so it is none to us.
    """
    if b"%2f" in encoded.lower():
        return None
    prefix = root.rstrip("/")
    return next(filter(service.serves, (path, path.removeprefix(prefix), prefix + path)), None)


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
    if (announced(headers) or 0) > max_body:
        raise TooLarge


def announced(headers: Mapping[str, str]) -> int | None:
    """Return the bytes the headers announce, ``None`` if they do not; of 20 digits or more the first are enough."""
    length = headers.get("content-length", "")
    return int(length.lstrip("0")[:20] or "0") if length.isdecimal() else None


def client_of(headers: Mapping[str, str], peer: str | None, client_header: str | None) -> str | None:
    """Return the client's address: the last entry of the proxy's header where there is one, or the peer's.

    ``client_header``: the name of the header a trusted proxy writes, or ``None`` if there is no such proxy.
    """
    entry = headers.get((client_header or "").lower(), "").rpartition(",")[2].strip()
    match = _WITH_PORT.fullmatch(entry)
    return (match["v6"] or match["v4"] if match else entry) or peer


def framed(response: Response, method: str) -> Response:
    """Return the answer as it is sent: with its length, or, to HEAD, without a body and a length nobody knows."""
    if method == "HEAD":
        return evolve(response, body=b"")
    if response.status == _NO_CONTENT:
        return response
    return evolve(response, headers=(*response.headers, ("Content-Length", str(len(response.body)))))


def jobs_of(kept: Iterable[Service | Job]) -> list[Job]:
    """Return the jobs of services, and those that are given as they are."""
    return [job for each in kept for job in ((each,) if isinstance(each, Job) else each.jobs())]


def refused(error: MatrixError) -> Response:
    """Return the answer to a request that never reached the service."""
    return json_response(error.status, error.body(), *error.headers())


def incident() -> Response:
    """Return the answer to a bug, and log the bug under the name the client is told. For ``except`` blocks."""
    name = token_hex(4)
    _log.exception("incident %s", name)
    return json_response(500, MatrixError(f"Internal server error (incident {name})").body())
