"""A session and its messages: which attempt begins one, how long its token lives, what a refusal leaves."""

from __future__ import annotations

import pytest

from matrix_threepid.model.session import CLOCK_TOLERANCE
from model.making import DAY, HOUR, LIFETIMES, MINUTE, opened


@pytest.mark.parametrize(
    ("now", "expected"), [(0, True), (HOUR - 1, True), (HOUR, False), (-CLOCK_TOLERANCE - 1, False), (DAY, False)]
)
def test_a_token_lives_as_long_as_it_was_sent_for(now: int, expected: bool) -> None:
    """A link lives an hour after it was sent, whatever the session does."""
    session = opened().begin_send(1, 0, None, LIFETIMES)
    assert session is not None
    assert session.token_alive(now) is expected


def test_a_code_lives_shorter_than_a_link() -> None:
    """What can be guessed lives for ten minutes."""
    session = opened(code_digits=6).begin_send(1, 0, None, LIFETIMES)
    assert session is not None
    assert [session.token_alive(now) for now in (10 * MINUTE - 1, 10 * MINUTE)] == [True, False]


def test_sending_again_renews_the_token_and_never_the_session() -> None:
    """A later message has a token of its own life; the session ends when it would have ended."""
    session = opened().begin_send(1, 0, None, LIFETIMES)
    assert session is not None
    later = session.sent().begin_send(2, DAY - MINUTE, None, LIFETIMES)
    assert later is not None
    assert later.expires_at == session.expires_at
    assert [later.token_alive(now) for now in (DAY - 1, DAY)] == [True, False]


@pytest.mark.parametrize(
    ("attempts", "begun"),
    [
        ([1, 1, 2, 1, 3], [True, False, True, False, True]),
        ([0, 0, -1, 1], [True, False, False, True]),
        ([-5, -5, -4], [True, False, True]),
        ([7, 6, 7, 8], [True, False, False, True]),
    ],
)
def test_only_a_larger_attempt_begins(attempts: list[int], begun: list[bool]) -> None:
    """The first attempt may be any; after it only a larger one than any handed over."""
    session, seen = opened(), []
    for attempt in attempts:
        step = session.begin_send(attempt, 0, 30_000, LIFETIMES)
        seen.append(step is not None)
        session = session if step is None else step.sent()
    assert seen == begun


def test_a_message_on_its_way_is_not_begun_again() -> None:
    """While one worker sends, the same attempt waits; after its lease another may try, a larger one at any time."""
    flying = opened().begin_send(1, 0, 30_000, LIFETIMES)
    assert flying is not None
    begun = [
        flying.begin_send(attempt, now, now + 30_000, LIFETIMES)
        for attempt, now in ((1, 0), (1, 29_999), (1, 30_000), (2, 0))
    ]
    assert [step is not None for step in begun] == [False, False, True, True]


def test_a_message_that_must_not_go_twice_is_on_its_way_for_good() -> None:
    """Without a lease nobody ever tries the same attempt again."""
    flying = opened().begin_send(1, 0, None, LIFETIMES)
    assert flying is not None
    assert flying.begin_send(1, 10 * DAY, None, LIFETIMES) is None


def test_a_message_put_off_is_not_begun_again() -> None:
    """What waits for a worker has begun: asking again changes nothing, a larger attempt takes its place."""
    waiting = opened().begin_send(1, 0, 0, LIFETIMES)
    assert waiting is not None
    assert waiting.begin_send(1, 0, 0, LIFETIMES) is None
    assert waiting.begin_send(1, MINUTE, MINUTE, LIFETIMES) is None
    assert waiting.begin_send(2, 0, 0, LIFETIMES) is not None


def test_a_refused_message_leaves_no_trace_but_its_number() -> None:
    """After a refusal the same attempt begins again, and one sent before still counts."""
    session = opened().begin_send(1, 0, 0, LIFETIMES)
    assert session is not None
    refused = session.unsent()
    assert (refused.send_attempt, refused.due_attempt, refused.serial) == (None, None, 1)
    assert refused.begin_send(1, 0, 0, LIFETIMES) is not None
    second = session.sent().begin_send(2, 0, 30_000, LIFETIMES)
    assert second is not None
    assert second.unsent().begin_send(1, 0, 30_000, LIFETIMES) is None


def test_a_new_message_brings_new_guesses() -> None:
    """Guesses are counted for a code; the next code starts at none."""
    session = opened(code_digits=6).begin_send(1, 0, None, LIFETIMES)
    assert session is not None
    guessed = session.sent().guessed().guessed()
    renewed = guessed.begin_send(2, 0, None, LIFETIMES)
    assert renewed is not None
    assert (guessed.guesses, renewed.guesses) == (2, 0)


def test_only_the_first_worker_knows_that_nobody_tried() -> None:
    """A waiting message is untried until it is leased, whatever else happens, and again once it is put off or back."""
    begun = opened(code_digits=6).begin_send(1, 0, 0, LIFETIMES)
    assert begun is not None
    waiting = begun.waiting("charged").guessed()
    first = waiting.lease(MINUTE)
    assert first.first_try
    assert not first.lease(2 * MINUTE).first_try
    assert first.put_off(MINUTE).lease(MINUTE).first_try
    assert not first.lease(MINUTE).put_off(MINUTE).lease(MINUTE).first_try
    assert first.guessed().put_back(MINUTE, None).lease(MINUTE).first_try
    assert not first.charge_again(MINUTE, "again").lease(MINUTE).first_try


def test_what_was_handed_over_carries_no_charges() -> None:
    """Once a message is sent or refused, or its session is over, there is nothing to give back."""
    begun = opened().begin_send(1, 0, 0, LIFETIMES)
    assert begun is not None
    waiting = begun.waiting("charged")
    after = [waiting.sent(), waiting.unsent(), waiting.end(), waiting.consume(0)]
    assert {(each.charged, each.untried) for each in after} == {(None, None)}
