"""A small sender that is right, and senders that are broken on purpose, each in one way."""

# ruff: noqa: D101  their names say what is wrong with them
from __future__ import annotations

import json
import logging
from threading import Barrier

from attrs import evolve
from sms.gateway import ACCOUNT, TOKEN, told
from stores.broken.meeting import meet

from contracts.sms_providers import trusting
from matrix_threepid.model.message import Accepted, Outcome, RefusedForever, RefusedForNow, TokenMessage, Unknown
from matrix_threepid.net.direct_https import request_to
from matrix_threepid.net.fetch import Failure, HttpFailure, HttpReply
from matrix_threepid.senders.twilio.verify import TwilioVerifySender

KEY = "a-gateway-key"
_HEADERS = (("Authorization", f"Bearer {KEY}"), ("Content-Type", "application/json"))
_MAYBE_SENT = (Failure.LOST, Failure.ODD, Failure.TIMEOUT)
_log = logging.getLogger(__name__)
Reply = HttpReply | HttpFailure


class Gateway:
    """A ``TokenSender`` as it should be, in pieces that can be broken one by one."""

    def __init__(self, url: str) -> None:
        self._url, self._fetch = url, trusting()

    async def send(self, message: TokenMessage) -> Outcome:
        if message.code is None:
            return RefusedForever("an SMS holds a code")
        return self.judge(await self.post(message))

    async def check(self) -> str | None:
        reply = await self._fetch.fetch(request_to("GET", self._url, _HEADERS, None), 5_000)
        return None if isinstance(reply, HttpReply) and reply.status < 300 else "the gateway does not answer"

    async def post(self, message: TokenMessage) -> Reply:
        request = request_to("POST", self._url, _HEADERS, self.body(message))
        return await self._fetch.fetch(request, message.deadline)

    def body(self, message: TokenMessage) -> bytes:
        return json.dumps({"to": message.recipient, "text": f"Your code is {message.code}"}).encode()

    def judge(self, reply: Reply) -> Outcome:
        if isinstance(reply, HttpFailure):
            return (Unknown if reply.kind in _MAYBE_SENT else RefusedForNow)(str(reply))
        if reply.status < 300:
            return Accepted()
        return (RefusedForever if reply.status == 422 else RefusedForNow)(f"status {reply.status}")


class TriesAgain(Gateway):
    async def post(self, message: TokenMessage) -> Reply:
        reply = await super().post(message)
        return reply if isinstance(reply, HttpReply) else await super().post(message)


class RaisesWhenNobodyAnswers(Gateway):
    def judge(self, reply: Reply) -> Outcome:
        if isinstance(reply, HttpFailure):
            raise ConnectionError(str(reply))
        return super().judge(reply)


class CallsTheLostRefused(Gateway):
    def judge(self, reply: Reply) -> Outcome:
        return RefusedForNow("no answer") if isinstance(reply, HttpFailure) else super().judge(reply)


class CallsTheUnsentUnknown(Gateway):
    def judge(self, reply: Reply) -> Outcome:
        return Unknown("no answer") if isinstance(reply, HttpFailure) else super().judge(reply)


class TakesEveryAnswerForGood(Gateway):
    def judge(self, reply: Reply) -> Outcome:
        return Accepted() if isinstance(reply, HttpReply) else super().judge(reply)


class TakesBusyForNever(Gateway):
    def judge(self, reply: Reply) -> Outcome:
        outcome = super().judge(reply)
        return RefusedForever(outcome.reason) if isinstance(outcome, RefusedForNow) else outcome


class ForgetsTheDeadline(Gateway):
    async def post(self, message: TokenMessage) -> Reply:
        return await super().post(evolve(message, deadline=5_000))


class RaisesWithoutTime(Gateway):
    async def post(self, message: TokenMessage) -> Reply:
        if message.deadline <= 0:
            raise TimeoutError
        return await super().post(message)


class QuotesTheProvider(Gateway):
    def judge(self, reply: Reply) -> Outcome:
        refused = isinstance(reply, HttpReply) and reply.status == 422
        return RefusedForever(reply.body.decode()) if refused else super().judge(reply)  # type: ignore[union-attr]


class LogsTheMessage(Gateway):
    def body(self, message: TokenMessage) -> bytes:
        body = super().body(message)
        _log.debug("sending %s", body)
        return body


