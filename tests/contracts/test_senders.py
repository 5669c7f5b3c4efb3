"""The contract of senders, over all of ours and the fake."""

# ruff: noqa: D101  the contract says what is tested
from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sms.gateway import ACCOUNT, NUMBER, TOKEN

from matrix_threepid import Medium
from matrix_threepid.model.message import Outcome, RefusedForever, RefusedForNow, Unknown
from matrix_threepid.senders.console import ConsoleSender
from matrix_threepid.senders.gateway.sender import HttpSender
from matrix_threepid.senders.smtp.sender import SmtpSender
from matrix_threepid.senders.twilio.sender import TwilioSender
from matrix_threepid.senders.twilio.verify import TwilioVerifySender
from matrix_threepid.testing import Outbox, RemoteVerifierContract, TokenSenderContract
from matrix_threepid.testing.contracts.providers import Arrived, Behaviour

from .mail_provider import MailProvider
from .sms_providers import GATEWAY, TWILIO, SmsProvider, read_form, read_json, trusting

TEMPLATE = {"to": "$digits", "text": "$text"}


class TestSmtpSender(TokenSenderContract):
    threads = True
    secrets = ("a-password",)

    @pytest.fixture
    def provider(self) -> Iterator[MailProvider]:
        with MailProvider().serving() as provider:
            yield provider

    @pytest.fixture
    def sender(self, provider: MailProvider) -> Iterator[SmtpSender]:
        options: dict[str, Any] = {"sender": "noreply@hs.example.org", "server_name": "hs.example.org"}
        sender = SmtpSender("127.0.0.1", provider.port, tls="off", **options)
        yield sender
        sender.close()


class OverHttps(TokenSenderContract):
    threads = True
    medium = Medium.MSISDN
    says, read = GATEWAY, staticmethod(read_json)

    @pytest.fixture
    def provider(self) -> Iterator[SmsProvider]:
        with SmsProvider(self.says, self.read).serving() as provider:
            yield provider


class TestHttpSender(OverHttps):
    secrets = ("a-gateway-key",)

    @pytest.fixture
    def sender(self, provider: SmsProvider) -> HttpSender:
        headers = {"Authorization": "Bearer a-gateway-key"}
        return HttpSender(provider.url, TEMPLATE, headers, trusting(), refused_for_ever={422})


class TestTwilioSender(OverHttps):
    secrets = (TOKEN,)
    says, read = TWILIO, staticmethod(read_form)

    @pytest.fixture
    def sender(self, provider: SmsProvider) -> TwilioSender:
        return TwilioSender(ACCOUNT, TOKEN, sender=NUMBER, fetch=trusting(), base_url=provider.url)


class TestTwilioVerifySender(OverHttps, RemoteVerifierContract):
    secrets = (TOKEN,)
    says, read = TWILIO, staticmethod(read_form)

    @pytest.fixture
    def sender(self, provider: SmsProvider) -> TwilioVerifySender:
        return TwilioVerifySender(ACCOUNT, TOKEN, service_sid="VA" + "0" * 32, fetch=trusting(), base_url=provider.url)


class Terminal(io.StringIO):
    """A ``Provider`` whose recipients read over the developer's shoulder."""

    how = Behaviour.ACCEPT

    def behave(self, how: Behaviour) -> None:
        self.how = how

    @property
    def arrived(self) -> list[Arrived]:
        lines = re.findall(r"^To (.*?) \((?:[a-z_]+), [a-z]+\): (.*?)\n", self.getvalue(), re.MULTILINE | re.DOTALL)
        return [Arrived(recipients=(to,), text=text) for to, text in lines]


_CANNOT_FAIL = {how.value: "a terminal takes everything" for how in Behaviour if how is not Behaviour.ACCEPT}


class TestConsoleSender(TokenSenderContract):
    unsupported = _CANNOT_FAIL

    @pytest.fixture
    def provider(self) -> Terminal:
        return Terminal()

    @pytest.fixture
    def sender(self, provider: Terminal) -> ConsoleSender:
        return ConsoleSender(provider)


class Told(Outbox):
    """The fake, told its outcomes as a provider is told to behave."""

    def behave(self, how: Behaviour) -> None:
        answers: dict[Behaviour, Outcome] = {
            Behaviour.REFUSE_FOR_EVER: RefusedForever("no such mailbox"),
            Behaviour.REFUSE_FOR_NOW: RefusedForNow("busy"),
            Behaviour.LOSE: Unknown("lost"),
            Behaviour.AWAY: RefusedForNow("away"),
        }
        self.outcomes = [answers[how]] if how in answers else []

    @property
    def arrived(self) -> list[Arrived]:
        return [Arrived(recipients=(each.recipient,), text=each.link or each.code or "") for each in self.messages]


class TestOutbox(TokenSenderContract):
    unsupported = dict.fromkeys(("garbage", "hang", "drip"), "its outcomes are given")

    @pytest.fixture
    def provider(self) -> Told:
        return Told()

    @pytest.fixture
    def sender(self, provider: Told) -> Told:
        return provider
