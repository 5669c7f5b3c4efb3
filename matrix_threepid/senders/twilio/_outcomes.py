"""Outcomes of an SMS by Twilio's error codes (https://www.twilio.com/docs/api/errors).

Reasons are for the operator and in our own words: what Twilio writes may quote the number.
"""

from __future__ import annotations

from attrs import evolve

from ...model.message import RefusedForever, RefusedForNow, Unknown
from ...net.fetch import HttpFailure, HttpReply
from .._http_outcomes import is_down, of_failure, of_status, wait_of
from ._codes import OUTCOMES


class TwilioFailed(Exception):
    """A request to Twilio was not answered, or not with success.

    * ``outcome``: the outcome of a message that the request was to send; its reason is the exception's text.
    * ``codes``: the HTTP status and Twilio's error code, each ``None`` if there is none.
    """

    def __init__(self, reply: HttpReply | HttpFailure | None, code: object) -> None:
        self.outcome = _outcome(reply, code)
        self.codes = (getattr(reply, "status", None), code)
        super().__init__(self.outcome.reason)


def _outcome(reply: HttpReply | HttpFailure | None, code: object) -> RefusedForever | RefusedForNow | Unknown:
    if isinstance(reply, HttpFailure):
        return of_failure(reply)
    # A success that the client cannot read, or no request at all: the SMS may have been sent.
    if reply is None or reply.status < 300:
        return Unknown("the answer makes no sense")
    # The client puts the HTTP status in the place of an error code that the answer lacks.
    if not isinstance(code, int) or code == reply.status:
        return of_status(reply.status, f"Twilio answered {reply.status}", wait_of(reply))
    known = OUTCOMES.get(code)
    if known is None:
        return of_status(reply.status, f"Twilio answered {reply.status}, error {code}", wait_of(reply))
    reason = f"Twilio {code}: {known.reason}"
    if isinstance(known, RefusedForever):
        return evolve(known, reason=reason)
    wait = wait_of(reply) or known.retry_after
    down = is_down(reply.status)
    return RefusedForNow(reason, wait, elsewhere=down, outage=down and known.outage)
