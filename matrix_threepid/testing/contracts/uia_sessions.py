"""``UiaSessionStoreContract``: the promises of the port ``UiaSessionStore``."""

from __future__ import annotations

from attrs import evolve

from ...model.uia_session import UiaSession
from ...ports import UiaSessionStore
from .base import Contract

_NOW = 1_700_000_000_000
_THREADS = 8
_SESSION = UiaSession(id="a-session", subject="a MAC", kept='{"username": "ä\\u0000"}', expires_at=_NOW)


class UiaSessionStoreContract(Contract):
    """The contract of ``UiaSessionStore``.

    * ``store`` (fixture): an empty store.
    """

    def test_a_session_comes_back_as_it_was(self, store: UiaSessionStore) -> None:
        """Every field survives; an unknown id is ``None``."""
        full = _SESSION.bind({"username": "carol"}, "a hash").complete("m.login.dummy", None, _NOW)
        full = full.begin("@carol:hs.example.org", "DEVICE").finish(_NOW, 1)
        self.do(store.open, full)
        assert self.do(store.get, full.id) == full
        assert self.do(store.get, "another") is None

    def test_a_session_is_replaced_by_its_next_revision_only(self, store: UiaSessionStore) -> None:
        """Another revision, or an unknown session, is not stored."""
        self.do(store.open, _SESSION)
        next_one = _SESSION.complete("m.login.dummy", None, _NOW)
        assert self.do(store.replace, evolve(next_one, revision=2)) is False
        assert self.do(store.replace, evolve(next_one, id="another")) is False
        assert self.do(store.get, _SESSION.id) == _SESSION
        assert self.do(store.replace, next_one) is True
        assert self.do(store.get, _SESSION.id) == next_one
        assert self.do(store.replace, next_one) is False

    def test_one_of_parallel_replacements_is_stored(self, store: UiaSessionStore) -> None:
        """Of several parallel replacements of one revision, one returns ``True``."""
        self.do(store.open, _SESSION)
        wanted = [_SESSION.begin(f"@user{number}:x", None) for number in range(_THREADS)]
        stored = self.together([(store.replace, each) for each in wanted])
        assert sorted(stored) == [False] * (_THREADS - 1) + [True]

    def test_what_is_over_is_purged(self, store: UiaSessionStore) -> None:
        """Sessions that expired before the time are deleted, no more than the limit, and no other."""
        for number in range(5):
            self.do(store.open, evolve(_SESSION, id=f"old{number}", expires_at=_NOW - 1))
        self.do(store.open, _SESSION)
        assert [self.do(store.purge, _NOW, limit) for limit in (2, 10, 10)] == [2, 3, 0]
        assert self.do(store.get, _SESSION.id) == _SESSION
