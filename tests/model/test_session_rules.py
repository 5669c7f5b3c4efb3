"""A session as a value: when, by whom and for what it may be used."""

from __future__ import annotations

import pytest

from matrix_threepid import Purpose
from matrix_threepid.model.session import CLOCK_TOLERANCE
from model.making import ALICE, BOB, DAY, HOUR, LIFETIMES, MINUTE, opened, usable, validated


@pytest.mark.parametrize(
    ("validated_at", "now", "expected"),
    [
        (0, 0, True),
        (0, HOUR - 1, True),
        (0, HOUR, False),
        (5 * HOUR, 5 * HOUR, True),
        (5 * HOUR, 6 * HOUR - 1, True),
        (5 * HOUR, 6 * HOUR, False),
        (23 * HOUR, DAY - 1, True),
        (23 * HOUR, DAY, False),
        (DAY - 1, DAY - 1, True),
        (DAY - 1, DAY, False),
        (DAY - 30 * MINUTE, DAY - 1, True),
        (DAY - 30 * MINUTE, DAY, False),
        (DAY - 30 * MINUTE, DAY + 20 * MINUTE, False),
        (0, 10 * 365 * DAY, False),
        (0, -1, True),
        (0, -CLOCK_TOLERANCE, True),
        (0, -CLOCK_TOLERANCE - 1, False),
        (0, -DAY, False),
        (None, 0, False),
        (None, HOUR, False),
    ],
)
def test_a_proof_lives_an_hour_and_never_longer_than_a_day(validated_at: int | None, now: int, expected: bool) -> None:
    """Usable from the validation on for an hour, until a day after the opening, and not before it was opened."""
    session = opened() if validated_at is None else validated(validated_at)
    assert usable(session, now) is expected


def test_the_first_validation_counts() -> None:
    """Validating again changes nothing: neither the time nor the end."""
    session = validated(HOUR)
    assert session.validate(2 * HOUR, LIFETIMES) is session


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("use", list(Purpose))
def test_a_proof_serves_its_purpose_only(purpose: Purpose, use: Purpose) -> None:
    """What was proved to sign up, to add or to reset serves nothing else."""
    assert usable(validated(0, purpose=purpose), 0, purpose=use) is (use is purpose)


@pytest.mark.parametrize(
    ("owner", "user", "expected"),
    [(None, None, True), (None, "@a", True), ("@a", "@a", True), ("@a", "@b", False), ("@a", None, False)],
)
def test_a_session_of_a_user_serves_that_user(owner: str | None, user: str | None, expected: bool) -> None:
    """A session opened with an access token is its user's; any other is anybody's who has its secret."""
    assert usable(validated(0, owner=owner), 0, user=user) is expected


@pytest.mark.parametrize(
    ("by", "at", "now", "expected"),
    [
        (ALICE, 0, 0, True),
        (BOB, 0, 0, False),
        (BOB, 0, 10 * MINUTE - 1, False),
        (BOB, 0, 10 * MINUTE, True),
        (BOB, 0, -1, False),
    ],
)
def test_a_claim_keeps_others_out_for_a_while(by: str, at: int, now: int, expected: bool) -> None:
    """Who claimed a proof may go on; anybody else must wait ten minutes."""
    assert usable(validated(0).claim(by, at), now) is expected


def test_a_released_claim_keeps_nobody_out() -> None:
    """A claim that is given back is gone."""
    assert usable(validated(0).claim(BOB, 0).release(), 0)


@pytest.mark.parametrize("last", ["spend", "end"])
def test_what_is_over_is_over(last: str) -> None:
    """A spent or ended session is alive at no time, its token neither, and its slot is free."""
    session = validated(0).claim(ALICE, 0)
    over = session.consume(0) if last == "spend" else session.end()
    assert (over.over, over.slot, over.due_at) == (True, None, None)
    assert not any(usable(over, now) or over.alive(now) or over.token_alive(now) for now in (-MINUTE, 0, MINUTE, DAY))


@pytest.mark.parametrize(
    ("claimant", "now", "expected"),
    [(ALICE, 0, True), (ALICE, 10 * MINUTE - 1, True), (ALICE, 10 * MINUTE, False), (BOB, 0, False)],
)
def test_an_answer_may_be_asked_again_for_a_while(claimant: str, now: int, expected: bool) -> None:
    """For ten minutes its claimant may hear again that a session has served."""
    spent = validated(0).claim(ALICE, 0).consume(0)
    assert spent.served(claimant, now, LIFETIMES) is expected
    assert not spent.end().served(claimant, now, LIFETIMES)
    assert not validated(0).claim(ALICE, 0).served(claimant, now, LIFETIMES)


def test_a_session_prints_no_secret() -> None:
    """Neither MACs nor addresses are printed in full."""
    secrets = {"secret_mac": "MAC-1", "slot": "MAC-2", "next_link": "https://l.example", "client_mac": "MAC-3"}
    shown = repr(opened(**secrets, origin="203.0.113.*"))
    assert not any(each in shown for each in (*secrets.values(), "bob@", "Bob@", "203.0.113"))
