"""Requests that Synapse has answered, as a shadow keeps them: without passwords, ``auth`` and tokens."""

from __future__ import annotations

import json
from typing import Any

from attrs import field, frozen

from ..protocol.members import redacted
from ..protocol.wire import Request
from .shadow_ports import Answered, Native

_SECRET = frozenset({"auth", "password", "new_password", "token", "access_token"})


@frozen(kw_only=True)
class Seen:
    """A request that Synapse has answered, without passwords, ``auth`` and tokens.

    * ``endpoint``: the name of the endpoint.
    * ``request``: the request as the module reads it.
    * ``answer``: what Synapse has answered.
    * ``sid``: the session id in Synapse's answer; ``None`` if there is none.
    * ``at``: when it was answered, in ms: it is judged later, and what was confirmed meanwhile was not known then.
    """

    endpoint: str
    request: Request = field(repr=redacted)
    answer: Answered
    sid: str | None
    at: int


def body_of(request: Any, most: int) -> bytes:
    """Return the body of a request, which is left as it is; of a longer one, so much that it is too long."""
    content = request.content
    content.seek(0)
    body: bytes = content.read(most + 1)
    content.seek(0)
    return body


def without_secrets(request: Any, body: bytes, answer: Answered) -> Request:
    """Return a request as the module reads it; ``body``: without passwords, ``auth`` and tokens."""
    client = getattr(request.getClientAddress(), "host", None)
    language = request.getHeader("accept-language")
    return Request(
        method=request.method.decode("ascii", "replace"),
        path=request.path.decode("ascii", "replace"),
        headers={"accept-language": language} if language else {},
        query="",
        body=body,
        client=client or "",
        native=Native(request.requester, answer, has_token=_has_token(request)),
    )


def _has_token(request: Any) -> bool:
    return bool(request.getHeader("authorization")) or b"access_token" in request.args


class _TwiceError(Exception):
    """An object has a member twice."""


def cleaned(body: bytes, most: int) -> bytes:
    """Return a body without secrets; for one that is wrong as a whole, another one that is wrong in the same way."""
    if len(body) > most:
        return b" " * len(body)
    try:
        read = json.loads(body, object_pairs_hook=_once)
    except _TwiceError:
        return b"[]"
    except (ValueError, RecursionError):
        return b"[" if body else b""
    if not isinstance(read, dict):
        return b"[]"
    kept = {name: value for name, value in read.items() if name not in _SECRET}
    if isinstance(kept.get("id_access_token"), str):
        kept["id_access_token"] = "removed"  # no secret: bind requires the member
    return json.dumps(kept).encode()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise _TwiceError
    return dict(pairs)


def is_object(body: bytes) -> bool:
    """Return whether a body that was ``cleaned`` is an object."""
    return body.startswith(b"{")
