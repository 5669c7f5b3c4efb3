"""What went wrong, as ``HttpFailure``: for the operator, and without a word of the server."""

from __future__ import annotations

import errno
import socket

from .fetch import Failure, HttpFailure

# Not in every system: an older name of the same answer, and one for names with addresses of another family only.
_NO_SUCH_NAME = {getattr(socket, name, socket.EAI_NONAME) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY")}


class NoConnectionError(Exception):
    """An address accepted no connection, so nothing was sent to it. ``reason``: what to say if there is no other."""

    def __init__(self, reason: HttpFailure) -> None:
        super().__init__(str(reason))
        self.reason = reason


def failure(error: Exception, *, sent: bool = False) -> HttpFailure:
    """Return the failure an error stands for.

    * ``error``: what was raised; ``EMSGSIZE`` stands for an answer that is too large.
    * ``sent``: whether the request had been sent, so that it may have been carried out.
    """
    kind = _kind(error)
    lost = sent and kind in (Failure.TLS, Failure.REFUSED)
    return HttpFailure(Failure.LOST if lost else kind, _detail(error))


def _kind(error: Exception) -> Failure:
    if not isinstance(error, OSError) or error.errno == errno.EMSGSIZE:
        return Failure.ODD
    if isinstance(error, TimeoutError):
        return Failure.TIMEOUT
    if isinstance(error, socket.gaierror):
        # Resolvers that do not answer, or fail, say nothing about the name.
        return Failure.NAME if error.errno in _NO_SUCH_NAME else Failure.NO_DNS
    return Failure.TLS if _is_of_tls(error) else Failure.REFUSED


def _is_of_tls(error: Exception) -> bool:
    # By its module, since ``ssl`` takes long to import and is not needed before the first connection.
    return any(kind.__module__ == "ssl" for kind in type(error).__mro__)


def _detail(error: Exception) -> str:
    if _is_of_tls(error):
        return str(getattr(error, "verify_message", None) or getattr(error, "reason", None) or "")
    return errno.errorcode.get(error.errno or 0, "") if isinstance(error, OSError) else type(error).__name__
