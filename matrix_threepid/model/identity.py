"""The answers of an identity server as values, and the reading of its errors.

See MSC1915, https://github.com/matrix-org/matrix-spec-proposals/pull/1915, and
https://spec.matrix.org/latest/client-server-api/#post_matrixclientv3account3pidunbind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeGuard

from attrs import field, frozen

from ..protocol.members import redacted
from .third_party_invite import InviteKey
from .threepid import Medium, masked

_ERRCODE = re.compile(r"M_[A-Z_]{1,64}")
_MAX_TEXT = 256
_NO_SUPPORT = (400, 404, 405, 501)
# Clients log out or open web pages when their homeserver answers with one of these. An identity server, which a user
# may name freely, must not be able to cause that (REQ-IDS-9).
_RENAMED = dict.fromkeys(
    ("M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_LOCKED", "M_USER_DEACTIVATED", "M_CONSENT_NOT_GIVEN"),
    "M_UNAUTHORIZED",
)


@frozen
class Done:
    """The identity server confirmed the unbind."""


@frozen
class NotSupported:
    """The identity server does not implement the endpoint; the answer to the client is ``no-support``."""


@frozen
class ServerRefused:
    """The identity server refused with an error that is passed on to the client, filtered (REQ-IDS-9).

    * ``status``: the HTTP status for the client, 400 to 599 and never 401.
    * ``errcode``: the errcode for the client, ``M_`` and capital letters.
    * ``error``: the text for the client, printable and at most 256 characters.
    * ``retry_after_ms``: the ms after which the client may try again; ``None`` if the server named none.
    * ``outage``: whether the server says that it cannot do it now (a 5xx other than 501), which decides nothing: an
      address is deleted all the same, and its unbind is sent again later. Default ``False``.
    """

    status: int
    errcode: str
    error: str
    retry_after_ms: int | None = None
    outage: bool = False


@frozen
class Unreachable:
    """No usable answer came; the identity server may still have carried the request out.

    * ``reason``: a text for the log.
    * ``timeout``: whether the deadline passed: then the client is answered with 504, else 502. Default ``False``.
    """

    reason: str
    timeout: bool = False


@frozen
class Blocked:
    """The server's name resolves to an address that this host does not connect to (SEC-52); nothing was sent."""


@frozen
class Busy:
    """Too many calls of this host are waiting for that identity server; nothing was sent."""


@frozen
class Proved:
    """The address that a session of the identity server has proved.

    * ``medium``: the medium.
    * ``address``: the address as the identity server writes it.
    """

    medium: Medium
    address: str = field(repr=masked)


@frozen
class Associated:
    """The identity server published an address.

    * ``medium``: the medium.
    * ``address``: the address as the identity server writes it.
    * ``mxid``: the user for whom it was published; a caller must compare it with the one it asked for (SEC-29).
    """

    medium: Medium
    address: str = field(repr=masked)
    mxid: str


@frozen
class LookedUp:
    """What an identity server publishes of an address.

    * ``mxid``: the user whose address it is; ``None`` if it publishes none.
    """

    mxid: str | None


@frozen
class InviteStored:
    """The identity server keeps an invitation of an address until somebody binds the address.

    * ``token``: names the invitation; its representation is redacted.
    * ``display_name``: what is shown for the address.
    * ``keys``: the keys that may sign the proof, at least one.
    """

    token: str = field(repr=redacted)
    display_name: str
    keys: tuple[InviteKey, ...]


@frozen
class AlreadyBound:
    """The identity server stores no invitation, since the address is published.

    * ``mxid``: the user whose address it is.
    """

    mxid: str


@frozen
class KeyChecked:
    """Whether a key was revoked.

    * ``valid``: ``True`` if it was not.
    """

    valid: bool


Failed = NotSupported | ServerRefused | Unreachable | Blocked | Busy
UnbindAnswer = Done | Failed
ProvedAnswer = Proved | Failed
BindAnswer = Associated | Failed
LookUpAnswer = LookedUp | Failed
InviteAnswer = InviteStored | AlreadyBound | Failed
KeyAnswer = KeyChecked | Failed


def read_failure(status: int, body: object) -> Failed:
    """Return the meaning of an answer that is no success (decision 10).

    * ``status``: the HTTP status of the answer.
    * ``body``: its parsed JSON; ``None`` if it was no JSON.

    400, 404, 405 and 501 without a Matrix error, and ``M_UNRECOGNIZED`` with any status, mean ``NotSupported``. Any
    other Matrix error is a ``ServerRefused``. Without a Matrix error, the other 4xx are a ``ServerRefused`` with a text
    of ours, and everything else is ``Unreachable``. See MSC1915,
    https://github.com/matrix-org/matrix-spec-proposals/pull/1915.

    >>> read_failure(404, None)
    NotSupported()
    """
    if not _has_errcode(body) or (status in _NO_SUPPORT and not isinstance(body.get("error"), str)):
        # A Matrix error has both members (MSC1915). Other servers answer 404 with an "errcode" of their own.
        if status in _NO_SUPPORT:
            return NotSupported()
        return _odd() if 400 <= status < 500 else Unreachable(f"status {status}")
    return read_refusal(status, body)


def read_refusal(status: int, body: Mapping[str, object]) -> Failed:
    """Return what an object with an ``errcode`` means, whatever the status: old servers refuse with status 200.

    >>> read_refusal(400, {"errcode": "M_UNRECOGNIZED"})
    NotSupported()
    """
    # MSC1915 is older than M_UNRECOGNIZED, which is how servers report an unknown endpoint today (REQ-UNBIND-4).
    return NotSupported() if body["errcode"] == "M_UNRECOGNIZED" else _refused(status, body)


def is_refusal(body: Mapping[str, object]) -> bool:
    """Return whether the object of an answer with a status of success says that it was none."""
    return _has_errcode(body)


def _has_errcode(body: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(body, Mapping) and isinstance(body.get("errcode"), str)


def _refused(status: int, body: Mapping[str, object]) -> ServerRefused:
    given = str(body["errcode"])
    errcode = given if _ERRCODE.fullmatch(given) else "M_UNKNOWN"
    error, retry = body.get("error"), body.get("retry_after_ms")
    # The text comes from a third party: control characters are removed and the length is bounded (SEC-124).
    shown = "".join(filter(str.isprintable, error))[:_MAX_TEXT] if isinstance(error, str) else ""
    return ServerRefused(
        status=_status_for_client(status),
        errcode=_RENAMED.get(errcode, errcode),
        error=shown or "The identity server refused the request",
        # "type is int" excludes True; the bound keeps the value within what clients store in 32 bits.
        retry_after_ms=retry if type(retry) is int and 0 <= retry < 2**31 else None,
        outage=status >= 500 and status != 501,
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
