"""``AccountsContract``: the promises of the port ``Accounts``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import pytest

from ...model.threepid import AccountThreepid, AddOutcome, Medium, Threepid
from ...ports import Accounts
from .base import Contract

NOW = 1_700_000_000_000
_THREADS = 10


def held(address: str = "alice@example.org", medium: Medium = Medium.EMAIL, **times: int) -> AccountThreepid:
    """Return an identifier in the form that is put on an account."""
    times = {"validated_at": NOW - 1000, "added_at": NOW, **times}
    return AccountThreepid(medium=medium, address=address, spelling=address.title(), **times)


class AccountsContract(Contract):
    """The contract of ``Accounts``.

    * ``accounts`` (fixture): ``Accounts`` on which ``alice`` and ``bob`` exist and have no identifiers.
    * ``deactivate(accounts, user_id)`` (method, optional): deactivates an account as the host does.
    """

    alice: str = "@alice:hs.example.org"
    bob: str = "@bob:hs.example.org"
    deactivate: ClassVar[Callable[[Any, str], Awaitable[object]] | None] = None

    def test_an_identifier_is_put_on_an_account(self, accounts: Accounts) -> None:
        """An added identifier is listed with its times, and ``owner`` returns its user."""
        added = held()
        assert self._add(accounts, self.alice, added) is AddOutcome.ADDED
        (listed,) = self.do(accounts.list, self.alice)
        assert (listed.threepid, listed.validated_at, listed.added_at) == (added.threepid, NOW - 1000, NOW)
        owner = self.do(accounts.owner, added.threepid)
        assert owner is not None
        assert owner.user_id == self.alice
        assert {listed.spelling, owner.spelling} <= {added.spelling, None}

    def test_identifiers_are_listed_in_the_order_they_were_added(self, accounts: Accounts) -> None:
        """The order is the host's own, whatever the addresses and times look like."""
        addresses = ["m@example.org", "z@example.org", "a@example.org"]
        for address in addresses:
            self._add(accounts, self.alice, held(address))
        assert self._listed(accounts, self.alice) == addresses
        assert self._listed(accounts, self.bob) == []

    def test_an_identifier_of_another_account_is_refused(self, accounts: Accounts) -> None:
        """An identifier has one owner: a second user gets ``TAKEN``, and nothing changes."""
        self._add(accounts, self.alice, held())
        assert self._add(accounts, self.bob, held()) is AddOutcome.TAKEN
        assert self._listed(accounts, self.alice) == ["alice@example.org"]
        assert self._listed(accounts, self.bob) == []

    def test_adding_again_changes_nothing(self, accounts: Accounts) -> None:
        """Adding an identifier again returns ``ALREADY_YOURS``, and it is listed once."""
        self._add(accounts, self.alice, held())
        assert self._add(accounts, self.alice, held()) is AddOutcome.ALREADY_YOURS
        assert self._listed(accounts, self.alice) == ["alice@example.org"]

    @pytest.mark.parametrize(
        "other",
        [
            held("alice@example.com"),
            held("alice_example.org"),
            held("447700900001", Medium.MSISDN),
            held("alice@example.org", Medium.MSISDN),
        ],
    )
    def test_identifiers_are_kept_apart(self, accounts: Accounts, other: AccountThreepid) -> None:
        """Medium and address together make an identifier."""
        self._add(accounts, self.alice, held())
        assert self.do(accounts.owner, other.threepid) is None
        assert self.do(accounts.remove, self.alice, other.threepid) is False
        assert self._add(accounts, self.bob, other) is AddOutcome.ADDED

    def test_an_identifier_is_taken_off_its_account(self, accounts: Accounts) -> None:
        """``remove`` returns whether the identifier was there; afterwards any user can add it."""
        self._add(accounts, self.alice, held())
        self._add(accounts, self.alice, held("second@example.org"))
        removed = [self.do(accounts.remove, self.alice, held().threepid) for _ in range(2)]
        assert removed == [True, False]
        assert self.do(accounts.owner, held().threepid) is None
        assert self._listed(accounts, self.alice) == ["second@example.org"]
        assert self._add(accounts, self.bob, held()) is AddOutcome.ADDED

    def test_nobody_takes_what_is_anothers(self, accounts: Accounts) -> None:
        """``remove`` removes an identifier from the given account only."""
        self._add(accounts, self.alice, held())
        assert self.do(accounts.remove, self.bob, held().threepid) is False
        assert self._listed(accounts, self.alice) == ["alice@example.org"]

    def test_what_nobody_has_is_nobodys(self, accounts: Accounts) -> None:
        """What is absent is ``None``, ``False`` or an empty list, never an exception."""
        threepid = Threepid(Medium.EMAIL, "nobody@example.org")
        assert self.do(accounts.owner, threepid) is None
        assert self.do(accounts.remove, self.alice, threepid) is False
        assert list(self.do(accounts.list, self.alice)) == []

    def test_a_deactivated_account_owns_nothing(self, accounts: Accounts) -> None:
        """The identifiers of a deactivated account have no owner."""
        deactivate = type(self).deactivate
        if deactivate is None:
            pytest.skip("no way to deactivate an account was given")
        self._add(accounts, self.alice, held())
        self.do(deactivate, accounts, self.alice)
        assert self.do(accounts.owner, held().threepid) is None

    def test_parallel_adds_have_one_winner(self, accounts: Accounts) -> None:
        """Of two users who add one identifier from many threads, one gets it and the other gets ``TAKEN``."""
        users = [self.alice, self.bob] * _THREADS
        outcomes = self.together([(accounts.add, user, held()) for user in users])
        owner = self.do(accounts.owner, held().threepid)
        assert owner is not None
        assert outcomes.count(AddOutcome.ADDED) == 1
        assert {user for user, outcome in zip(users, outcomes, strict=True) if outcome is not AddOutcome.TAKEN} == {
            owner.user_id
        }
        assert [len(self._listed(accounts, user)) for user in (owner.user_id, *({*users} - {owner.user_id}))] == [1, 0]

    def _add(self, accounts: Accounts, user: str, threepid: AccountThreepid) -> AddOutcome:
        return self.do(accounts.add, user, threepid)

    def _listed(self, accounts: Accounts, user: str) -> list[str]:
        return [each.address for each in self.do(accounts.list, user)]
