"""``Wsgi``: the endpoints as a WSGI application (https://peps.python.org/pep-3333/).

Use a server that drops headers with underscores in their names, as gunicorn, waitress and werkzeug do. WSGI gives
``X_Forwarded_For`` and ``X-Forwarded-For`` the same name, so a client could otherwise write the header of the proxy.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator
from http.client import responses
from typing import Any

from ..offload import run_sync
from ..protocol.errors import TooLarge, Unrecognized
from ..protocol.wire import Request, Response
from ..service import Service
from ._kept import InThreads, Keep, kept_by
from ._proxies import Header, checked_header
from ._shared import (
    Disconnected,
    announced,
    check_length,
    checked_otherwise,
    checked_service,
    client_of,
    framed,
    incident,
    joined,
    our_path,
    refused,
)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]


class Wsgi:
    """A WSGI application; it may stand alone, under a prefix, or in front of another one.

    * ``service``: the endpoints.
    * ``otherwise``: the application for every other path; ``None`` answers 404.
    * ``client_header``: the header in which a trusted proxy writes the client's address, of which the last entry
      counts, or a ``ClientHeader`` for several proxies; ``None``, the default, takes the address of the connection.
    * ``run``: runs a coroutine to its end; the default, ``run_sync``, is for ports that answer without waiting.
    * ``keep``: whether the jobs of the service run in threads, from the first request of each process to its end, or
      which services and jobs do; ``False`` by default.
    """

    def __init__(
        self,
        service: Service,
        otherwise: App | None = None,
        client_header: Header = None,
        run: Callable[[Coroutine[Any, Any, Any]], Any] = run_sync,
        *,
        keep: Keep = False,
    ) -> None:
        self._service = checked_service(service, "Wsgi")
        self._otherwise = checked_otherwise(otherwise, "Wsgi") or _nothing_else
        self._client_header = checked_header(client_header)
        self._run = run
        self._house = InThreads(kept_by("Wsgi", service, keep), run)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        self._house.begin()
        path = self._path(environ)
        if path is None:
            return self._otherwise(environ, start_response)
        return _reply(start_response, self._respond(environ, path), environ["REQUEST_METHOD"])

    def close(self) -> None:
        """Stop the jobs of ``keep`` for good, before the process ends; what has begun is finished, within 30 s."""
        self._house.end()

    def _path(self, environ: Environ) -> str | None:
        # Not in the specification: gunicorn gives RAW_URI, uWSGI and mod_wsgi REQUEST_URI, werkzeug both.
        sent = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
        encoded = sent.partition("?")[0].encode("latin-1", "replace")
        return our_path(self._service, _decoded(environ, "PATH_INFO"), _decoded(environ, "SCRIPT_NAME"), encoded)

    def _respond(self, environ: Environ, path: str) -> Response:
        try:
            max_body = self._service.max_body
            request = read_request(environ, max_body, self._client_header, path=path)
            return self._run(self._service.handle(request))  # type: ignore[no-any-return]
        except Disconnected:
            return Response(400)  # the client is gone, but WSGI has no way to send no answer
        except TooLarge as error:
            return refused(error, self._service)
        except Exception:
            return incident(self._service)


def read_request(environ: Environ, max_body: int, client_header: Header = None, *, path: str | None = None) -> Request:
    """Return the request of an environment, with its body.

    * ``max_body``: the bytes that a body may have.
    * ``client_header``: as for ``Wsgi``.
    * ``path``: the path to use in place of the environment's; ``None``: the environment's.

    Raises ``TooLarge`` for a longer body, before more than ``max_body`` bytes and one are read, and ``Disconnected`` if
    the client closes the connection before the end of its body.
    """
    headers = joined(_headers(environ))
    check_length(headers, max_body)
    return Request(
        method=environ["REQUEST_METHOD"],
        path=path or _decoded(environ, "PATH_INFO"),
        headers=headers,
        query=environ.get("QUERY_STRING", ""),
        body=_body(environ, headers, max_body),
        client=client_of(headers, environ.get("REMOTE_ADDR") or None, client_header),
        native=environ,
    )


def _decoded(environ: Environ, name: str) -> str:
    """Return a path of the environment.

    WSGI decodes its bytes as Latin-1 (https://peps.python.org/pep-3333/#unicode-issues), but they are UTF-8.
    """
    written: str = environ.get(name, "")
    return written.encode("latin-1").decode("utf-8", "replace")


def _headers(environ: Environ) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            yield name[5:].replace("_", "-"), value
        # The two headers without the prefix; servers may give them as empty texts where they were not sent.
        elif name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            yield name.replace("_", "-"), value


def _body(environ: Environ, headers: dict[str, str], max_body: int) -> bytes:
    """Return the body.

    Without a length it can be read only if the server marks its end (``wsgi.input_terminated``); any other server would
    block there until the client sends more.
    """
    length, stream = announced(headers), environ["wsgi.input"]
    if length is not None and "transfer-encoding" not in headers:
        return _read(stream, length, length)
    body = _read(stream, max_body + 1) if environ.get("wsgi.input_terminated") else b""
    if len(body) > max_body:
        raise TooLarge
    return body


def _read(stream: Any, most: int, least: int = 0) -> bytes:
    """Return up to ``most`` bytes of a stream. Raises ``Disconnected`` if it breaks or has less than ``least``."""
    body = bytearray()
    try:
        # `read` may return less than was asked for before the end.
        while len(body) < most and (part := stream.read(most - len(body))):
            body += part
    except OSError:
        raise Disconnected from None
    if len(body) < least:
        raise Disconnected
    return bytes(body)


def _reply(start_response: StartResponse, response: Response, method: str) -> Iterable[bytes]:
    sent = framed(response, method)
    start_response(f"{sent.status} {responses.get(sent.status, 'Unknown')}", list(sent.headers))
    # Not a list: wsgiref adds the Content-Length of a list with one item, and to HEAD that would be 0.
    return iter((sent.body,))


def _nothing_else(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer 404 where there is no other application."""
    return _reply(start_response, refused(Unrecognized()), environ["REQUEST_METHOD"])
