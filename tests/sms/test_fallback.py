"""A second provider, where the first one is out of order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from smtp import messages

from matrix_threepid import ConfigurationError, Medium, Texts, run_sync
from matrix_threepid.model.message import Accepted, Outcome, RefusedForever, RefusedForNow, TokenMessage, Unknown
from matrix_threepid.senders import ConsoleSender, Fallback, HttpSender, SmtpSender, TwilioSender, TwilioVerifySender
from matrix_threepid.settings import SmsSettings, read
from matrix_threepid.testing import Outbox, World
from matrix_threepid.testing.rogue import answer, hang_up

from .gateway import ACCOUNT, CREATED, TOKEN, error, gateway, through, told


@define
class Second:
    """A sender that accepts every message and keeps it."""

    got: list[TokenMessage] = field(factory=list)

    async def send(self, message: TokenMessage) -> Outcome:
        self.got.append(message)
        return Accepted("second")


_SMS: dict[str, tuple[Any, bool]] = {
    "accepted": (CREATED, False),
    "500": (error(500, 20500), True),
    "502": (answer(502, b""), True),
    "503": (answer(503, b""), True),
    "429": (error(429, 20429), True),
    "a code of its own with 429": (error(429, 63038), True),
    "no such number": (error(400, 21211), False),
    "opted out": (error(400, 21610), False),
    "region off": (error(400, 21408), False),
    "fraud guard": (error(403, 60410), False),
    "wrong password": (error(401, 20003), False),
    "unknown 4xx": (error(400, 99999), False),
    "hangs up": (hang_up, False),
    "unreadable": (answer(201, b"[]"), False),
}


@pytest.mark.rule("SEC-121b")
@pytest.mark.parametrize("case", _SMS.values(), ids=_SMS)
def test_an_sms_goes_elsewhere_only_if_it_was_not_sent(case: tuple[Any, bool]) -> None:
    """After 5xx and 429 the second provider is asked; after a refusal of the recipient, or silence, it is not."""
    said, elsewhere = case
    second = Second()
    with gateway(said) as server:
        outcome = run_sync(Fallback(through(server), second).send(told()))
        assert len(server.heard) == 1
    assert len(second.got) == elsewhere
    assert (outcome == Accepted("second")) is elsewhere


@pytest.mark.rule("SEC-121b")
def test_an_sms_goes_elsewhere_if_the_first_provider_is_not_there() -> None:
    """No byte of it has left."""
    second = Second()
    with gateway() as server:
        first = through(server, base_url="https://localhost:1")
        assert run_sync(Fallback(first, second).send(told())) == Accepted("second")
        assert server.heard == []


@pytest.mark.parametrize(
    ("outcome", "elsewhere"),
    [
        (Accepted(), False),
        (RefusedForNow("451"), True),
        (Unknown("no answer"), True),
        (RefusedForever("550"), False),
        (RefusedForever("blocked", denied=True), False),
    ],
)
def test_a_mail_goes_elsewhere_unless_its_recipient_is_refused(outcome: Outcome, elsewhere: bool) -> None:
    """A second mail does no harm, so silence is enough to ask the second mail server."""
    first, second = Outbox(), Second()
    first.outcomes.append(outcome)
    assert run_sync(Fallback(first, second).send(messages.told())) == (Accepted("second") if elsewhere else outcome)
    assert len(second.got) == elsewhere


def test_the_two_share_the_deadline() -> None:
    """The second sender is left half of the time at least, if the first answers in time."""
    first, second = Outbox(), Second()
    first.outcomes.append(RefusedForNow("busy"))
    run_sync(Fallback(first, second).send(messages.told(deadline=10_000)))
    assert first.last.deadline == 5_000
    assert 5_000 <= second.got[0].deadline <= 10_000


def test_there_may_be_three() -> None:
    """A fallback is a sender, so it may be one of the two."""
    first, second, third = Outbox(), Outbox(), Second()
    for each in (first, second):
        each.outcomes.append(RefusedForNow("busy"))
    assert run_sync(Fallback(first, Fallback(second, third)).send(messages.told())) == Accepted("second")


_VERIFY = TwilioVerifySender(ACCOUNT, TOKEN, service_sid="VA0")


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        (_VERIFY, ConsoleSender(), "first: its provider makes the codes"),
        (ConsoleSender(), _VERIFY, "second: its provider makes the codes"),
        (ConsoleSender, ConsoleSender(), "first: must be a sender"),
        (ConsoleSender(), None, "second: must be a sender"),
    ],
)
def test_what_cannot_share_messages_is_refused_when_wired(first: Any, second: Any, named: str) -> None:
    """A provider that checks its own codes does not know those of another."""
    with pytest.raises(ConfigurationError, match=named):
        Fallback(first, second)


def test_both_are_checked() -> None:
    """What is wrong with either is said, by name; senders without a check are passed over."""
    nowhere = SmtpSender("localhost", 1, sender="a@example.org", server_name="example.org", tls="off")
    gateway_without_check = HttpSender("https://sms.example.org/", {"to": "$number"})
    assert run_sync(Fallback(nowhere, gateway_without_check).check()) == "first: Connection refused"
    assert run_sync(Fallback(ConsoleSender(), ConsoleSender()).check()) is None


def test_the_channel_of_verify_is_one_of_three() -> None:
    """A channel that Twilio has not is refused when wired."""
    with pytest.raises(ConfigurationError, match="channel: must be one of: sms, call, whatsapp"):
        TwilioVerifySender(ACCOUNT, TOKEN, service_sid="VA0", channel="pigeon")  # type: ignore[arg-type]


def test_a_file_names_who_is_first() -> None:
    """Both ways to phones may be given, with the one that is asked first; a Verify service cannot be one of two."""
    twilio = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from": "+15005550006"}
    both = {"countries": ["GB"], "twilio": twilio, "gateway": {"url": "https://sms.example.org/", "template": {}}}
    made = {first: read(SmsSettings, {**both, "first": first}).sender() for first in ("twilio", "gateway")}
    assert {first: type(sender.first) for first, sender in made.items() if isinstance(sender, Fallback)} == {
        "twilio": TwilioSender,
        "gateway": HttpSender,
    }
    for wrong in (both, {"countries": ["GB"], "twilio": twilio, "first": "twilio"}):
        with pytest.raises(ConfigurationError, match="give either twilio or gateway, or both and first"):
            read(SmsSettings, wrong)
    verify = {"account_sid": ACCOUNT, "auth_token": TOKEN, "verify_service_sid": "VA0"}
    with pytest.raises(ConfigurationError, match="first: its provider makes the codes"):
        read(SmsSettings, {**both, "twilio": verify, "first": "twilio"}).sender()


def test_texts_within_are_checked_when_wired(make_world: Callable[..., World], tmp_path: Path) -> None:
    """A slip in the texts of the second sender is found when the role is made."""
    (tmp_path / "mail.txt").write_text("{{ linc }}")
    options = {"sender": "a@example.org", "server_name": "example.org", "tls": "off"}
    second = SmtpSender("localhost", 1, texts=Texts(tmp_path), **options)
    with pytest.raises(ConfigurationError, match=r"mail\.txt"):
        make_world(senders={Medium.EMAIL: Fallback(ConsoleSender(), Fallback(ConsoleSender(), second))})
