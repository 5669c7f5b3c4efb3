"""The arithmetic of limits: so many at once, then one an interval, whatever the clock does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matrix_threepid import ConfigurationError, Limit
from matrix_threepid.policy import per_day, per_hour
from matrix_threepid.ports import Charge

LIMIT = Limit(burst=3, per_second=1)
SECOND = 1000


class Key:
    """One key under one limit, kept as stores keep it."""

    def __init__(self, limit: Limit = LIMIT) -> None:
        self.limit, self.full_at = limit, None

    full_at: int | None

    def charge(self, now: int, cost: int = 1) -> int:
        full_at, wait = Charge("k", self.limit, cost).counted(self.full_at, now)
        if full_at > now:
            self.full_at = full_at
        return wait


def test_a_burst_then_one_an_interval() -> None:
    """Three are granted at once, the fourth after a second; a granted charge is one less."""
    key = Key()
    assert [key.charge(0) for _ in range(5)] == [0, 0, 0, SECOND, SECOND]
    assert [key.charge(now) for now in (SECOND - 1, SECOND, SECOND, 2 * SECOND)] == [1, 0, SECOND, 0]


def test_the_wait_is_exact() -> None:
    """Who comes back after the wait is granted, who comes a millisecond early is not."""
    key = Key()
    for _ in range(3):
        key.charge(0)
    wait = key.charge(100)
    assert key.charge(100 + wait - 1) == 1
    assert key.charge(100 + wait) == 0


def test_a_key_is_as_good_as_new_after_its_span() -> None:
    """After the whole span nothing is left of the past."""
    key = Key()
    for _ in range(3):
        key.charge(0)
    assert [key.charge(LIMIT.span) for _ in range(4)] == [0, 0, 0, SECOND]


@pytest.mark.parametrize("now", [0, 500, 3 * SECOND, 10**15])
def test_a_question_charges_nothing(now: int) -> None:
    """Of cost 0 any number is granted as long as one would be."""
    key = Key()
    assert [key.charge(now, cost=0) for _ in range(10)] == [0] * 10
    assert [key.charge(now) for _ in range(3)] == [0, 0, 0]
    assert key.charge(now, cost=0) == SECOND


def test_a_charge_may_cost_more() -> None:
    """A charge of three is worth three; more than the burst is never granted."""
    key = Key()
    assert key.charge(0, cost=3) == 0
    assert key.charge(0) == SECOND
    assert Key().charge(0, cost=4) > 0


def test_a_clock_set_back_neither_refills_nor_locks() -> None:
    """After a jump back an exhausted key stays exhausted, for no longer than its span."""
    key = Key()
    for _ in range(3):
        key.charge(10**12)
    assert key.charge(0) == SECOND
    assert key.charge(LIMIT.span) == 0


def test_a_jump_forward_is_time_that_passed() -> None:
    """A clock set forward gives a fresh burst, and no more than one."""
    key = Key()
    for _ in range(3):
        key.charge(0)
    assert [key.charge(10**15) for _ in range(4)] == [0, 0, 0, SECOND]


@settings(database=None, deadline=None, max_examples=200)
@given(
    st.integers(1, 6),
    st.sampled_from([0.001, 0.1, 1, 7, 1000]),
    st.lists(st.tuples(st.integers(-5_000, 5_000), st.integers(0, 3)), max_size=40),
)
def test_no_schedule_gets_more_than_burst_and_rate(burst: int, per_second: float, steps: list[tuple[int, int]]) -> None:
    """However the clock moves, no more is granted than the burst and what time refills; no wait exceeds its due."""
    limit, now, forward, granted = Limit(burst, per_second), 10**9, 0, 0
    key = Key(limit)
    for jump, cost in steps:
        now, forward = now + jump, forward + max(jump, 0)
        wait = key.charge(now, cost)
        granted += 0 if wait else cost
        assert granted <= burst + forward / limit.interval
        assert 0 <= wait <= limit.interval * max(cost, 1)


@pytest.mark.parametrize(("burst", "per_second"), [(0, 1), (-1, 1), (1, 0), (1, -1)])
def test_a_limit_grants_something(burst: int, per_second: float) -> None:
    """A limit that never grants anything is a mistake."""
    with pytest.raises(ConfigurationError):
        Limit(burst, per_second)


def test_limits_by_the_hour_and_the_day() -> None:
    """``per_hour`` and ``per_day`` refill evenly over their time."""
    assert (per_hour(20).span, per_hour(20).interval) == (3_600_000, 180_000)
    assert per_day(25).span == 86_400_000
