"""``AssociationStoreContract``: the promises of the port ``AssociationStore``."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from ...model.association import Association
from ...model.lookup import LookupPepper, hashed
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


def _pepper(number: int) -> LookupPepper:
    return LookupPepper(number, f"pepper{number}", NOW, ready=False)


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

    def test_many_are_found_at_once(self, store: AssociationStore) -> None:
        """All that are published are returned, each once, and nothing else."""
        others = list(_OTHERS.values())
        for each in others:
            self.do(store.put, Association(each, BOB, NOW))
        found = self.do(store.get_many, [*others, MAIL])
        assert sorted(str(each.threepid) for each in found) == sorted(map(str, others))
        strangers = [Threepid(Medium.EMAIL, f"a{number}@x") for number in range(999)]
        assert [each.threepid for each in self.do(store.get_many, [*strangers, others[0]])] == others[:1]

    def test_peppers_follow_one_another(self, store: AssociationStore) -> None:
        """A pepper is stored if it is the next one and the one before is ready; the newest two are kept."""
        assert list(self.do(store.peppers)) == []
        assert self.do(store.rehash, 10) == 0
        assert self.do(store.add_pepper, _pepper(2)) is False
        assert self.do(store.add_pepper, _pepper(1)) is True
        assert list(self.do(store.peppers)) == [_pepper(1)]
        assert [self.do(store.add_pepper, _pepper(number)) for number in (1, 2)] == [False, False]
        for number in (2, 3):
            self.do(store.rehash, 10)
            assert self.do(store.add_pepper, _pepper(number)) is True
        assert list(self.do(store.peppers)) == [_pepper(3), evolve(_pepper(2), ready=True)]

    def test_associations_are_found_by_both_peppers(self, store: AssociationStore) -> None:
        """Hashes of both peppers find what was put before a pepper, meanwhile and afterwards; what is gone is gone."""
        early, late, gone = (Threepid(Medium.EMAIL, f"{name}@example.org") for name in ("early", "late", "gone"))
        self._rotate(store, 1)
        for each in (early, gone):
            self.do(store.put, Association(each, ALICE, NOW))
        assert self.do(store.add_pepper, _pepper(2)) is True
        self.do(store.put, Association(late, BOB, NOW))
        self.do(store.put, Association(early, BOB, NOW))
        while self.do(store.rehash, 1):
            pass
        self.do(store.remove, gone, ALICE)
        for number in (1, 2):
            named = [hashed(each, f"pepper{number}") for each in (early, late, gone)]
            assert self.do(store.look_up, number, named) == {named[0]: BOB, named[1]: BOB}
            assert self.do(store.look_up, 3 - number, named) == {}

    def test_a_part_is_hashed_at_a_time(self, store: AssociationStore) -> None:
        """What was put before the first pepper is hashed in parts; the pepper is ready when nothing is left."""
        mails = [Threepid(Medium.EMAIL, f"a{number}@x") for number in range(5)]
        for each in mails:
            self.do(store.put, Association(each, ALICE, NOW))
        self.do(store.add_pepper, _pepper(1))
        done = [(self.do(store.rehash, 2), self.do(store.peppers)[0].ready) for _ in range(4)]
        assert done == [(2, False), (2, False), (1, True), (0, True)]
        named = [hashed(each, "pepper1") for each in mails]
        strangers = [hashed(each, "other") for each in mails] + ["", "%", "x" * 43]
        assert self.do(store.look_up, 1, [*strangers, *named]) == dict.fromkeys(named, ALICE)

    def test_the_hashes_of_old_peppers_are_forgotten(self, store: AssociationStore) -> None:
        """With a third pepper the hashes of the first find nothing, and those of the second still do."""
        self.do(store.put, _PUBLISHED)
        for number in (1, 2, 3):
            self._rotate(store, number)
        found = [self.do(store.look_up, number, [hashed(MAIL, f"pepper{number}")]) for number in (2, 3)]
        assert found == [{hashed(MAIL, f"pepper{number}"): ALICE} for number in (2, 3)]
        assert self.do(store.look_up, 3, [hashed(MAIL, "pepper1")]) == {}

    def _rotate(self, store: AssociationStore, number: int) -> None:
        assert self.do(store.add_pepper, _pepper(number)) is True
        while self.do(store.rehash, 10):
            pass

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
