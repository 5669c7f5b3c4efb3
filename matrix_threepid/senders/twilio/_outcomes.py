"""Outcomes of an SMS by Twilio's error codes (https://www.twilio.com/docs/api/errors).

Reasons are for the operator and in our own words: what Twilio writes may quote the number.
"""

from __future__ import annotations

from attrs import evolve

from ...model.message import RefusedForever, RefusedForNow, Unknown
from ...net.fetch import HttpFailure, HttpReply
from .._http_outcomes import of_failure, of_status, wait_of

# Refused for ever is what depends on the number only, and `denied` marks what is no property of the number: no second
# try helps there, but the number may be a good one. What the operator can mend is refused for now.
OUTCOMES: dict[int, RefusedForever | RefusedForNow] = {
    21211: RefusedForever("the number is not valid"),
    21217: RefusedForever("the number is not valid"),
    21408: RefusedForever("SMS to this region are not enabled in the account", denied=True),
    21610: RefusedForever("the recipient has opted out"),
    21612: RefusedForever("the number cannot be reached from this sender"),
    21614: RefusedForever("the number takes no SMS"),
    21635: RefusedForever("the number is a landline"),
    30450: RefusedForever("the provider takes this for SMS pumping", denied=True),
    60205: RefusedForever("the number is a landline"),
    60410: RefusedForever("the provider takes this for SMS pumping", denied=True),
    20003: RefusedForNow("the account or its token is wrong"),
    20005: RefusedForNow("the account is not active"),
    20429: RefusedForNow("too many requests"),
    21212: RefusedForNow("the sender is not valid"),
    21606: RefusedForNow("the account cannot send from this sender"),
    21608: RefusedForNow("a trial account sends to verified numbers only"),
    21611: RefusedForNow("the queue of this sender is full"),
    21659: RefusedForNow("the sender is no number of the account"),
    21703: RefusedForNow("the messaging service has no sender for this number"),
    21704: RefusedForNow("the messaging service has no sender"),
    21705: RefusedForNow("there is no such messaging service"),
    60203: RefusedForNow("too many codes were sent to this number"),
    63038: RefusedForNow("the account has sent all it may today"),
}
"""The outcome by error code; an error with any other code has the outcome of its HTTP status."""


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
    outcome = evolve(known, reason=f"Twilio {code}: {known.reason}")
    return evolve(outcome, retry_after=wait_of(reply)) if isinstance(outcome, RefusedForNow) else outcome
