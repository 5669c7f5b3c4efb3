"""What is logged by default: each event on the logger of its area, nothing in clear, warnings once a minute."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, get_args

import attrs
import pytest

from matrix_threepid import Medium, Purpose, Threepid, events, run_sync
from matrix_threepid.identity import Breaker, BreakerPolicy, Failure, HttpFailure
from matrix_threepid.logs import tidied
from matrix_threepid.model.message import Accepted, RefusedForNow, Unknown
from matrix_threepid.observing import Listeners, LogListener
from matrix_threepid.testing import ALICE, World

MAIL = Threepid(Medium.EMAIL, "alice@example.org")
NUMBER = Threepid(Medium.MSISDN, "447700900001")

REFUSED = "MessageSent medium=email address=a***@example.org purpose=add outcome=refused_for_now"


class Hand:
    """A clock that is set by hand, in s."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def levels(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    """Return logger, level and text of the lines."""
    return [(each.name, each.levelname, each.getMessage()) for each in caplog.records]


def test_each_event_has_an_area_and_a_level(caplog: pytest.LogCaptureFixture) -> None:
    """What went well is ``INFO``; a refused message, with its reason, a limit and an alarm are ``WARNING``."""
    listener = LogListener()
    listener.on(events.MessageSent(MAIL, Purpose.ADD, Accepted("id")))
    listener.on(events.MessageSent(MAIL, Purpose.ADD, RefusedForNow("450 <alice@example.org> greylisted", 7000)))
    listener.on(events.MessageSent(NUMBER, Purpose.ADD, Unknown("no answer for +44 7700 900001")))
    listener.on(events.ThreepidAdded("@alice:example.org", MAIL))
    listener.on(events.LimitReached("send", 5000))
    listener.on(events.SmsBudgetUsed("day", 800, 1000))
    listener.on(events.UnbindGivenUp("@alice:example.org", MAIL, "id.example"))
    assert levels(caplog) == [
        (
            "matrix_threepid.messages",
            "INFO",
            "MessageSent medium=email address=a***@example.org purpose=add outcome=accepted",
        ),
        (
            "matrix_threepid.messages",
            "WARNING",
            f'{REFUSED} reason="450 <a***@example.org> greylisted" retry_after_ms=7000',
        ),
        (
            "matrix_threepid.messages",
            "WARNING",
            'MessageSent medium=msisdn address=44*******001 purpose=add outcome=unknown reason="no answer for ***"',
        ),
        (
            "matrix_threepid.threepids",
            "INFO",
            "ThreepidAdded user_id=@alice:example.org medium=email address=a***@example.org",
        ),
        ("matrix_threepid.limits", "WARNING", "LimitReached action=send retry_after_ms=5000"),
        ("matrix_threepid.sms", "WARNING", "SmsBudgetUsed budget=day used=800 allowed=1000"),
        (
            "matrix_threepid.identity",
            "WARNING",
            "UnbindGivenUp user_id=@alice:example.org medium=email address=a***@example.org id_server=id.example",
        ),
    ]


def test_warnings_of_a_kind_come_once_a_minute_with_their_number(caplog: pytest.LogCaptureFixture) -> None:
    """Strangers must not fill a disk: what is left out is counted, each kind for itself."""
    clock = Hand()
    listener = LogListener(clock=clock)
    for _ in range(1000):
        listener.on(events.LimitReached("send", 5000))
        listener.on(events.WrongToken(MAIL, 1))
    listener.on(events.LimitReached("sms", 5000))
    clock.now = 60.0
    listener.on(events.LimitReached("send", 4000))
    assert [message for _, _, message in levels(caplog)] == [
        "LimitReached action=send retry_after_ms=5000",
        "WrongToken medium=email address=a***@example.org guesses=1",
        "LimitReached action=sms retry_after_ms=5000",
        "LimitReached action=send retry_after_ms=4000 more=999",
    ]


def test_an_event_tells_its_request(make_world: Callable[..., World]) -> None:
    """An event of a request carries time, request, endpoint, network and caller; one of a job only the time."""
    heard: list[events.Event] = []

    class Ears:
        def on(self, event: events.Event) -> None:
            heard.append(event)

    world = make_world(listener=Listeners(Ears(), LogListener()))
    body = {"email": "alice@example.org", "client_secret": "secret", "send_attempt": 1}
    world.call("POST", "/account/3pid/email/requestToken", body, ALICE)
    (sent,) = heard
    context = sent.context
    assert (context.at, context.endpoint, context.caller) == (world.clock(), "request_add_email_token", ALICE)
    assert context.request_id
    world.homeserver.emit(events.ManyWrongCodes(5))
    assert heard[-1].context == events.Context(world.clock())


def test_a_record_has_the_values_by_name(caplog: pytest.LogCaptureFixture) -> None:
    """A formatter that writes JSON finds the values in ``threepid``."""
    LogListener().on(events.SmsCountryPaused("GB", 60, 3))
    assert caplog.records[0].__dict__["threepid"] == {
        "event": "SmsCountryPaused",
        "country": "GB",
        "sent": 60,
        "validated": 3,
    }


def test_every_event_is_logged_without_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever an event holds, no address and no number is in its line; new events too."""
    values: dict[str, Any] = {"threepid": MAIL, "purpose": Purpose.ADD, "outcome": Accepted()}
    listener = LogListener()
    for kind in get_args(events.Event):
        names = [each.name for each in attrs.fields(kind) if each.default is attrs.NOTHING]
        listener.on(kind(**{name: values.get(name, "447700900001") for name in names}))
    assert len(caplog.records) == len(get_args(events.Event))
    assert "alice@" not in caplog.text
    assert "447700900001" not in caplog.text


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("550 5.1.1 Bob@Example.org\r\n\x00unknown", "550 5.1.1 B***@Example.org unknown"),
        ("call +44 (7700) 900-001 now", "call *** now"),
        ("token s3cretS3cretS3cretS3cretS3cret gone", "token *** gone"),
        ("x" * 23 + " y" * 500, "x" * 23 + " y" * 88 + " "),
    ],
)
def test_texts_of_others_are_tidied(said: str, told: str) -> None:
    """One line of bounded length, with addresses masked, and without numbers and what may be a token."""
    assert tidied(said) == told


def test_a_listener_that_fails_keeps_no_other_from_the_event(caplog: pytest.LogCaptureFixture) -> None:
    """What one raises is logged by its class, and the next one hears the event."""

    class Broken:
        def on(self, event: events.Event) -> None:
            raise ValueError("alice@example.org")

    Listeners(Broken(), LogListener()).on(events.ThreepidAdded("@a:b", MAIL))
    assert "listener failed on ThreepidAdded: ValueError" in caplog.text
    assert "ThreepidAdded user_id=@a:b" in caplog.text
    assert "alice@" not in caplog.text


def test_a_circuit_that_opens_and_closes_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The operator hears which identity server fails, and when it answers again."""
    caplog.set_level(logging.WARNING, "matrix_threepid.identity")
    breaker = Breaker(rule=BreakerPolicy(faults=2))
    for _ in range(3):
        breaker.heard("id.example", HttpFailure(Failure.REFUSED), 10_000)
    assert breaker.open == 1
    breaker.heard("id.example", run_sync(_answered()), 10_000)
    assert breaker.open == 0
    assert caplog.messages == ["circuit opened: id.example", "circuit closed: id.example"]


async def _answered() -> Any:
    from matrix_threepid.identity import HttpReply

    return HttpReply(200, b"{}")
