"""``RateLimiterContract``: the promises of the port ``RateLimiter``."""

from __future__ import annotations

import random

import pytest

from ...policy import Limit
from ...ports import Charge, RateLimiter
from .base import Contract

NOW = 1_700_000_000_000
THREE = Limit(3, 1)
"""A burst of three, then one a second."""
_DAY = 86_400_000
_THREADS = 8


class RateLimiterContract(Contract):
    """The contract of ``RateLimiter``.

    * ``limiter`` (fixture): a ``RateLimiter`` that has counted nothing.
    * ``unsupported`` may name ``purge``: keys that are completely refilled expire by themselves.
    """

    abilities = ("purge",)

    def test_a_burst_is_granted_and_then_refused(self, limiter: RateLimiter) -> None:
        """As many charges as the burst are granted at once; the next must wait for one interval."""
        assert [self._consume(limiter, NOW) for _ in range(5)] == [0, 0, 0, 1000, 1000]

    def test_the_wait_is_exact(self, limiter: RateLimiter) -> None:
        """A charge is refused until the returned ms have passed, and granted from then on, once."""
        self._exhaust(limiter)
        assert self._consume(limiter, NOW + 999) == 1
        assert self._consume(limiter, NOW + 1000) == 0
        assert self._consume(limiter, NOW + 1000) == 1000

    def test_a_rest_refills_no_more_than_the_burst(self, limiter: RateLimiter) -> None:
        """After any pause, at most the burst is granted at once."""
        self._exhaust(limiter)
        assert [self._consume(limiter, NOW + _DAY) for _ in range(4)] == [0, 0, 0, 1000]

    def test_a_refused_take_costs_nothing(self, limiter: RateLimiter) -> None:
        """A refused charge does not make the wait longer."""
        self._exhaust(limiter)
        assert {self._consume(limiter, NOW + 500) for _ in range(20)} == {500}
        assert self._consume(limiter, NOW + 1000) == 0

    @pytest.mark.parametrize("key", ["K", "k ", "", "kk", "%", "é"])
    def test_keys_are_kept_apart(self, limiter: RateLimiter, key: str) -> None:
        """Keys have separate counts and are compared character by character."""
        self._exhaust(limiter)
        assert self._consume(limiter, NOW, key=key) == 0

    # -- cost ---------------------------------------------------------------------------------------

    def test_cost_zero_asks_without_counting(self, limiter: RateLimiter) -> None:
        """A charge of cost 0 returns whether one more would be granted, and counts nothing."""
        assert [self._consume(limiter, NOW, cost=0) for _ in range(9)] == [0] * 9
        self._exhaust(limiter)
        assert [self._consume(limiter, NOW, cost=0) for _ in range(2)] == [1000, 1000]
        assert self._consume(limiter, NOW + 1000, cost=0) == 0
        assert self._consume(limiter, NOW + 1000) == 0

    def test_a_cost_counts_so_often(self, limiter: RateLimiter) -> None:
        """A charge of cost 2 is granted only if two are left."""
        assert [self._consume(limiter, NOW, cost=2) for _ in range(2)] == [0, 1000]
        assert [self._consume(limiter, NOW) for _ in range(2)] == [0, 1000]

    @pytest.mark.parametrize("cost", [0, 1, 2, 3])
    def test_the_wait_told_is_exact_for_every_cost(self, limiter: RateLimiter, cost: int) -> None:
        """For every cost, the charge is granted after the returned wait, and not one ms earlier."""
        for at in range(NOW, NOW + 2000, 137):
            self._consume(limiter, at)
            wait = self._consume(limiter, at, cost=cost)
            if wait:
                assert self._consume(limiter, at + wait - 1, cost=cost) == 1
                assert self._consume(limiter, at + wait, cost=0 if cost < 2 else cost) == 0

    @pytest.mark.parametrize("taken", [0, 1, 3])
    def test_what_never_fits_tells_how_much_is_used(self, limiter: RateLimiter, taken: int) -> None:
        """For a cost above the burst, the wait is the time to refill plus an interval for each unit too many."""
        for _ in range(taken):
            self._consume(limiter, NOW)
        assert [self._consume(limiter, NOW, cost=cost) for cost in (4, 5)] == [1000 * (taken + 1), 1000 * (taken + 2)]
        assert self._consume(limiter, NOW + 1000 * (taken + 1), cost=4) == 1000

    def test_what_never_fits_is_refused(self, limiter: RateLimiter) -> None:
        """A cost above the burst is refused, on a new key too, and counts nothing."""
        assert self._consume(limiter, NOW, cost=4) > 0
        assert [self._consume(limiter, NOW) for _ in range(4)] == [0, 0, 0, 1000]
        assert self._consume(limiter, NOW + _DAY, cost=4) > 0

    # -- several takes ------------------------------------------------------------------------------

    def test_one_refused_charge_keeps_all_from_being_counted(self, limiter: RateLimiter) -> None:
        """If one charge is refused, none is counted, and the wait is that of the last to be granted."""
        self._exhaust(limiter, "b")
        self._consume(limiter, NOW, key="d", cost=2)
        charges = [*(Charge(key, THREE) for key in "abc"), Charge("d", THREE, cost=3)]
        assert [self.do(limiter.charge, charges, NOW) for _ in range(3)] == [2000] * 3
        assert [self._consume(limiter, NOW, key="a") for _ in range(4)] == [0, 0, 0, 1000]
        assert [self._consume(limiter, NOW, key="c") for _ in range(4)] == [0, 0, 0, 1000]

    def test_a_key_may_be_taken_twice_at_once(self, limiter: RateLimiter) -> None:
        """Charges of one call count against each other."""
        twice = [Charge("k", THREE)] * 2
        assert [self.do(limiter.charge, twice, NOW) for _ in range(2)] == [0, 1000]

    def test_nothing_to_take_is_granted(self, limiter: RateLimiter) -> None:
        """A call without charges returns 0."""
        assert self.do(limiter.charge, [], NOW) == 0

    # -- clocks -------------------------------------------------------------------------------------

    @pytest.mark.parametrize("back", [1, 1000, _DAY, 400 * _DAY])
    def test_a_clock_set_back_refills_nothing(self, limiter: RateLimiter, back: int) -> None:
        """An exhausted limit stays exhausted when the clock jumps back."""
        self._exhaust(limiter)
        assert 0 < self._consume(limiter, NOW - back) <= THREE.span

    @pytest.mark.parametrize("cost", [0, 1])
    @pytest.mark.parametrize("back", [1000, _DAY, 400 * _DAY])
    def test_a_clock_set_back_locks_for_the_span_at_most(self, limiter: RateLimiter, back: int, cost: int) -> None:
        """However far the clock jumped back, the limit is completely refilled a span after the first charge."""
        self._exhaust(limiter)
        self._consume(limiter, NOW - back, cost=cost)
        assert [self._consume(limiter, NOW - back + THREE.span) for _ in range(3)] == [0, 0, 0]

    # -- purge --------------------------------------------------------------------------------------

    def test_a_purge_forgets_keys_that_are_as_good_as_new(self, limiter: RateLimiter) -> None:
        """A key is purged from the ms in which it is completely refilled, and not earlier."""
        self.need("purge")
        self._consume(limiter, NOW)
        assert [self.do(limiter.purge, at, 10) for at in (NOW + 999, NOW + 1000, NOW + 1000)] == [0, 1, 0]

    def test_a_purge_is_bounded(self, limiter: RateLimiter) -> None:
        """At most ``limit`` keys are deleted at once; the returned count is the number deleted."""
        self.need("purge")
        for key in "abcde":
            self._consume(limiter, NOW, key=key)
        assert [self.do(limiter.purge, NOW + _DAY, 2) for _ in range(4)] == [2, 2, 1, 0]

    def test_a_purge_refills_nothing(self, limiter: RateLimiter) -> None:
        """What is exhausted stays exhausted."""
        self._exhaust(limiter)
        self.do(limiter.purge, NOW + 1, 10)
        assert self._consume(limiter, NOW + 1) == 999

    def test_what_is_forgotten_is_as_good_as_new(self, limiter: RateLimiter) -> None:
        """The given keys are completely refilled, unknown ones are ignored, and all others stay as they are."""
        for key in "abc":
            self._exhaust(limiter, key)
        self.do(limiter.forget, ["a", "unknown", "b"])
        assert [self._consume(limiter, NOW, key=key) for key in "abc"] == [0, 0, 1000]

    # -- periods of the clock -----------------------------------------------------------------------

    def test_a_period_grants_its_number_and_no_more(self, limiter: RateLimiter) -> None:
        """With ``until`` nothing refills until that time, and the wait ends there."""
        over = NOW + _DAY
        at = (NOW, NOW, NOW + _DAY // 2, over - 1, over - 1)
        assert [self._in_period(limiter, now, over) for now in at] == [0, 0, 0, 1, 1]

    def test_a_period_is_purged_when_it_is_over(self, limiter: RateLimiter) -> None:
        """The count of a period is kept until the period ends, and purged then."""
        self.need("purge")
        over = NOW + _DAY
        for _ in range(3):
            self._in_period(limiter, NOW, over)
        assert [self.do(limiter.purge, at, 10) for at in (over, over + 1000)] == [0, 1]

    def _in_period(self, limiter: RateLimiter, now: int, over: int, cost: int = 1) -> int:
        return self.do(limiter.charge, [Charge("k", THREE, cost, over)], now)

    # -- given back and read ------------------------------------------------------------------------

    @pytest.mark.parametrize("until", [None, NOW + _DAY])
    def test_what_is_given_back_may_be_charged_again(self, limiter: RateLimiter, until: int | None) -> None:
        """A charge that is given back is granted once more, and other keys stay as they are."""
        charges = [Charge(key, THREE, 1, until) for key in "ab"]
        for _ in range(3):
            self.do(limiter.charge, charges, NOW)
        self.do(limiter.give_back, charges[:1], NOW)
        assert [self.do(limiter.charge, charges[:1], NOW) > 0 for _ in range(2)] == [False, True]
        assert self.do(limiter.charge, charges[1:], NOW) > 0

    @pytest.mark.parametrize("until", [None, NOW + _DAY])
    def test_no_more_is_given_back_than_was_used(self, limiter: RateLimiter, until: int | None) -> None:
        """However much is given back, of known and of unknown keys, the burst is the most that is granted."""
        charges = [Charge(key, THREE, 1, until) for key in "ab"]
        self.do(limiter.charge, charges[:1], NOW)
        for _ in range(3):
            self.do(limiter.give_back, charges, NOW)
        for charge in charges:
            assert [self.do(limiter.charge, [charge], NOW) > 0 for _ in range(4)] == [False, False, False, True]

    @pytest.mark.parametrize("until", [None, NOW + _DAY])
    def test_how_much_is_used_can_be_read(self, limiter: RateLimiter, until: int | None) -> None:
        """The counts are answered in the order of the question, and reading them changes nothing."""
        for key, times in (("a", 2), ("c", 3)):
            for _ in range(times):
                self.do(limiter.charge, [Charge(key, THREE, 1, until)], NOW)
        asked = [Charge(key, THREE, 1, until) for key in "cba"]
        assert [list(self.do(limiter.used, asked, NOW)) for _ in range(2)] == [[3, 0, 2]] * 2
        later = [3, 0, 2] if until else [2, 0, 1]
        assert list(self.do(limiter.used, asked, NOW + 1_000)) == later

    # -- all of it ----------------------------------------------------------------------------------

    @pytest.mark.parametrize("seed", range(3))
    def test_any_history_is_answered_as_the_arithmetic_says(self, limiter: RateLimiter, seed: int) -> None:
        """Over random charges and times the answers are those of ``Charge.counted``."""
        random_bytes, now, model = random.Random(seed), NOW, dict[str, int]()  # noqa: S311  no secret
        for _ in range(200):
            now += random_bytes.choice((0, 1, 300, 2500, -700, -50_000, 60_000))
            wanted = Charge(random_bytes.choice("ab"), THREE, random_bytes.choice((0, 1, 1, 1, 2, 3, 5)))
            full_at, wait = wanted.counted(model.get(wanted.key), now)
            if full_at > now:
                model[wanted.key] = full_at
            assert self.do(limiter.charge, [wanted], now) == wait

    def test_parallel_takes_are_counted_one_by_one(self, limiter: RateLimiter) -> None:
        """Parallel charges are granted the burst in total, and not one more."""
        calls = [(limiter.charge, [Charge("k", Limit(20, 1))], NOW)] * _THREADS
        waits = [wait for _ in range(3) for wait in self.together(calls)]
        assert sorted(waits) == [0] * 20 + [1000] * 4

    def _consume(self, limiter: RateLimiter, now: int, *, key: str = "k", cost: int = 1) -> int:
        return self.do(limiter.charge, [Charge(key, THREE, cost)], now)

    def _exhaust(self, limiter: RateLimiter, key: str = "k") -> None:
        for _ in range(THREE.burst):
            assert self._consume(limiter, NOW, key=key) == 0
