"""``SessionStoreContract``: the promises of the port ``SessionStore``."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from ...model.lifetimes import Lifetimes
from ...model.session import Session
from ...model.threepid import Medium, Purpose, Threepid
from ...ports import SessionStore
from .base import Contract
from .values import CHANGES, NOW, session

_THREADS = 8
_ROUNDS = 8
"""How often tests with threads are repeated, since calls run at the same time only by chance."""


class SessionStoreContract(Contract):
    """The contract of ``SessionStore``.

    * ``store`` (fixture): an empty ``SessionStore``.
    * ``unsupported`` may name ``purge``: expired sessions are deleted by the back end itself.
    """

    abilities = ("purge",)

    # -- open, get, find ----------------------------------------------------------------------------

    def test_a_session_comes_back_as_it_was_opened(self, store: SessionStore) -> None:
        """Every field is stored when a session is opened, whatever its value."""
        opened = {name: session(name, **change) for name, change in CHANGES.items()}
        assert {name: self.do(store.open, each) for name, each in opened.items()} == opened
        assert {name: self.do(store.get, name) for name in opened} == opened

    def test_a_taken_slot_answers_its_holder(self, store: SessionStore) -> None:
        """Opening a session in a taken slot returns the holder as it is stored now, and stores nothing."""
        holder = self.do(store.open, session("a")).guessed()
        self.do(store.replace, holder)
        assert self.do(store.open, session("b", slot="slot-a")) == holder
        assert self.do(store.get, "b") is None

    def test_sessions_are_found_by_their_slot(self, store: SessionStore) -> None:
        """``find`` returns the session that has the slot, with all that was changed since."""
        changed = self._opened(store, session("a"), session("b"))[0].guessed()
        self.do(store.replace, changed)
        assert self.do(store.find, "slot-a") == changed
        assert self.do(store.find, "slot-b") == session("b")

    def test_sessions_without_a_slot_hold_none(self, store: SessionStore) -> None:
        """Any number of sessions may have no slot."""
        both = self._opened(store, session("a", slot=None), session("b", slot=None))
        assert [self.do(store.get, sid) for sid in "ab"] == both

    @pytest.mark.parametrize("key", ["b", "A", "", "a ", "%", "_", "slot-A"])
    def test_absence_is_none(self, store: SessionStore, key: str) -> None:
        """A key that is not stored, character by character, returns ``None``."""
        self._opened(store, session("a"))
        assert self.do(store.get, key) is None
        assert self.do(store.find, key) is None

    # -- replace ------------------------------------------------------------------------------------

    def test_every_changed_field_comes_back(self, store: SessionStore) -> None:
        """A swap changes whatever differs, and nothing else."""
        bystander = self._opened(store, session("bystander"), *map(session, CHANGES))[0]
        changed = {name: session(name, **change, revision=1) for name, change in CHANGES.items()}
        assert [name for name, each in changed.items() if self.do(store.replace, each) is not True] == []
        assert {name: self.do(store.get, name) for name in changed} == changed
        assert self.do(store.get, "bystander") == bystander

    @pytest.mark.parametrize("revision", [0, 1, 2, 4])
    def test_only_the_next_revision_fits(self, store: SessionStore, revision: int) -> None:
        """A swap of any revision but the next is refused and changes nothing."""
        stored = session("a", revision=2)
        self._opened(store, stored)
        assert self.do(store.replace, evolve(stored, guesses=9, revision=revision)) is False
        assert self.do(store.get, "a") == stored

    def test_what_is_not_stored_cannot_be_swapped(self, store: SessionStore) -> None:
        """``replace`` never inserts."""
        assert self.do(store.replace, session("a", revision=1)) is False
        assert self.do(store.get, "a") is None

    @pytest.mark.parametrize("over", [Session.end, lambda held: held.consume(NOW)])
    def test_a_session_that_is_over_frees_its_slot(self, store: SessionStore, over: Any) -> None:
        """A slot that was freed can be taken by another session, and the earlier session stays stored."""
        ended = over(self._opened(store, session("a"))[0])
        self.do(store.replace, ended)
        assert self.do(store.find, "slot-a") is None
        successor = session("b", slot="slot-a")
        assert self.do(store.open, successor) == successor
        assert [self.do(store.get, sid) for sid in "ab"] == [ended, successor]
        assert self.do(store.find, "slot-a") == successor

    # -- lease_due ----------------------------------------------------------------------------------

    def test_due_messages_are_taken_oldest_first(self, store: SessionStore) -> None:
        """Sessions that are due at ``now`` or earlier are leased and returned, in order of ``due_at``, each once."""
        times = {"a": NOW, "b": NOW - 2, "c": NOW + 1, "d": None, "e": NOW - 1}
        held = {sid: session(sid, due_attempt=1, due_at=at) for sid, at in times.items()}
        self._opened(store, *held.values())
        expected = [held[sid].lease(NOW + 5) for sid in "bea"]
        assert [self.do(store.lease_due, NOW, NOW + 5, Medium.EMAIL) for _ in range(4)] == [*expected, None]
        assert [self.do(store.get, sid) for sid in "bea"] == expected
        assert [self.do(store.get, sid) for sid in "cd"] == [held["c"], held["d"]]

    def test_each_medium_has_a_queue_of_its_own(self, store: SessionStore) -> None:
        """Leasing for one medium leaves the sessions of the others due, also those that have waited longer."""
        phone = Threepid(Medium.MSISDN, "447700900123")
        held = [session("a", due_attempt=1, due_at=NOW - 1, threepid=phone), session("b", due_attempt=1, due_at=NOW)]
        self._opened(store, *held)
        assert self.do(store.lease_due, NOW, NOW + 5, Medium.EMAIL) == held[1].lease(NOW + 5)
        assert self.do(store.lease_due, NOW, NOW + 5, Medium.EMAIL) is None
        assert self.do(store.lease_due, NOW, NOW + 5, Medium.MSISDN) == held[0].lease(NOW + 5)

    def test_what_was_taken_is_due_again_later(self, store: SessionStore) -> None:
        """A leased session that is not changed is due again from ``until`` on, not one ms earlier."""
        (waiting,) = self._opened(store, session("a", due_attempt=1, due_at=NOW))
        assert self.do(store.lease_due, NOW, NOW + 5, Medium.EMAIL) == waiting.lease(NOW + 5)
        assert self.do(store.lease_due, NOW + 4, NOW + 9, Medium.EMAIL) is None
        assert self.do(store.lease_due, NOW + 5, NOW + 9, Medium.EMAIL) == waiting.lease(NOW + 5).lease(NOW + 9)

    def test_what_is_done_is_not_due(self, store: SessionStore) -> None:
        """A session whose message was sent, put off or given up is not due; it may become due again."""
        lifetimes = Lifetimes()
        waiting = [session(sid, due_attempt=1, due_at=NOW) for sid in "abcd"]
        self._opened(store, *waiting)
        for changed in (waiting[0].sent(), waiting[1].lease(NOW + 1), waiting[2].lease(None)):
            self.do(store.replace, changed)
        assert self._due(store) == ["d"]
        again = waiting[0].sent().begin_send(2, NOW, NOW - 1, lifetimes)
        assert again is not None
        self.do(store.replace, again)
        assert self._due(store) == ["a"]

    # -- of_owner, of_threepid ----------------------------------------------------------------------

    def test_sessions_are_listed_by_owner(self, store: SessionStore) -> None:
        """``of_owner`` lists the sessions that this user opened."""
        owners = {"a": "@alice:x", "b": "@bob:x", "c": None, "d": "@alice:x", "e": "@ALICE:x"}
        self._opened(store, *(session(sid, owner=owner) for sid, owner in owners.items()))
        assert _sids(self.do(store.of_owner, "@alice:x")) == {"a", "d"}
        assert not self.do(store.of_owner, "@carol:x")

    def test_sessions_are_listed_by_identifier_and_purpose(self, store: SessionStore) -> None:
        """``of_threepid`` compares medium, address and purpose character by character."""
        mail, number = Threepid(Medium.EMAIL, "447700900001"), Threepid(Medium.MSISDN, "447700900001")
        self._opened(
            store,
            session("a", threepid=mail),
            session("b", threepid=number),
            session("c", threepid=mail, purpose=Purpose.PASSWORD),
            session("d", threepid=Threepid(Medium.EMAIL, "44770090000_")),
            session("e", threepid=mail),
        )
        assert _sids(self.do(store.of_threepid, mail, Purpose.ADD)) == {"a", "e"}
        assert _sids(self.do(store.of_threepid, number, Purpose.ADD)) == {"b"}
        assert _sids(self.do(store.of_threepid, mail, Purpose.PASSWORD)) == {"c"}
        assert not self.do(store.of_threepid, mail, Purpose.REGISTER)

    @pytest.mark.parametrize("over", [Session.end, lambda held: held.consume(NOW)])
    def test_sessions_that_are_over_are_not_listed(self, store: SessionStore, over: Any) -> None:
        """Neither list has a session that has ended or was consumed; expired ones may be listed."""
        one, other = self._opened(store, session("a", owner="@alice:x"), session("b", owner="@alice:x"))
        self.do(store.replace, over(one))
        assert list(self.do(store.of_owner, "@alice:x")) == [other]
        assert list(self.do(store.of_threepid, one.threepid, Purpose.ADD)) == [other]

    # -- erase --------------------------------------------------------------------------------------

    def test_erasing_takes_all_of_a_user(self, store: SessionStore) -> None:
        """Deleted are the user's sessions, and sessions without an owner for the user's addresses, and no others."""
        number = Threepid(Medium.MSISDN, "alice@example.org")
        other = Threepid(Medium.EMAIL, "other@example.org")
        self._opened(
            store,
            session("a", owner="@alice:x", threepid=other),
            session("b", owner="@alice:x", ended=True),
            session("c", consumed_at=NOW),
            session("d", purpose=Purpose.PASSWORD),
            session("e", owner="@bob:x"),
            session("f", threepid=number),
            session("g", threepid=other),
        )
        assert self.do(store.erase, "@alice:x", [session("a").threepid]) == 4
        assert [sid for sid in "abcdefg" if self.do(store.get, sid)] == ["e", "f", "g"]
        assert self.do(store.open, session("h", slot="slot-a")).sid == "h"
        assert self.do(store.erase, "@alice:x", []) == 0

    # -- purge --------------------------------------------------------------------------------------

    def test_a_purge_takes_what_expired_and_no_more(self, store: SessionStore) -> None:
        """Only sessions that expired before the given time are deleted, with all their index entries."""
        self.need("purge")
        times = {"a": NOW - 1, "b": NOW, "c": NOW + 1}
        self._opened(store, *(session(sid, expires_at=at, owner="@a:x", due_at=0) for sid, at in times.items()))
        assert self.do(store.purge, NOW, 10) == 1
        assert self.do(store.get, "a") is None
        assert self.do(store.find, "slot-a") is None
        assert _sids(self.do(store.of_owner, "@a:x")) == {"b", "c"} == {*self._due(store)}
        assert self.do(store.purge, NOW, 10) == 0

    def test_a_purge_is_bounded(self, store: SessionStore) -> None:
        """At most ``limit`` sessions are deleted at once; the returned count is the number deleted."""
        self.need("purge")
        self._opened(store, *(session(sid, expires_at=NOW - 1) for sid in "abcde"))
        assert [self.do(store.purge, NOW, 2) for _ in range(4)] == [2, 2, 1, 0]
        assert [self.do(store.get, sid) for sid in "abcde"] == [None] * 5

    def test_a_purge_frees_slots(self, store: SessionStore) -> None:
        """The slot of a purged session can be opened again."""
        self.need("purge")
        self._opened(store, session("a", expires_at=NOW - 1))
        self.do(store.purge, NOW, 1)
        assert self.do(store.open, session("b", slot="slot-a")).sid == "b"

    # -- threads ------------------------------------------------------------------------------------

    def test_parallel_opens_have_one_winner(self, store: SessionStore) -> None:
        """Parallel opens of one slot return the same session."""
        sids = [f"{number}" for number in range(_THREADS)]
        given = self.together([(store.open, session(sid, slot="slot")) for sid in sids])
        assert len(_sids(given)) == 1
        assert [sid for sid in sids if self.do(store.get, sid)] == [given[0].sid]

    def test_parallel_swaps_have_one_winner(self, store: SessionStore) -> None:
        """Of several parallel swaps from one revision, one is stored and returns ``True``."""
        self._opened(store, session("a"))
        for revision in range(1, _ROUNDS + 1):
            swaps = [session("a", guesses=number, revision=revision) for number in range(_THREADS)]
            held = self.together([(store.replace, swap) for swap in swaps])
            assert sorted(held) == [False] * (_THREADS - 1) + [True]
            assert self.do(store.get, "a") == swaps[held.index(True)]

    def test_parallel_takes_share_the_work(self, store: SessionStore) -> None:
        """Parallel leases return different sessions, as long as there are some."""
        sids = [f"{number}" for number in range(_THREADS - 3)]
        self._opened(store, *(session(sid, due_attempt=1, due_at=NOW) for sid in sids))
        taken = self.together([(store.lease_due, NOW, NOW + 1, Medium.EMAIL)] * _THREADS)
        assert sorted(each.sid for each in taken if each is not None) == sids

    def test_parallel_purges_count_each_session_once(self, store: SessionStore) -> None:
        """Parallel purges count each row once."""
        self.need("purge")
        self._opened(store, *(session(f"{number}", expires_at=NOW - 1) for number in range(_THREADS)))
        assert sum(self.together([(store.purge, NOW, _THREADS)] * _THREADS)) == _THREADS

    def _due(self, store: SessionStore) -> list[str]:
        """Lease all that is due; return the sids, oldest first."""
        taken = [self.do(store.lease_due, NOW, NOW + 1, Medium.EMAIL) for _ in range(_THREADS)]
        return [each.sid for each in taken if each is not None]

    def _opened(self, store: SessionStore, *wanted: Session) -> list[Session]:
        return [self.do(store.open, each) for each in wanted]


def _sids(sessions: Any) -> set[str]:
    return {each.sid for each in sessions}
