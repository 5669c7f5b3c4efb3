"""``InvitationStoreContract``: the promises of the port ``InvitationStore``."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from ...model.invitation import Invitation
from ...model.onbind import Onbind
from ...model.threepid import Medium, Threepid
from ...ports import InvitationStore
from .base import Contract
from .values import NOW

MAIL = Threepid(Medium.EMAIL, "alice@example.org")
_SENT = Invitation("token", MAIL, "!room:x", "@bob:hs.example.org", "k+/", "hash", NOW)
_MOST = 3
_THREADS = 8
_OTHERS = (
    Threepid(Medium.MSISDN, MAIL.address),
    Threepid(Medium.EMAIL, "Alice@example.org"),
    Threepid(Medium.EMAIL, "alice_example.org"),
    Threepid(Medium.EMAIL, "Zoë 'x' \"y\" ? %s $1@example.org"),
)


def _named(token: str, **changed: Any) -> Invitation:
    return evolve(_SENT, **{"token": token, **changed})


def _onbind(threepid: Threepid, due_at: int = NOW, **changed: Any) -> Onbind:
    return evolve(Onbind.of(threepid, "@alice:hs.example.org", NOW, due_at), **changed)


class InvitationStoreContract(Contract):
    """The contract of ``InvitationStore``.

    * ``store`` (fixture): an empty ``InvitationStore``.
    """

    @pytest.mark.parametrize(
        "changed", [{}, {"room_id": "!zoë'?%s:x", "sender": '@"?%s:x'}, {"created_at": 0, "delivered_at": NOW}], ids=str
    )
    def test_an_invitation_comes_back_as_it_was_put(self, store: InvitationStore, changed: dict[str, Any]) -> None:
        """Every field is stored; another token finds nothing."""
        invitation = evolve(_SENT, **changed)
        assert self.do(store.put, invitation, _MOST) is True
        assert self.do(store.get, "token") == invitation
        assert self.do(store.get, "Token") is None

    def test_so_many_wait_for_an_address(self, store: InvitationStore) -> None:
        """One more than ``most`` is not stored; delivered ones, and those of other addresses, do not count."""
        self.do(store.put, _named("delivered", delivered_at=NOW), _MOST)
        for number in range(_MOST):
            assert self.do(store.put, _named(f"{number}"), _MOST) is True
        assert self.do(store.put, _named("more"), _MOST) is False
        assert self.do(store.get, "more") is None
        for number, other in enumerate(_OTHERS):
            assert self.do(store.put, _named(f"other{number}", threepid=other), 1) is True

    def test_keys_of_invitations_are_known(self, store: InvitationStore) -> None:
        """A key is known as long as its invitation is there, and compared character by character."""
        self.do(store.put, _SENT, _MOST)
        assert [self.do(store.has_key, key) for key in ("k+/", "K+/", "", "%")] == [True, False, False, False]
        self.do(store.remove, "token")
        assert self.do(store.has_key, "k+/") is False

    def test_what_is_removed_is_gone(self, store: InvitationStore) -> None:
        """Removing deletes one invitation, and says whether there was one."""
        self.do(store.put, _SENT, _MOST)
        self.do(store.put, _named("other"), _MOST)
        assert [self.do(store.remove, "token") for _ in range(2)] == [True, False]
        assert self.do(store.get, "token") is None
        assert self.do(store.get, "other") is not None

    def test_an_address_is_stopped_alone(self, store: InvitationStore) -> None:
        """Stopping holds for one address, may be repeated, and leaves invitations that wait."""
        self.do(store.put, _SENT, _MOST)
        assert self.do(store.is_stopped, MAIL) is False
        for now in (NOW, NOW + 1):
            self.do(store.stop, MAIL, now)
        assert self.do(store.is_stopped, MAIL) is True
        assert [self.do(store.is_stopped, other) for other in _OTHERS] == [False] * len(_OTHERS)
        assert self.do(store.get, "token") == _SENT

    def test_old_invitations_are_purged(self, store: InvitationStore) -> None:
        """The oldest before a time are deleted, up to a number; younger ones stay."""
        for number in (2, 0, 3, 1):
            self.do(store.put, _named(f"{number}", created_at=NOW + number), 9)
        assert self.do(store.purge, NOW + 3, 2) == 2
        assert [self.do(store.get, f"{number}") is None for number in range(4)] == [True, True, False, False]
        assert self.do(store.purge, NOW + 3, 9) == 1
        assert self.do(store.get, "3") is not None

    def test_what_waits_is_listed_until_it_is_delivered(self, store: InvitationStore) -> None:
        """The invitations of an address are listed, the oldest first; what was delivered stays with its key."""
        for number in (2, 0, 1):
            self.do(store.put, _named(f"{number}", created_at=NOW + number, public_key=f"key{number}"), 9)
        self.do(store.put, _named("other", threepid=_OTHERS[1]), 9)
        assert [each.token for each in self.do(store.waiting, MAIL)] == ["0", "1", "2"]
        self.do(store.deliver, ["0", "2", "unknown"], NOW + 9)
        assert [each.token for each in self.do(store.waiting, MAIL)] == ["1"]
        assert self.do(store.get, "2") == _named("2", created_at=NOW + 2, public_key="key2", delivered_at=NOW + 9)
        assert self.do(store.has_key, "key2") is True

    def test_what_is_due_is_leased_once(self, store: InvitationStore) -> None:
        """A worker gets the row that has been due longest, as changed by its lease; no other gets it meanwhile."""
        late, early = _onbind(MAIL, due_at=NOW), _onbind(_OTHERS[1], due_at=NOW - 1)
        for row in (late, early):
            assert self.do(store.announce, row, 9) is True
        assert self.do(store.lease_due, NOW - 2, NOW + 5, ()) is None
        assert self.do(store.lease_due, NOW, NOW + 5, ()) == early.lease(NOW + 5)
        assert self.do(store.lease_due, NOW, NOW + 5, ()) == late.lease(NOW + 5)
        assert self.do(store.lease_due, NOW, NOW + 5, ()) is None
        assert self.do(store.lease_due, NOW + 5, NOW + 9, ()) is not None

    def test_servers_that_are_skipped_are_not_leased(self, store: InvitationStore) -> None:
        """A worker may leave out servers, by their whole name."""
        self.do(store.announce, _onbind(MAIL, server="hs.example.org"), 9)
        assert self.do(store.lease_due, NOW, NOW + 5, ("hs.example.org", "other")) is None
        assert self.do(store.lease_due, NOW, NOW + 5, ("hs.example",)) is not None

    def test_an_address_is_told_of_once(self, store: InvitationStore) -> None:
        """What is to be told of an address is replaced, by a row that workers with an older one do not change."""
        first, second = _onbind(MAIL), _onbind(MAIL, user_id="@zoë'?%s:x", server="x")
        self.do(store.announce, first, 9)
        self.do(store.announce, second, 9)
        assert self.do(store.forget, first) is False
        assert self.do(store.replace, first.lease(NOW + 5)) is False
        leased = self.do(store.lease_due, NOW, NOW + 5, ())
        assert leased is not None
        assert (leased.user_id, leased.server, leased.attempts) == (second.user_id, "x", 0)
        assert self.do(store.replace, leased.lease(NOW)) is True
        assert [self.do(store.forget, leased.lease(NOW)) for _ in range(2)] == [True, False]

    def test_so_many_wait_for_a_server(self, store: InvitationStore) -> None:
        """One more than ``most`` of a server is not stored; an address that waits already is replaced all the same."""
        for other in _OTHERS[:2]:
            assert self.do(store.announce, _onbind(other), 2) is True
        assert self.do(store.announce, _onbind(MAIL), 2) is False
        assert self.do(store.announce, _onbind(_OTHERS[1]), 2) is True
        assert self.do(store.announce, _onbind(MAIL, server="other"), 2) is True

    def test_parallel_leases_take_different_rows(self, store: InvitationStore) -> None:
        """Of several workers at once each leases a row of its own, and the rest none."""
        for other in _OTHERS:
            self.do(store.announce, _onbind(other), 9)
        found = self.together([(store.lease_due, NOW, NOW + 5, ())] * _THREADS)
        leased = [each.id for each in found if each is not None]
        assert len(leased) == len(set(leased))
