"""``BindingStoreContract``: the promises of the port ``BindingStore``."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from ...model.binding import Binding
from ...ports import BindingStore
from .base import Contract
from .values import BINDING_CHANGES, NOW, binding

_THREADS = 8


class BindingStoreContract(Contract):
    """The contract of ``BindingStore``.

    * ``store`` (fixture): an empty ``BindingStore``.
    """

    # -- insert, get --------------------------------------------------------------------------------

    def test_a_binding_comes_back_as_it_was_inserted(self, store: BindingStore) -> None:
        """Every field is stored when a binding is inserted, whatever its value."""
        inserted = {name: binding(name, **change) for name, change in BINDING_CHANGES.items()}
        assert [name for name, each in inserted.items() if self.do(store.insert, each) is not True] == []
        assert {name: self.do(store.get, name) for name in inserted} == inserted

    def test_a_taken_id_keeps_its_row(self, store: BindingStore) -> None:
        """Inserting again is refused and changes nothing, even with an equal row."""
        self._inserted(store, binding("a"))
        assert self.do(store.insert, binding("a")) is False
        assert self.do(store.insert, binding("a", attempts=9)) is False
        assert self.do(store.get, "a") == binding("a")

    @pytest.mark.parametrize("key", ["b", "A", "", "a ", "%", "_"])
    def test_absence_is_none(self, store: BindingStore, key: str) -> None:
        """An id that is not stored, character by character, returns ``None``."""
        self._inserted(store, binding("a"))
        assert self.do(store.get, key) is None

    # -- replace, forget ----------------------------------------------------------------------------

    def test_every_changed_field_comes_back(self, store: BindingStore) -> None:
        """A swap changes whatever differs, and nothing else."""
        bystander = self._inserted(store, binding("bystander"), *map(binding, BINDING_CHANGES))[0]
        changed = {name: binding(name, **change, revision=1) for name, change in BINDING_CHANGES.items()}
        assert [name for name, each in changed.items() if self.do(store.replace, each) is not True] == []
        assert {name: self.do(store.get, name) for name in changed} == changed
        assert self.do(store.get, "bystander") == bystander

    @pytest.mark.parametrize("revision", [0, 1, 2, 4])
    def test_only_the_next_revision_fits(self, store: BindingStore, revision: int) -> None:
        """A swap of any revision but the next is refused and changes nothing."""
        stored = binding("a", revision=2)
        self._inserted(store, stored)
        assert self.do(store.replace, evolve(stored, attempts=9, revision=revision)) is False
        assert self.do(store.get, "a") == stored

    @pytest.mark.parametrize("revision", [0, 1, 3])
    def test_only_the_revision_that_is_stored_is_forgotten(self, store: BindingStore, revision: int) -> None:
        """``forget`` deletes a row only at the given revision, and no other row."""
        stored, bystander = self._inserted(store, binding("a", revision=2), binding("b"))
        assert self.do(store.forget, evolve(stored, revision=revision)) is False
        assert self.do(store.get, "a") == stored
        assert self.do(store.forget, stored) is True
        assert self.do(store.get, "a") is None
        assert self.do(store.get, "b") == bystander

    def test_what_is_not_stored_is_neither_swapped_nor_forgotten(self, store: BindingStore) -> None:
        """``replace`` never inserts, and ``forget`` returns ``False`` for a row that is not stored."""
        assert self.do(store.replace, binding("a", revision=1)) is False
        assert self.do(store.forget, binding("a")) is False
        assert self.do(store.get, "a") is None

    # -- of_user, lease_due ------------------------------------------------------------------------------

    def test_bindings_are_listed_by_user_the_oldest_first(self, store: BindingStore) -> None:
        """``of_user`` lists all bindings of this user, oldest first, including those without an address."""
        times = {"a": NOW + 1, "b": NOW - 1, "c": NOW}
        self._inserted(store, *(binding(name, created_at=at) for name, at in times.items()))
        self._inserted(
            store, binding("d", user_id="@ALICE:hs.example.org"), binding("e", user_id="@bob:hs.example.org")
        )
        self._inserted(store, binding("f", created_at=NOW + 2, threepid=None, spelling=None))
        assert _names(self.do(store.of_user, "@alice:hs.example.org")) == ["b", "c", "a", "f"]
        assert not self.do(store.of_user, "@carol:hs.example.org")

    def test_due_bindings_are_taken_oldest_first(self, store: BindingStore) -> None:
        """Bindings that are due at ``now`` or earlier are leased and returned, in order of ``due_at``, each once."""
        times = {"a": NOW, "b": NOW - 2, "c": NOW + 1, "d": None, "e": NOW - 1}
        held = {name: binding(name, unwanted_since=1, due_at=at) for name, at in times.items()}
        self._inserted(store, *held.values())
        expected = [held[name].lease(NOW + 5) for name in "bea"]
        assert [self.do(store.lease_due, NOW, NOW + 5, ()) for _ in range(4)] == [*expected, None]
        assert [self.do(store.get, name) for name in "beacd"] == [*expected, held["c"], held["d"]]

    def test_users_who_are_skipped_keep_their_turn(self, store: BindingStore) -> None:
        """Bindings of the users to skip are not leased, however long they have been due; nobody else is skipped."""
        users = {"a": "@alice:x", "b": "@Alice:x", "c": "@bob:x", "d": "@alice:x"}
        due = {name: NOW - 5 + number for number, name in enumerate(users)}
        held = {name: binding(name, user_id=user, unwanted_since=1, due_at=due[name]) for name, user in users.items()}
        self._inserted(store, *held.values())
        assert self.do(store.lease_due, NOW, NOW + 5, {"@alice:x", "@carol:x"}) == held["b"].lease(NOW + 5)
        assert self.do(store.lease_due, NOW, NOW + 5, {"@alice:x", "@bob:x"}) is None
        assert [self.do(store.get, name) for name in "acd"] == [held["a"], held["c"], held["d"]]
        assert self.do(store.lease_due, NOW, NOW + 5, {f"@{number}:x" for number in range(1000)}) is not None

    def test_what_was_taken_is_due_again_later(self, store: BindingStore) -> None:
        """A leased binding that is not changed is due again from ``until`` on, not one ms earlier."""
        (waiting,) = self._inserted(store, binding("a", unwanted_since=1, due_at=NOW))
        assert self.do(store.lease_due, NOW, NOW + 5, ()) == waiting.lease(NOW + 5)
        assert self.do(store.lease_due, NOW + 4, NOW + 9, ()) is None
        assert self.do(store.lease_due, NOW + 5, NOW + 9, ()) == waiting.lease(NOW + 5).lease(NOW + 9)

    def test_what_is_put_off_or_wanted_is_not_due(self, store: BindingStore) -> None:
        """A binding that was put off, bound again or forgotten is not due; it may become due again."""
        waiting = self._inserted(store, *(binding(name, unwanted_since=1, due_at=NOW) for name in "abcd"))
        self.do(store.replace, waiting[0].unwanted(NOW, NOW + 1))
        self.do(store.replace, waiting[1].bound(NOW))
        self.do(store.forget, waiting[2])
        assert self._due(store) == ["d"]
        self.do(store.replace, waiting[1].bound(NOW).unwanted(NOW, NOW - 1))
        assert self._due(store) == ["b"]

    # -- purge --------------------------------------------------------------------------------------

    def test_a_purge_takes_old_binds_without_an_address(self, store: BindingStore) -> None:
        """Only rows made before the given time whose address never became known are deleted."""
        times = {"a": NOW - 1, "b": NOW, "c": NOW + 1}
        self._inserted(store, *(binding(name, created_at=at, threepid=None) for name, at in times.items()))
        self._inserted(store, binding("d", created_at=NOW - 1), binding("e", created_at=NOW - 1, spelling=None))
        assert self.do(store.purge, NOW, 10) == 1
        assert [name for name in "abcde" if self.do(store.get, name)] == ["b", "c", "d", "e"]
        assert self.do(store.purge, NOW, 10) == 0

    def test_a_purge_is_bounded(self, store: BindingStore) -> None:
        """At most ``limit`` bindings are deleted at once; the returned count is the number deleted."""
        self._inserted(store, *(binding(name, created_at=NOW - 1, threepid=None) for name in "abcde"))
        assert [self.do(store.purge, NOW, 2) for _ in range(4)] == [2, 2, 1, 0]
        assert [self.do(store.get, name) for name in "abcde"] == [None] * 5

    # -- given_up -----------------------------------------------------------------------------------

    def test_what_was_given_up_is_found(self, store: BindingStore) -> None:
        """Unbinds without ``due_at`` that were first asked for before the time are found, up to ``limit``."""
        times = {"a": NOW - 1, "b": NOW - 2, "c": NOW, "d": NOW + 1}
        given_up = {name: binding(name, unwanted_since=at) for name, at in times.items()}
        self._inserted(store, *given_up.values())
        self._inserted(store, binding("e", unwanted_since=NOW - 3, due_at=NOW), binding("f", created_at=1))
        assert sorted(_names(self.do(store.given_up, NOW, 10))) == ["a", "b"]
        assert len(self.do(store.given_up, NOW + 2, 3)) == 3
        assert {each.id: each for each in self.do(store.given_up, NOW + 2, 4)} == given_up
        assert not self.do(store.given_up, NOW - 2, 10)

    # -- threads ------------------------------------------------------------------------------------

    def test_parallel_inserts_have_one_winner(self, store: BindingStore) -> None:
        """Of several parallel inserts of one id, one is stored and returns ``True``."""
        rows = [binding("a", attempts=number) for number in range(_THREADS)]
        self._one_winner(store, rows, self.together([(store.insert, row) for row in rows]))

    def test_parallel_swaps_have_one_winner(self, store: BindingStore) -> None:
        """Of several parallel swaps from one revision, one is stored and returns ``True``."""
        self._inserted(store, binding("a"))
        rows = [binding("a", attempts=number, revision=1) for number in range(_THREADS)]
        self._one_winner(store, rows, self.together([(store.replace, row) for row in rows]))

    def test_parallel_takes_share_the_work(self, store: BindingStore) -> None:
        """Parallel leases return different bindings, as long as there are some."""
        names = [f"{number}" for number in range(_THREADS - 3)]
        self._inserted(store, *(binding(name, unwanted_since=1, due_at=NOW) for name in names))
        taken = self.together([(store.lease_due, NOW, NOW + 1, ())] * _THREADS)
        assert sorted(each.id for each in taken if each is not None) == names

    def test_what_is_changed_meanwhile_is_not_forgotten(self, store: BindingStore) -> None:
        """Of a swap and several parallel ``forget`` from one revision, one succeeds."""
        stored, changed = self._inserted(store, binding("a"))[0], binding("a", attempts=1, revision=1)
        held = self.together([(store.replace, changed), *[(store.forget, stored)] * (_THREADS - 1)])
        assert sorted(held) == [False] * (_THREADS - 1) + [True]
        assert self.do(store.get, "a") == (changed if held[0] else None)

    def test_parallel_purges_count_each_binding_once(self, store: BindingStore) -> None:
        """Parallel purges count each row once."""
        self._inserted(store, *(binding(f"{number}", created_at=0, threepid=None) for number in range(_THREADS)))
        assert sum(self.together([(store.purge, NOW, _THREADS)] * _THREADS)) == _THREADS

    def _due(self, store: BindingStore) -> list[str]:
        """Lease all that is due; return the ids, oldest first."""
        taken = [self.do(store.lease_due, NOW, NOW + 1, ()) for _ in range(_THREADS)]
        return [each.id for each in taken if each is not None]

    def _inserted(self, store: BindingStore, *wanted: Binding) -> list[Binding]:
        for each in wanted:
            self.do(store.insert, each)
        return [*wanted]

    def _one_winner(self, store: BindingStore, rows: list[Binding], held: list[bool]) -> None:
        assert sorted(held) == [False] * (len(rows) - 1) + [True]
        assert self.do(store.get, "a") == rows[held.index(True)]


def _names(bindings: Any) -> list[str]:
    return [each.id for each in bindings]
