"""Seeded schedules of thieves and owners: old addresses take changes back, whatever meets and fails."""

from __future__ import annotations

import pytest

from matrix_threepid.model.reversal import Reversal
from matrix_threepid.testing.schedules.tasks import Broken
from matrix_threepid.testing.schedules.undoing import explore_undo, loss


@pytest.mark.rule("SEC-57", "SEC-230")
def test_owners_get_back_and_confirmed_removals_stay() -> None:
    """An owner of an old address gets the account back; who has only a mailbox that was given up gets nothing."""
    assert explore_undo(range(100)) == 200


def test_a_confirmation_that_counts_for_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The schedules notice a removed address that keeps its link."""
    monkeypatch.setattr(Reversal, "with_confirmed", lambda self, _: self._next())
    with pytest.raises(Broken):
        explore_undo(range(100), [loss])
