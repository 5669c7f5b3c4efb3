"""What is given back to limits: what an outage kept from being handed over, and nothing else (decision 28)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import Limit, Limits, Medium, Peppers, run_sync
from matrix_threepid.limits.sms import sms_left
from matrix_threepid.model.message import Outcome, RefusedForever, RefusedForNow, Unknown
from matrix_threepid.testing import ALICE, Outbox, World

from .acting import HOUR, MINUTE, deliver, give

ONE_EACH = {
    "limits": Limits(per_address=Limit(1, 0.001), per_client=Limit(1, 0.001), per_user=Limit(1, 0.001), apart=0)
}
OUTAGE = RefusedForNow("no connection")


def texted(world: World, attempt: int = 1) -> int:
    """Ask for an SMS; return the status."""
    body = {"country": "GB", "phone_number": "07700900123", "client_secret": "s", "send_attempt": attempt}
    return world.post("/account/3pid/msisdn/requestToken", body, ALICE).status


@pytest.mark.rule("SEC-45")
@pytest.mark.answers_5xx(503)
def test_an_outage_costs_nobody_a_try(make_world: Callable[..., World]) -> None:
    """However often the mail server is away, the next mail goes out once it is back."""
    world = make_world(ONE_EACH)
    world.outbox.outcomes += [OUTAGE] * 5
    assert [world.ask(user=ALICE).status for _ in range(7)] == [503] * 5 + [200, 429]


@pytest.mark.answers_5xx(503)
@pytest.mark.parametrize(
    "outcome", [RefusedForever("no such user"), RefusedForever("fraud", denied=True), Unknown("no answer")]
)
def test_a_refusal_stays_charged(make_world: Callable[..., World], outcome: Outcome) -> None:
    """What the recipient or a fraud guard refuses, and what may have been sent, is paid for."""
    world = make_world(ONE_EACH)
    world.outbox.outcomes.append(outcome)
    assert world.ask(user=ALICE).status in (200, 400, 403)
    assert world.ask("b@example.org", secret="b", user=ALICE).status == 429


@pytest.mark.answers_5xx(503)
def test_a_refusal_for_now_that_is_no_outage_stays_charged(make_world: Callable[..., World]) -> None:
    """A provider that has had enough of a number is not away."""
    world = make_world(ONE_EACH)
    world.outbox.outcomes.append(RefusedForNow("too many codes were sent to this number", outage=False))
    assert [world.ask(user=ALICE).status for _ in range(2)] == [503, 429]


@pytest.mark.rule("SEC-118")
@pytest.mark.answers_5xx(503)
def test_an_outage_costs_no_budget(make_world: Callable[..., World]) -> None:
    """SMS that were not handed over count against no budget."""
    box = Outbox(outcomes=[OUTAGE] * 3)
    world = make_world(senders={Medium.MSISDN: box})
    before = run_sync(sms_left(world.homeserver))
    assert [texted(world, attempt) for attempt in (1, 2, 3)] == [503] * 3
    assert run_sync(sms_left(world.homeserver)) == before
    assert texted(world, 4) == 200
    assert run_sync(sms_left(world.homeserver))["hour"] == before["hour"] - 1


@pytest.fixture
def late(make_world: Callable[..., World]) -> World:
    """A world that sends after the answer, and lets everybody have one message."""
    return make_world({**ONE_EACH, "deferred_sending": True})


@pytest.mark.rule("SEC-45")
def test_an_outage_found_later_costs_nobody_a_try(late: World) -> None:
    """What a worker could not hand over is given back as well, and charged when it is handed over in the end."""
    late.outbox.outcomes += [OUTAGE] * 5
    for attempt in range(1, 6):
        assert (late.ask(user=ALICE, attempt=attempt).status, deliver(late)) == (200, 1)
    late.clock.advance(MINUTE)
    assert deliver(late) == 1
    assert late.confirm().status == 303
    assert late.ask("b@example.org", secret="b", user=ALICE).status == 429


def test_no_more_is_handed_over_after_an_outage_than_limits_allow(late: World) -> None:
    """Messages that an outage held up are charged before they are tried again, and wait for their turn."""
    late.outbox.outcomes += [OUTAGE] * 3
    for number in range(3):
        assert (late.ask(f"{number}@example.org", f"{number}").status, deliver(late)) == (200, 1)
    for _ in range(10):
        late.clock.advance(MINUTE)
        deliver(late)
    assert len(late.outbox.messages) == 3 + 1


@pytest.mark.parametrize(
    "outcome",
    [
        RefusedForever("no such user"),
        RefusedForever("fraud", denied=True),
        Unknown("no answer"),
        RefusedForNow("too many codes", outage=False),
    ],
    ids=repr,
)
def test_a_refusal_found_later_stays_charged(late: World, outcome: Outcome) -> None:
    """No worker gives back what the recipient or a guard refused, or what may have been sent, whatever comes later."""
    late.outbox.outcomes += [outcome, OUTAGE]
    late.ask()
    for _ in range(3):
        deliver(late)
        late.clock.advance(MINUTE)
    assert late.ask("b@example.org", "b").status == 429


def test_what_was_never_tried_in_time_is_given_back(make_world: Callable[..., World]) -> None:
    """A message that no worker came to before its token was over cost nothing but what time has refilled anyway."""
    world = make_world({"limits": Limits(mails_a_day=2, mails_kept=0, apart=0), "deferred_sending": True})
    for number in range(2):
        world.ask(secret=f"{number}")
    assert world.ask(secret="2").status == 429
    world.clock.advance(HOUR)
    deliver(world)
    assert not world.outbox.messages
    assert [world.ask(secret=f"{number}").status for number in (3, 4, 5)] == [200, 200, 429]


@pytest.mark.rule("SEC-118")
@pytest.mark.parametrize("hides", [False, True])
def test_an_outage_found_later_costs_no_budget(make_world: Callable[..., World], hides: bool) -> None:
    """Budgets of SMS are given back, with hidden addresses too, where nothing else is."""
    box = Outbox(outcomes=[OUTAGE] * 2)
    world = make_world(
        {
            "limits": Limits(per_user=Limit(2, 0.00001), apart=0),
            "deferred_sending": True,
            "hide_known_addresses": hides,
        },
        senders={Medium.MSISDN: box},
    )
    before = run_sync(sms_left(world.homeserver))
    for attempt in (1, 2):
        assert (texted(world, attempt), deliver(world)) == (200, 1)
    assert run_sync(sms_left(world.homeserver)) == before
    assert texted(world, 3) == (429 if hides else 200)
    world.clock.advance(MINUTE)
    assert deliver(world) == 1
    assert run_sync(sms_left(world.homeserver))["hour"] == before["hour"] - 1


@pytest.mark.rule("REQ-REQTOK-4", "SEC-27")
@pytest.mark.parametrize("address", ["known@example.org", "unknown@example.org"])
def test_no_answer_tells_what_an_outage_held_up(make_world: Callable[..., World], address: str) -> None:
    """With hidden addresses an outage changes no later answer, whether a message met it or silence took its place."""
    world = make_world({**ONE_EACH, "hide_known_addresses": True})
    give(world, "known@example.org")
    world.outbox.outcomes.append(OUTAGE)
    assert world.ask(address, purpose="password").status == 200
    deliver(world)
    assert world.ask(address, purpose="password", attempt=2).status == 429


@pytest.mark.parametrize("previous", [True, False])
def test_counts_outlive_a_rotation_of_the_pepper(make_world: Callable[..., World], previous: Any) -> None:
    """A new pepper refills no limit, and neither does the removal of the old one a day later."""
    old, new = b"a pepper for tests, of 32 bytes or more", b"another pepper of 32 bytes or more."
    world = make_world({"limits": Limits(per_address=Limit(2, 0.00001), apart=0)})
    assert world.ask(secret="a").status == 200
    world.rewire(peppers=Peppers.of(new, old))
    assert world.ask(secret="b").status == 200
    if not previous:
        world.rewire(peppers=Peppers.of(new))
        assert world.ask(secret="c").status == 200
    assert world.ask(secret="d").status == 429
