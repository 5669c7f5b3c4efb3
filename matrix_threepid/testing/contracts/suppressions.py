"""``SuppressionsContract``: the promises of the port ``Suppressions``."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from ...model.suppression import Suppression
from ...ports import Suppressions
from .base import Contract
from .values import NOW

_THREADS = 8
_FAILED = Suppression(key="address:key").with_failure(NOW - 5, NOW, "5.1.1")
_CHANGES: tuple[dict[str, Any], ...] = (
    {"failed_at": None, "span": 0},
    {"reason": "zoë'?%s \"\\"},
    {"complained_at": NOW},
    {"expires_at": 2**53 - 1},
)


class SuppressionsContract(Contract):
    """The contract of ``Suppressions``.

    * ``store`` (fixture): an empty port ``Suppressions``.
    """

    @pytest.mark.parametrize("changed", [{}, *_CHANGES], ids=str)
    def test_a_suppression_comes_back_as_it_was_put(self, store: Suppressions, changed: dict[str, Any]) -> None:
        """Every field is stored, and found by its key among two."""
        wanted = evolve(_FAILED, **changed)
        assert self.do(store.put, wanted) is True
        for keys in ([wanted.key], [wanted.key, "other"], ["other", wanted.key]):
            assert list(self.do(store.of_address, keys)) == [wanted]

    @pytest.mark.parametrize("other", ["ADDRESS:KEY", "address:key ", "", "%", "address_key"])
    def test_keys_are_kept_apart(self, store: Suppressions, other: str) -> None:
        """Keys are compared character by character."""
        self.do(store.put, _FAILED)
        assert list(self.do(store.of_address, [other])) == []
        assert self.do(store.lift, [other, other]) == 0
        assert list(self.do(store.of_address, [_FAILED.key])) == [_FAILED]

    def test_an_address_has_a_suppression_under_each_pepper(self, store: Suppressions) -> None:
        """With two keys both suppressions are found."""
        rows = [_FAILED, evolve(_FAILED, key="other")]
        for row in rows:
            self.do(store.put, row)
        found = self.do(store.of_address, [_FAILED.key, "other"])
        assert sorted(found, key=lambda row: row.key) == rows

    @pytest.mark.parametrize("revision", [0, 1, 3])
    def test_only_the_next_revision_fits(self, store: Suppressions, revision: int) -> None:
        """A suppression is put if its revision is the next: 1 for the first of a key."""
        assert self.do(store.put, evolve(_FAILED, revision=2)) is False
        assert self.do(store.put, _FAILED) is True
        assert self.do(store.put, evolve(_FAILED, reason="other", revision=revision)) is False
        assert list(self.do(store.of_address, [_FAILED.key])) == [_FAILED]
        later = _FAILED.with_complaint(NOW)
        assert self.do(store.put, later) is True
        assert list(self.do(store.of_address, [_FAILED.key])) == [later]

    def test_what_is_lifted_is_gone(self, store: Suppressions) -> None:
        """The suppressions under the keys of an address are deleted, and no others; a new one begins anew."""
        for key in ("one", "two", "three"):
            self.do(store.put, evolve(_FAILED, key=key))
        assert [self.do(store.lift, ["one", "two"]), self.do(store.lift, ["one", "one"])] == [2, 0]
        assert [row.key for row in self.do(store.listed, "", 10)] == ["three"]
        assert self.do(store.put, evolve(_FAILED, key="one")) is True

    def test_all_are_listed_by_key(self, store: Suppressions) -> None:
        """Suppressions are listed in the order of their keys, after a key and up to a number."""
        for key in ("c", "a", "b", "d"):
            self.do(store.put, evolve(_FAILED, key=key))
        assert [row.key for row in self.do(store.listed, "", 2)] == ["a", "b"]
        assert [row.key for row in self.do(store.listed, "b", 9)] == ["c", "d"]

    def test_a_purge_takes_what_has_expired(self, store: Suppressions) -> None:
        """Suppressions that expired before a time are deleted, up to a number."""
        ends = {"a": NOW - 2, "b": NOW - 1, "c": NOW}
        for key, end in ends.items():
            self.do(store.put, evolve(_FAILED, key=key, expires_at=end))
        assert [self.do(store.purge, NOW, 1) for _ in range(3)] == [1, 1, 0]
        assert [row.key for row in self.do(store.listed, "", 10)] == ["c"]

    def test_parallel_puts_have_one_winner(self, store: Suppressions) -> None:
        """Of several parallel first suppressions of a key one is stored, and so of several later ones."""
        for revision in (1, 2):
            rows = [evolve(_FAILED, reason=f"r{number}", revision=revision) for number in range(_THREADS)]
            done = self.together([(store.put, row) for row in rows])
            stored = [row for row, put in zip(rows, done, strict=True) if put]
            assert stored == list(self.do(store.of_address, [_FAILED.key]))
