"""What a provider's answer over HTTP means, in words for the operator that repeat nothing the provider wrote."""

from __future__ import annotations

from ..model.message import RefusedForNow, Unknown
from ..net.fetch import Failure, HttpFailure, HttpReply

PAUSE = 60_000
"""The ms to wait after a 429 that does not say for how long."""
_LONGEST = 3_600
"""The s a provider may tell us to wait, at most."""
_MAYBE_SENT = (Failure.LOST, Failure.ODD, Failure.TIMEOUT)


def of_failure(failure: HttpFailure) -> RefusedForNow | Unknown:
    """Return what became of a message whose request was not answered."""
    return (Unknown if failure.kind in _MAYBE_SENT else RefusedForNow)(str(failure))


def of_status(status: int, told: str, wait: int | None) -> RefusedForNow | Unknown:
    """Return what became of a message: a request that was broken off may have been carried out."""
    return Unknown(told) if status >= 500 and status != 503 else RefusedForNow(told, wait)


def wait_of(reply: HttpReply) -> int | None:
    """Return the ms a 429 or 503 asks us to wait, an hour at most; ``Retry-After`` is read in seconds only."""
    if reply.status not in (429, 503):
        return None
    told = {name.lower(): value for name, value in reply.headers}.get("retry-after", "")
    if told.isascii() and told.isdigit():
        return 1000 * min(max(int(told[:9]), 1), _LONGEST)
    return PAUSE if reply.status == 429 else None
