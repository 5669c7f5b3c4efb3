"""What an identity server answered, as values; and the one place that reads its errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from .threepid import Medium, masked

_ERRCODE = re.compile(r"M_[A-Z_]{1,64}")
_MAX_TEXT = 256
_NO_SUPPORT = (400, 404, 405, 501)
# Clients log out or open web pages on these; what an identity server says must not do that (REQ-IDS-9).
_RENAMED = dict.fromkeys(
    ("M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_LOCKED", "M_USER_DEACTIVATED", "M_CONSENT_NOT_GIVEN"),
    "M_UNAUTHORIZED",
)


@frozen
class Done:
    """The identity server did it."""


@frozen
class NotSupported:
    """The identity server does not know this request."""


@frozen
class ServerRefused:
    """The identity server said no, in words a client may hear."""

    status: int
    errcode: str
    error: str
    retry_after_ms: int | None = None


@frozen
class Unreachable:
    """No usable answer: ``timeout`` tells whether time ran out. The request may have been carried out all the same."""

    reason: str
    timeout: bool = False


@frozen
class Blocked:
    """The server's name leads to an address this host does not talk to; nothing was sent."""


@frozen
class Busy:
    """Too many calls of this host wait for that identity server; nothing was sent."""


@frozen
class Proved:
    """The identity server knows the address behind a session of its own; ``address`` as it writes it."""

    medium: Medium
    address: str = field(repr=masked)


@frozen
class Associated:
    """The identity server published the address for ``mxid``; ``address`` as it writes it."""

    medium: Medium
    address: str = field(repr=masked)
    mxid: str


Failed = NotSupported | ServerRefused | Unreachable | Blocked | Busy
UnbindAnswer = Done | Failed
ProvedAnswer = Proved | Failed
BindAnswer = Associated | Failed


def read_failure(status: int, body: Any) -> Failed:
    """Return what an answer that is no success means (MSC1915; specification, "3PID unbinding").

    400, 404, 405 and 501 without a Matrix error, and ``M_UNRECOGNIZED`` in any case, mean that the request is not
    supported. A Matrix error is for the client. Any other 4xx is a refusal nobody understands; the rest is an outage.
    """
    if not _has_errcode(body) or (status in _NO_SUPPORT and not isinstance(body.get("error"), str)):
        # A Matrix error has both members (MSC1915). Other servers answer 404 with an "errcode" of their own.
        if status in _NO_SUPPORT:
            return NotSupported()
        return _odd() if 400 <= status < 500 else Unreachable(f"status {status}")
    return read_refusal(status, body)


def read_refusal(status: int, body: Mapping[str, Any]) -> Failed:
    """Return what an object with an ``errcode`` means, whatever the status: servers of old refuse with 200."""
    return NotSupported() if body["errcode"] == "M_UNRECOGNIZED" else _refused(status, body)


def is_refusal(body: Mapping[str, Any]) -> bool:
    """Return whether the body of an answer with a status of success says that it was none."""
    return _has_errcode(body)


def _has_errcode(body: Any) -> bool:
    return isinstance(body, Mapping) and isinstance(body.get("errcode"), str)


def _refused(status: int, body: Mapping[str, Any]) -> ServerRefused:
    errcode = body["errcode"] if _ERRCODE.fullmatch(body["errcode"]) else "M_UNKNOWN"
    error, retry = body.get("error"), body.get("retry_after_ms")
    shown = "".join(filter(str.isprintable, error))[:_MAX_TEXT] if isinstance(error, str) else ""
    return ServerRefused(
        status=_status_for_client(status),
        errcode=_RENAMED.get(errcode, errcode),
        error=shown or "The identity server refused the request",
        retry_after_ms=retry if type(retry) is int and 0 <= retry < 2**31 else None,
    )


def _status_for_client(status: int) -> int:
    """Return the status a refusal is passed on with: a server that a user names never makes ours answer 500."""
    if status == 401:
        return 403  # clients log out on a 401 of their homeserver
    if 200 <= status < 300:
        return 400
    return status if 400 <= status < 500 or status == 501 else 502


def _odd() -> ServerRefused:
    return ServerRefused(502, "M_UNKNOWN", "The identity server's answer was not understood")
