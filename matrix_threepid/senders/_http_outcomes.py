"""Outcomes of an SMS by a provider's answer over HTTP.

Reasons are for the operator and in our own words: what a provider writes may quote the number or the code.
"""

from __future__ import annotations

from ..model.message import RefusedForNow, Unknown
from ..net.fetch import Failure, HttpFailure, HttpReply

PAUSE = 60_000
"""The ms to wait after a 429 without ``Retry-After``."""
_LONGEST = 3_600
"""The s of ``Retry-After`` that are honoured at most, so that a wrong value does not stop SMS for days."""
# The request had left, so the SMS may have been sent and counts as sent (decision 22).
_MAYBE_SENT = (Failure.LOST, Failure.ODD, Failure.TIMEOUT)


def of_failure(failure: HttpFailure) -> RefusedForNow | Unknown:
    """Return the outcome of a message whose request was not answered."""
    if failure.kind in _MAYBE_SENT:
        return Unknown(str(failure))
    return RefusedForNow(str(failure), elsewhere=True)


def is_down(status: int) -> bool:
    """Return whether a status says that the provider is out of order, or takes no more, so that another may be asked.

    >>> is_down(500), is_down(429), is_down(400)
    (True, True, False)
    """
    return status >= 500 or status == 429


def of_status(status: int, reason: str, wait: int | None) -> RefusedForNow | Unknown:
    """Return the outcome of a message whose request was answered with an error.

    * ``status``: the HTTP status.
    * ``reason``: what happened, for the operator.
    * ``wait``: the ms until the provider takes requests again, ``None`` if it does not say; see ``wait_of``.

    After a 5xx the message may have been sent all the same, except for 503, with which a provider refuses a request
    before working on it (https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4).

    >>> of_status(502, "the gateway answered 502", None)
    Unknown(reason='the gateway answered 502')
    """
    if status >= 500 and status != 503:
        return Unknown(reason, elsewhere=True)
    return RefusedForNow(reason, wait, elsewhere=is_down(status), outage=is_down(status))


def wait_of(reply: HttpReply) -> int | None:
    """Return the ms to wait that a 429 or 503 names in ``Retry-After``, an hour at most; ``None`` for other statuses.

    Only seconds are read, not dates (https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3): a date would depend on the
    provider's clock.

    >>> wait_of(HttpReply(429, headers=(("Retry-After", "30"),)))
    30000
    """
    if reply.status not in (429, 503):
        return None
    seconds = {name.lower(): value for name, value in reply.headers}.get("retry-after", "")
    if seconds.isascii() and seconds.isdigit():
        # Nine digits are enough for any number above the bound, and int() of thousands would be slow or raise.
        return 1000 * min(max(int(seconds[:9]), 1), _LONGEST)
    return PAUSE if reply.status == 429 else None