class PrintsTheMessage(Gateway):
    def body(self, message: TokenMessage) -> bytes:
        print(message.recipient, message.code)  # noqa: T201  that is what is wrong with it
        return super().body(message)


class ShowsItsKey(Gateway):
    def __repr__(self) -> str:
        return f"ShowsItsKey(headers={_HEADERS!r})"


class PastesTheRecipient(Gateway):
    def body(self, message: TokenMessage) -> bytes:
        return f'{{"to": "{message.recipient}", "text": "{message.code}"}}'.encode()


class KeepsTheMessageInItself(Gateway):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._all_here = Barrier(8)

    async def post(self, message: TokenMessage) -> Reply:
        self._message = message
        meet(self._all_here)
        return await super().post(self._message)


class SendsWhatHasNoCode(Gateway):
    async def send(self, message: TokenMessage) -> Outcome:
        return self.judge(await self.post(message))


class LeavesTheCodeOut(Gateway):
    def body(self, message: TokenMessage) -> bytes:
        return super().body(evolve(message, code="******"))


class GivesUpForGood(Gateway):
    _given_up = False

    async def send(self, message: TokenMessage) -> Outcome:
        if self._given_up:
            return RefusedForNow("the circuit is open")
        outcome = await super().send(message)
        self._given_up = not isinstance(outcome, Accepted)
        return outcome


class ChecksBySending(Gateway):
    async def check(self) -> str | None:
        outcome = await self.send(told())
        return None if isinstance(outcome, Accepted) else "it does not work"


class Verifier(TwilioVerifySender):
    """A ``RemoteVerifier`` as it should be, at this address."""

    def __init__(self, url: str) -> None:
        super().__init__(ACCOUNT, TOKEN, service_sid="VA" + "0" * 32, fetch=trusting(), base_url=url)


class TakesSilenceForYes(Verifier):
    async def verify(self, recipient: str, code: str, deadline: int) -> bool | None:
        return await super().verify(recipient, code, deadline) is not False


class TakesSilenceForNo(Verifier):
    async def verify(self, recipient: str, code: str, deadline: int) -> bool | None:
        return bool(await super().verify(recipient, code, deadline))


class AsksAboutWhatWasTrimmed(Verifier):
    async def verify(self, recipient: str, code: str, deadline: int) -> bool | None:
        return await super().verify(recipient, code[:6], deadline)


_OUTCOME = "test_what_a_provider_does_has_its_outcome"
_SHOWN = "test_nothing_secret_is_shown"
CAUGHT_BY: dict[type, str] = {
    TriesAgain: f"{_OUTCOME}[lose]",
    RaisesWhenNobodyAnswers: f"{_OUTCOME}[away]",
    CallsTheLostRefused: f"{_OUTCOME}[drip]",
    CallsTheUnsentUnknown: f"{_OUTCOME}[away]",
    TakesEveryAnswerForGood: f"{_OUTCOME}[refuse_for_ever]",
    TakesBusyForNever: f"{_OUTCOME}[refuse_for_now]",
    ForgetsTheDeadline: f"{_OUTCOME}[hang]",
    RaisesWithoutTime: "test_without_time_nothing_is_raised",
    QuotesTheProvider: f"{_SHOWN}[refuse_for_ever]",
    LogsTheMessage: f"{_SHOWN}[accept]",
    PrintsTheMessage: f"{_SHOWN}[accept]",
    ShowsItsKey: f"{_SHOWN}[accept]",
    PastesTheRecipient: "test_no_value_becomes_anything_else[recipient-a member]",
    KeepsTheMessageInItself: "test_messages_sent_together_are_not_mixed_up",
    SendsWhatHasNoCode: "test_every_kind_is_sent_or_refused[in_use]",
    LeavesTheCodeOut: "test_a_message_arrives_whole",
    GivesUpForGood: "test_trouble_passes[refuse_for_now]",
    ChecksBySending: "test_check_says_what_is_wrong_and_sends_nothing[well]",
    TakesSilenceForYes: "test_without_a_word_nothing_fits[lose]",
    TakesSilenceForNo: "test_without_a_word_nothing_fits[refuse_for_now]",
    AsksAboutWhatWasTrimmed: "test_a_code_is_asked_about_as_it_is[a parameter]",
}
