"""``LoginStoreContract``: the promises of the port ``LoginStore``."""

from __future__ import annotations

import pytest

from ...model.login import Login
from ...ports import LoginStore
from .base import Contract
from .values import NOW

ALICE, BOB = "@alice:hs.example.org", "@bob:hs.example.org"
_MOST = 3
_THREADS = 8


class LoginStoreContract(Contract):
    """The contract of ``LoginStore``.

    * ``store`` (fixture): an empty ``LoginStore``.
    """

    @pytest.mark.parametrize("login", [Login("mac", ALICE, NOW), Login("M-_c", "@zoë'?%s:x", 0)], ids=str)
    def test_a_login_comes_back_as_it_was_put(self, store: LoginStore, login: Login) -> None:
        """Every field is stored, and found by its MAC among two."""
        self.do(store.put, login, _MOST)
        for macs in ([login.token_mac], [login.token_mac, "other"], ["other", login.token_mac]):
            assert self.do(store.find, macs) == login

    @pytest.mark.parametrize("other", ["MAC", "mac ", "", "%", "m_c"])
    def test_macs_are_kept_apart(self, store: LoginStore, other: str) -> None:
        """MACs are compared character by character."""
        self.do(store.put, Login("mac", ALICE, NOW), _MOST)
        assert self.do(store.find, [other]) is None
        assert self.do(store.end, [other, other]) == 0
        assert self.do(store.find, ["mac"]) is not None

    def test_the_newest_of_a_user_stay(self, store: LoginStore) -> None:
        """Of a user only so many logins stay, the newest; those of others are not counted."""
        self.do(store.put, Login("bob", BOB, 0), _MOST)
        for number in (2, 1, 4, 3, 5):
            self.do(store.put, Login(f"mac{number}", ALICE, NOW + number), _MOST)
        left = [number for number in range(1, 6) if self.do(store.find, [f"mac{number}"])]
        assert left == [3, 4, 5]
        assert self.do(store.find, ["bob"]) is not None

    def test_what_has_ended_is_gone(self, store: LoginStore) -> None:
        """A login is ended once; others stay."""
        for mac in ("one", "two"):
            self.do(store.put, Login(mac, ALICE, NOW), _MOST)
        assert [self.do(store.end, ["one"]), self.do(store.end, ["one", "one"])] == [1, 0]
        assert self.do(store.find, ["one"]) is None
        assert self.do(store.find, ["two"]) is not None

    def test_documents_are_accepted_once(self, store: LoginStore) -> None:
        """A document is listed once, however often it is accepted, and for its own user only."""
        assert list(self.do(store.accepted, ALICE)) == []
        self.do(store.accept, ALICE, ["privacy 1", "terms 1"], NOW)
        self.do(store.accept, ALICE, ["privacy 1", "privacy 2"], NOW + 1)
        assert sorted(self.do(store.accepted, ALICE)) == ["privacy 1", "privacy 2", "terms 1"]
        assert list(self.do(store.accepted, ALICE.upper())) == []

    def test_old_logins_are_purged(self, store: LoginStore) -> None:
        """The oldest before a time are deleted, up to a number; younger ones stay."""
        for number in range(4):
            self.do(store.put, Login(f"mac{number}", f"@user{number}:x", NOW + number), _MOST)
        assert [self.do(store.purge, NOW + 3, 2), self.do(store.purge, NOW + 3, 9)] == [2, 1]
        assert self.do(store.find, ["mac3"]) is not None

    def test_parallel_ends_count_once(self, store: LoginStore) -> None:
        """Of several parallel ends of one login, one counts it."""
        self.do(store.put, Login("mac", ALICE, NOW), _MOST)
        assert sorted(self.together([(store.end, ["mac"])] * _THREADS)) == [0] * (_THREADS - 1) + [1]
