"""What Twilio's errors mean, as a table; in words for the operator that repeat nothing Twilio wrote."""

from __future__ import annotations

from attrs import frozen

from ..identity.http import Failure, HttpFailure
from ..model.message import Outcome, RefusedForever, RefusedForNow, Unknown

PAUSE = 60_000
"""The ms to wait after Twilio said that it is asked too often."""


@frozen
class Verdict:
    """``final``: no SMS will ever reach this number; else the account or the moment is to blame."""

    final: bool
    words: str


VERDICTS = {
    21211: Verdict(True, "the number is not valid"),
    21217: Verdict(True, "the number is not valid"),
    21408: Verdict(True, "SMS to this region are not enabled in the account"),
    21610: Verdict(True, "the recipient has opted out"),
    21612: Verdict(True, "the number cannot be reached from this sender"),
    21614: Verdict(True, "the number takes no SMS"),
    21635: Verdict(True, "the number is a landline"),
    30450: Verdict(True, "the provider takes this for SMS pumping"),
    60205: Verdict(True, "the number is a landline"),
    60410: Verdict(True, "the provider takes this for SMS pumping"),
    20003: Verdict(False, "the account or its token is wrong"),
    20005: Verdict(False, "the account is not active"),
    20429: Verdict(False, "too many requests"),
    21212: Verdict(False, "the sender is not valid"),
    21606: Verdict(False, "the account cannot send from this sender"),
    21608: Verdict(False, "a trial account sends to verified numbers only"),
    21611: Verdict(False, "the queue of this sender is full"),
    21659: Verdict(False, "the sender is no number of the account"),
    21703: Verdict(False, "the messaging service has no sender for this number"),
    21704: Verdict(False, "the messaging service has no sender"),
    21705: Verdict(False, "there is no such messaging service"),
    60203: Verdict(False, "too many codes were sent to this number"),
    63038: Verdict(False, "the account has sent all it may today"),
}
"""By Twilio's error code. A code that is not here counts by its status."""

_MAYBE_SENT = (Failure.LOST, Failure.ODD, Failure.TIMEOUT)


class NoReply(ConnectionError):
    """Twilio did not answer; carried through Twilio's own client."""

    def __init__(self, failure: HttpFailure) -> None:
        super().__init__(str(failure))
        self.failure = failure


def verdict(error: Exception) -> Outcome:
    """Return what became of a message whose request ended in an error."""
    if isinstance(error, NoReply):
        return (Unknown if error.failure.kind in _MAYBE_SENT else RefusedForNow)(str(error))
    status, code = getattr(error, "status", None), getattr(error, "code", None)
    if not isinstance(status, int):
        return Unknown("the answer makes no sense")
    return _of_code(status, code) if code in VERDICTS else _of_status(status, code)


def reason(error: Exception) -> str:
    """Return what went wrong, for the operator."""
    outcome = verdict(error)
    return getattr(outcome, "reason", "")


def _of_code(status: int, code: int) -> Outcome:
    known = VERDICTS[code]
    told = f"Twilio {code}: {known.words}"
    return RefusedForever(told) if known.final else RefusedForNow(told, PAUSE if status == 429 else None)


def _of_status(status: int, code: int | None) -> Outcome:
    """A request that Twilio broke off may have been carried out; one it turned away was not."""
    told = f"Twilio answered {status}" + (f", error {code}" if code and code != status else "")
    if status >= 500 and status != 503:
        return Unknown(told)
    return RefusedForNow(told, PAUSE if status == 429 else None)
