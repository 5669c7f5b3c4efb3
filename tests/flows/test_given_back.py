"""What is given back to limits: what an outage kept from being handed over, and nothing else (decision 28)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import Limit, Limits, Medium, Peppers, run_sync
from matrix_threepid.limits.sms import sms_left
from matrix_threepid.model.message import Outcome, RefusedForever, RefusedForNow, Unknown
from matrix_threepid.testing import ALICE, Outbox, World

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
