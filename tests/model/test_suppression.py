"""For how long an address gets no messages, and which."""

from __future__ import annotations

import pytest

from matrix_threepid.model.message import MessageKind
from matrix_threepid.model.suppression import FIRST, LONGEST, Suppression

NOW = 1_700_000_000_000
CLEAN = Suppression(key="address:key")
EVERY_KIND = list(MessageKind)


def test_a_suppression_lasts_a_day_and_doubles_up_to_thirty() -> None:
    """Each failure of a message that was sent after the last suppression doubles it, from a day up to thirty."""
    suppression, now, days = CLEAN, NOW, []
    for _ in range(7):
        suppression = suppression.with_failure(now - 1, now, "5.1.1")
        days.append(suppression.span // FIRST)
        assert all(suppression.stops(kind, suppression.until - 1) for kind in EVERY_KIND)
        assert not any(suppression.stops(kind, suppression.until) for kind in EVERY_KIND)
        now = suppression.until + 1
    assert days == [1, 2, 4, 8, 16, 30, 30]


def test_messages_that_were_under_way_count_once() -> None:
    """Of several messages that were written before the first failure was known, one counts; so does a repetition."""
    once = CLEAN.with_failure(NOW - 9, NOW, "5.1.1")
    assert once.with_failure(NOW - 5, NOW + 10, "5.1.1") is once
    assert once.with_failure(NOW - 9, NOW + 10, "5.1.1") is once


def test_what_ended_long_ago_counts_no_more() -> None:
    """A failure a month after the last suppression has ended begins with a day again."""
    before = CLEAN.with_failure(NOW - 1, NOW, "5.1.1").with_failure(NOW + 1, NOW + 2, "5.1.1")
    assert before.span == 2 * FIRST
    soon = before.with_failure(before.until, before.until + LONGEST - 1, "5.1.1")
    late = before.with_failure(before.until, before.until + LONGEST, "5.1.1")
    assert [soon.span, late.span] == [4 * FIRST, FIRST]


def test_a_delivered_message_lifts_it() -> None:
    """A message that was written after the failure and delivered ends the suppression; an earlier one does not."""
    failed = CLEAN.with_failure(NOW - 1, NOW, "5.1.1").with_complaint(NOW)
    assert failed.with_delivery(NOW) is failed
    lifted = failed.with_delivery(NOW + 1)
    assert not lifted.stops(MessageKind.TOKEN, NOW + 2)
    assert lifted.stops(MessageKind.ADDED, NOW + 2)
    assert lifted.with_failure(NOW + 2, NOW + 3, "5.1.1").span == FIRST


def test_a_complaint_stops_notices_only() -> None:
    """Notices and invitations end; proofs, resets and links that take changes back go to a reader who complained."""
    complained = CLEAN.with_complaint(NOW)
    stopped = {kind.value for kind in EVERY_KIND if complained.stops(kind, NOW + 1)}
    assert stopped == {"added", "removed", "password_changed", "undone", "invitation"}
    assert not any(complained.stops(kind, NOW + LONGEST) for kind in EVERY_KIND)


@pytest.mark.parametrize("back", [1, 10**12])
def test_a_clock_that_is_set_back_prolongs_nothing(back: int) -> None:
    """A suppression from the future of a clock that was set back keeps no message."""
    failed = CLEAN.with_failure(NOW - 1, NOW, "5.1.1")
    assert failed.failing(NOW)
    assert not failed.failing(NOW - back)


def test_a_row_is_kept_until_nothing_of_it_counts() -> None:
    """A suppression expires when its failure would double nothing more and its complaint stops nothing."""
    failed = CLEAN.with_failure(NOW - 1, NOW, "5.1.1")
    assert failed.expires_at == NOW + FIRST + LONGEST
    assert failed.with_complaint(NOW + FIRST + 5).expires_at == NOW + FIRST + 5 + LONGEST
    assert failed.with_delivery(NOW + 1).expires_at == 0
