"""``AssociationStoreContract``: the promises of the port ``AssociationStore``."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from ...model.association import Association
from ...model.threepid import Medium, Threepid
from ...ports import AssociationStore
from .base import Contract
from .values import NOW

ALICE, BOB = "@alice:hs.example.org", "@bob:hs.example.org"
MAIL = Threepid(Medium.EMAIL, "alice@example.org")
_PUBLISHED = Association(MAIL, ALICE, NOW)
_THREADS = 8
_OTHERS = {
    "medium": Threepid(Medium.MSISDN, MAIL.address),
    "capital": Threepid(Medium.EMAIL, "Alice@example.org"),
    "wild card": Threepid(Medium.EMAIL, "alice_example.org"),
    "blank": Threepid(Medium.EMAIL, "alice@example.org "),
    "odd": Threepid(Medium.EMAIL, "Zoë 'x' \"y\" ? %s $1@example.org"),
}
_every_other = pytest.mark.parametrize("other", _OTHERS.values(), ids=_OTHERS)


class AssociationStoreContract(Contract):
    """The contract of ``AssociationStore``.

    * ``store`` (fixture): an empty ``AssociationStore``.
    """

    @pytest.mark.parametrize("changed", [{}, {"mxid": "@zoë'?%s:x"}, {"ts": 2**53 - 1}, {"ts": 0}], ids=str)
    def test_an_association_comes_back_as_it_was_put(self, store: AssociationStore, changed: dict[str, Any]) -> None:
        """Every field is stored."""
        published = evolve(_PUBLISHED, **changed)
        self.do(store.put, published)
        assert self.do(store.get, MAIL) == published

    def test_the_last_one_of_an_address_stands(self, store: AssociationStore) -> None:
        """An address has one association: the one that was put last, whatever its times are."""
        for published in (_PUBLISHED, Association(MAIL, BOB, NOW - 1)):
            self.do(store.put, published)
            assert self.do(store.get, MAIL) == published

    @_every_other
    def test_addresses_are_kept_apart(self, store: AssociationStore, other: Threepid) -> None:
        """Medium and address are compared character by character."""
        self.do(store.put, _PUBLISHED)
        assert self.do(store.get, other) is None
        assert self.do(store.remove, other, ALICE) is False
        self.do(store.put, Association(other, BOB, NOW))
        assert self.do(store.get, MAIL) == _PUBLISHED
        assert self.do(store.get, other) == Association(other, BOB, NOW)

    def test_what_is_removed_is_gone(self, store: AssociationStore) -> None:
        """An association is removed once, and may be put again."""
        self.do(store.put, _PUBLISHED)
        assert [self.do(store.remove, MAIL, ALICE) for _ in range(2)] == [True, False]
        assert self.do(store.get, MAIL) is None
        self.do(store.put, _PUBLISHED)
        assert self.do(store.get, MAIL) == _PUBLISHED

    @pytest.mark.parametrize("mxid", [BOB, "@ALICE:hs.example.org", "", "%", "@alice:hs.example_org"])
    def test_nobody_removes_what_is_anothers(self, store: AssociationStore, mxid: str) -> None:
        """An association is removed for its own user only; user ids are compared character by character."""
        self.do(store.put, _PUBLISHED)
        assert self.do(store.remove, MAIL, mxid) is False
        assert self.do(store.get, MAIL) == _PUBLISHED

    def test_parallel_removals_count_once(self, store: AssociationStore) -> None:
        """Of several parallel removals of one association, one returns ``True``."""
        self.do(store.put, _PUBLISHED)
        removed = self.together([(store.remove, MAIL, ALICE)] * _THREADS)
        assert sorted(removed) == [False] * (_THREADS - 1) + [True]

    def test_parallel_puts_leave_one(self, store: AssociationStore) -> None:
        """Of several parallel puts for one address, one association remains."""
        wanted = [Association(MAIL, f"@user{number}:x", NOW + number) for number in range(_THREADS)]
        self.together([(store.put, each) for each in wanted])
        assert self.do(store.get, MAIL) in wanted
