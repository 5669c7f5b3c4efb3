"""``ReversalStoreContract``: the promises of the port ``ReversalStore``."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from ...model.message import MessageKind
from ...model.reversal import Reversal, ReversalState
from ...model.threepid import AccountThreepid, Medium, Threepid
from ...ports import ReversalStore
from .base import Contract
from .values import NOW

ALICE, BOB = "@alice:hs.example.org", "@bob:hs.example.org"
_HELD = AccountThreepid(
    medium=Medium.EMAIL, address="alice@example.org", validated_at=1, added_at=2, spelling="Alice@Example.org"
)
_BEGUN = Reversal.begun(ALICE, "an id", "pepperid", [_HELD], NOW)
_THREADS = 8
_CHANGES: tuple[dict[str, Any], ...] = (
    *({"state": state} for state in ReversalState),
    {"last_at": 2**53 - 1},
    {"began_at": 0},
    {"expires_at": None},
    {"locked": '[["email", "zoë\'?%s@example.org"]]'},
    {"confirmed": '[["email", "alice@example.org"]]'},
    {"changes": _BEGUN.with_change(MessageKind.ADDED, Threepid(Medium.EMAIL, "new@example.org"), NOW).changes},
)


class ReversalStoreContract(Contract):
    """The contract of ``ReversalStore``.

    * ``store`` (fixture): an empty ``ReversalStore``.
    """

    @pytest.mark.parametrize("changed", [{}, *_CHANGES], ids=str)
    def test_a_reversal_comes_back_as_it_was_inserted(self, store: ReversalStore, changed: dict[str, Any]) -> None:
        """Every field is stored, and found by user and by id."""
        wanted = evolve(_BEGUN, **changed)
        assert self.do(store.insert, wanted) is True
        assert self.do(store.of_user, ALICE) == wanted
        assert self.do(store.get, wanted.id) == wanted

    def test_a_user_has_one(self, store: ReversalStore) -> None:
        """A second reversal of a user is not inserted; other users have theirs."""
        assert self.do(store.insert, _BEGUN) is True
        assert self.do(store.insert, evolve(_BEGUN, id="another")) is False
        assert self.do(store.insert, evolve(_BEGUN, id="another", user_id=BOB)) is True
        assert self.do(store.of_user, ALICE) == _BEGUN

    @pytest.mark.parametrize("user", [BOB, "@ALICE:hs.example.org", "", "%"])
    def test_absence_is_none(self, store: ReversalStore, user: str) -> None:
        """User ids and ids are compared character by character."""
        self.do(store.insert, _BEGUN)
        assert self.do(store.of_user, user) is None
        assert self.do(store.get, user) is None

    @pytest.mark.parametrize("revision", [-1, 0, 2])
    def test_only_the_next_revision_fits(self, store: ReversalStore, revision: int) -> None:
        """A reversal replaces the stored one if its revision is the next, also with another id."""
        self.do(store.insert, _BEGUN)
        assert self.do(store.replace, evolve(_BEGUN, id="x", revision=revision)) is False
        assert self.do(store.of_user, ALICE) == _BEGUN
        newer = evolve(_BEGUN, id="newer", state=ReversalState.UNDONE, revision=1)
        assert self.do(store.replace, newer) is True
        assert self.do(store.of_user, ALICE) == newer
        assert self.do(store.get, _BEGUN.id) is None

    def test_what_is_not_stored_is_not_replaced(self, store: ReversalStore) -> None:
        """A replacement needs a stored reversal of the same user."""
        assert self.do(store.replace, evolve(_BEGUN, revision=1)) is False
        assert self.do(store.of_user, ALICE) is None

    def test_what_is_forgotten_is_gone(self, store: ReversalStore) -> None:
        """A user's reversal is deleted, and no other one."""
        self.do(store.insert, _BEGUN)
        self.do(store.insert, evolve(_BEGUN, id="another", user_id=BOB))
        assert [self.do(store.forget, ALICE) for _ in range(2)] == [True, False]
        assert self.do(store.of_user, ALICE) is None
        assert self.do(store.of_user, BOB) is not None

    def test_a_purge_takes_what_has_expired(self, store: ReversalStore) -> None:
        """Reversals that expired before a time are deleted, up to a number; one without a time stays."""
        ends = [NOW - 2, NOW - 1, NOW, None]
        for number, end in enumerate(ends):
            self.do(store.insert, evolve(_BEGUN, id=f"id{number}", user_id=f"@u{number}:x", expires_at=end))
        assert [self.do(store.purge, NOW, 1) for _ in range(3)] == [1, 1, 0]
        left = [self.do(store.get, f"id{number}") is not None for number in range(len(ends))]
        assert left == [False, False, True, True]

    def test_parallel_inserts_have_one_winner(self, store: ReversalStore) -> None:
        """Of several parallel inserts for one user one is done."""
        rows = [evolve(_BEGUN, id=f"id{number}") for number in range(_THREADS)]
        done = self.together([(store.insert, row) for row in rows])
        assert [row for row, inserted in zip(rows, done, strict=True) if inserted] == [self.do(store.of_user, ALICE)]

    def test_parallel_swaps_have_one_winner(self, store: ReversalStore) -> None:
        """Of several parallel replacements one is done."""
        self.do(store.insert, _BEGUN)
        rows = [evolve(_BEGUN, last_at=NOW + number, revision=1) for number in range(_THREADS)]
        done = self.together([(store.replace, row) for row in rows])
        assert [row for row, swapped in zip(rows, done, strict=True) if swapped] == [self.do(store.of_user, ALICE)]
