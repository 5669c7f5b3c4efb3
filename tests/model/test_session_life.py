"""Random lives of a session: any steps in any order, at times that jump about."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from matrix_threepid import Purpose
from matrix_threepid.model.session import Session
from model.making import ALICE, DAY, HOUR, LIFETIMES, MINUTE, opened, usable


class Life(RuleBasedStateMachine):
    """One session and its past."""

    def __init__(self) -> None:
        super().__init__()
        self.session, self.now, self.past = opened(), 0, list[Session]()

    def step(self, changed: Session | None) -> None:
        if changed is None or changed is self.session:
            return
        assert changed.revision == self.session.revision + 1
        self.past.append(self.session)
        self.session = changed

    @rule(ms=st.sampled_from([1, MINUTE, HOUR, DAY, -MINUTE, -HOUR, -10 * DAY]))
    def time_jumps(self, ms: int) -> None:
        self.now += ms

    @rule(attempt=st.integers(-2, 5), put_off=st.sampled_from([None, 0, 30_000]))
    def begin(self, attempt: int, put_off: int | None) -> None:
        until = None if put_off is None else self.now + put_off
        self.step(self.session.begin_send(attempt, self.now, until, LIFETIMES))

    @precondition(lambda self: self.session.due_attempt is not None)
    @rule(how=st.sampled_from(["sent", "unsent", "lease"]))
    def settle(self, how: str) -> None:
        session = self.session
        self.step({"sent": session.sent, "unsent": session.unsent}.get(how, lambda: session.lease(self.now))())

    @rule()
    def guess(self) -> None:
        self.step(self.session.guessed())

    @precondition(lambda self: self.session.alive(self.now))
    @rule()
    def validate(self) -> None:
        self.step(self.session.validate(self.now, LIFETIMES))

    @precondition(lambda self: usable(self.session, self.now))
    @rule(spends=st.booleans())
    def use(self, spends: bool) -> None:
        self.step(self.session.claim(ALICE, self.now))
        self.step(self.session.consume(self.now) if spends else self.session.release())

    @rule()
    def end(self) -> None:
        self.step(self.session.end())

    @invariant()
    def it_only_moves_forward(self) -> None:
        for before in self.past:
            assert before.validated_at in (None, self.session.validated_at)
            assert before.consumed_at in (None, self.session.consumed_at)
            assert self.session.ended or not before.ended
            assert self.session.serial >= before.serial
            assert before.send_attempt is None or (self.session.send_attempt or 0) >= before.send_attempt
            assert before.slot in ("slot", self.session.slot)
            assert (before.sid, before.threepid, before.purpose) == ("sid", self.session.threepid, Purpose.ADD)

    @invariant()
    def it_never_outlives_its_day(self) -> None:
        assert self.session.expires_at <= DAY
        assert not usable(self.session, DAY)

    @invariant()
    def it_is_usable_only_while_it_may_be(self) -> None:
        if usable(self.session, self.now):
            assert self.session.validated_at is not None
            assert not self.session.over
            assert self.now < self.session.validated_at + HOUR


@pytest.mark.rule("SEC-106", "SEC-108", "SEC-230")
class TestLife(Life.TestCase):  # type: ignore[misc]
    """Whatever happens in whatever order, a session only moves forward."""

    settings = settings(database=None, deadline=None, max_examples=100, stateful_step_count=30)
