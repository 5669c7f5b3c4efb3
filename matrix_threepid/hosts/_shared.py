"""What all hosts share: paths, headers, the client's address, framing of answers, and answers to bugs."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from secrets import token_hex
from typing import TypeVar

from attrs import evolve

from ..housekeeping import Job
from ..protocol.errors import ConfigurationError, MatrixError, TooLarge
from ..protocol.wire import Response, json_response
from ..protocol.wiring import demand
from ..service import Service
from ._proxies import FORWARDED as _FORWARDED
from ._proxies import Header, warn_of_proxy
from ._proxies import last_entry as _last_entry

T = TypeVar("T")
_NO_CONTENT = 204
_log = logging.getLogger("matrix_threepid.hosts")


def checked_service(service: Service, host: str) -> Service:
    """Return the service a host is made of. Raises ``ConfigurationError`` for a role or anything else."""
    if isinstance(service, type) or not callable(getattr(service, "handle", None)):
        got = _class_name(service)
        raise ConfigurationError(f"{host}: must be given a Service, such as Service(homeserver), got {got}")
    return service


def _class_name(given: object) -> str:
    return given.__name__ if isinstance(given, type) else type(given).__name__


def checked_otherwise(otherwise: T, host: str) -> T:
    """Return the application behind a host. Raises ``ConfigurationError`` for what cannot be called."""
    demand(f"{host}: otherwise", otherwise, lambda given: given is None or callable(given), "must be an application")
    return otherwise


class Disconnected(Exception):
    """The client closed the connection before it had sent its body in full."""


def our_path(service: Service, path: str, root: str = "", encoded: bytes = b"") -> str | None:
    """Return the path of a request as the service serves it; ``None`` if it is not one of its endpoints.

    * ``path``: the decoded path that the server gives.
    * ``root``: the prefix of the mount, which the path may still have, or may have lost; ``""`` for none.
    * ``encoded``: the path as it was sent, if the server gives it.
    """
    # A proxy that decides by the path does not take %2F for a slash, so a path that has one could pass its rules.
    if b"%2f" in encoded.lower():
        return None
    prefix = root.rstrip("/")
    return next(filter(service.serves, (path, path.removeprefix(prefix), prefix + path)), None)


def joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers by lower-case name; the values of one that came several times are joined by commas.

    See https://www.rfc-editor.org/rfc/rfc9110#section-5.3. Two ``Authorization`` headers so make one value that is no
    valid token, and no program on the way can have taken another of them than we do.

    >>> joined([("Accept", "text/html"), ("ACCEPT", "*/*")])
    {'accept': 'text/html, */*'}
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
    """Return the number in ``Content-Length``; ``None`` without one."""
    length = headers.get("content-length", "")
    # 20 digits are enough for any number above a limit, and int() of thousands would be slow or raise.
    return int(length.lstrip("0")[:20] or "0") if length.isdecimal() else None


def client_of(headers: Mapping[str, str], peer: str | None, client_header: Header) -> str | None:
    """Return the address of the client, without a port.

    * ``headers``: by lower-case name.
    * ``peer``: the address of the connection's other end; ``None`` if the server does not give it.
    * ``client_header``: the header in which trusted proxies write the client's address, or a ``ClientHeader``; ``None``
      without such a proxy.

    Of the header only what trusted proxies have added counts, by default the last entry: a client can write any others
    itself.

    >>> client_of({"x-forwarded-for": "192.0.2.1, [2001:db8::7]:443"}, "127.0.0.1", "X-Forwarded-For")
    '2001:db8::7'
    """
    if client_header is None:
        if _FORWARDED in headers:
            warn_of_proxy(peer)
        return peer
    if isinstance(client_header, str):
        return _last_entry(headers.get(client_header.lower(), "")) or peer
    return client_header.client(headers, peer)


def framed(response: Response, method: str) -> Response:
    """Return the answer to send: with ``Content-Length``; to HEAD without a body and without that header.

    HEAD may leave out what only the body would tell (https://www.rfc-editor.org/rfc/rfc9110#section-9.3.2), and 204 has
    no length (https://www.rfc-editor.org/rfc/rfc9110#section-8.6).
    """
    if method == "HEAD":
        return evolve(response, body=b"")
    if response.status == _NO_CONTENT:
        return response
    headers = (*response.headers, ("Content-Length", str(len(response.body))))
    return Response(response.status, headers, response.body)


def has_jobs(kept: object) -> bool:
    """Return whether something is a ``Job``, or has jobs, as a ``Service`` has."""
    return isinstance(kept, Job) or (not isinstance(kept, type) and callable(getattr(kept, "jobs", None)))


def jobs_of(kept: Iterable[Service | Job]) -> list[Job]:
    """Return all jobs: those of services, and jobs as they are. Raises ``ConfigurationError`` for anything else."""
    kept = tuple(kept)
    for each in kept:
        if not has_jobs(each):
            raise ConfigurationError(
                f"jobs: must be given a Service, such as Service(homeserver), or a Job, got {_class_name(each)}"
            )
    return [job for each in kept for job in ((each,) if isinstance(each, Job) else each.jobs())]


def refused(error: MatrixError, service: Service | None = None) -> Response:
    """Return the answer to a request that the host refuses before the service handles it.

    * ``service``: the service; ``None`` (default) for a path that is of none.
    """
    response = json_response(error.status, error.body(), *error.headers())
    return response if service is None else service.allowing(response)


def incident(service: Service | None = None) -> Response:
    """Return the answer 500 to a bug, and log its traceback; both have the same random name. For ``except`` blocks.

    * ``service``: the service; ``None`` (default) where none is known.

    The client gets no more than the name, since a traceback may show what the service has stored.
    """
    name = token_hex(4)
    _log.exception("incident %s", name)
    response = json_response(500, MatrixError(f"Internal server error (incident {name})").body())
    return response if service is None else service.allowing(response)
