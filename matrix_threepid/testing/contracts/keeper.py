"""``AccountKeeperContract``: the promises of the port ``AccountKeeper``."""

from __future__ import annotations

import pytest

from ...model.threepid import AccountThreepid, Medium
from ...ports import AccountKeeper, Accounts
from ...protocol.errors import InvalidUsername, ThreepidInUse, UserInUse
from .base import Contract

_PASSWORD, _OTHER = "correct horse battery staple", "another long password, too"
_HELD = AccountThreepid(medium=Medium.EMAIL, address="carol@example.org", validated_at=1, added_at=2)
_THREADS = 8


class AccountKeeperContract(Contract):
    """The contract of ``AccountKeeper``.

    * ``keeper`` (fixture): the ``AccountKeeper``, without accounts.
    * ``accounts`` (fixture): the ``Accounts`` of the same host.
    """

    def made(self, keeper: AccountKeeper, name: str = "carol", *held: AccountThreepid) -> str:
        """Make an account with the usual password; return its user id."""
        user_id = self.do(keeper.new_user_id, name)
        self.do(keeper.create, user_id, self.do(keeper.hash_password, _PASSWORD), held)
        return user_id

    def test_an_account_has_its_password_and_identifiers(self, keeper: AccountKeeper, accounts: Accounts) -> None:
        """What an account was made with is there, and only its password fits."""
        user_id = self.made(keeper, "carol", _HELD)
        assert self.do(accounts.list, user_id) == [_HELD]
        assert self.do(keeper.password_fits, user_id, _PASSWORD) is True
        assert self.do(keeper.password_fits, user_id, _OTHER) is False
        assert self.do(keeper.password_fits, "@nobody:hs.example.org", _PASSWORD) is False

    def test_a_name_is_for_one_account(self, keeper: AccountKeeper) -> None:
        """The name of an account cannot be had again, whether it is asked for or made."""
        user_id = self.made(keeper)
        with pytest.raises(UserInUse):
            self.do(keeper.new_user_id, "carol")
        with pytest.raises(UserInUse):
            self.do(keeper.create, user_id, self.do(keeper.hash_password, _OTHER), ())
        assert self.do(keeper.password_fits, user_id, _PASSWORD) is True

    @pytest.mark.parametrize("name", ["Not A Name", "ü", ""])
    def test_a_name_has_its_grammar(self, keeper: AccountKeeper, name: str) -> None:
        """A local part that breaks the grammar is refused, or the host chooses another name."""
        try:
            user_id = self.do(keeper.new_user_id, name)
        except InvalidUsername:
            return
        assert not user_id.startswith(f"@{name}:")

    def test_a_host_chooses_different_names(self, keeper: AccountKeeper) -> None:
        """Without a wanted name each account gets one of its own."""
        first = self.do(keeper.new_user_id, None)
        self.do(keeper.create, first, self.do(keeper.hash_password, _PASSWORD), ())
        assert self.do(keeper.new_user_id, None) != first

    def test_an_identifier_of_another_account_makes_none(self, keeper: AccountKeeper, accounts: Accounts) -> None:
        """Account and identifiers come together: with one that is taken there is no account."""
        self.made(keeper, "carol", _HELD)
        with pytest.raises(ThreepidInUse):
            self.made(keeper, "dave", _HELD)
        assert self.do(keeper.new_user_id, "dave").startswith("@dave:")
        owner = self.do(accounts.owner, _HELD.threepid)
        assert owner is not None and owner.user_id.startswith("@carol:")

    def test_of_parallel_accounts_with_one_name_one_is_made(self, keeper: AccountKeeper) -> None:
        """Of several parallel calls with one user id, one makes the account."""
        user_id = self.do(keeper.new_user_id, "carol")
        hashed = self.do(keeper.hash_password, _PASSWORD)

        async def attempt() -> bool:
            try:
                await keeper.create(user_id, hashed, ())
            except UserInUse:
                return False
            return True

        assert sorted(self.together([(attempt,)] * _THREADS)) == [False] * (_THREADS - 1) + [True]

    def test_a_hash_fits_its_password_only(self, keeper: AccountKeeper) -> None:
        """A hash does not hold the password, and fits no other one."""
        hashed = self.do(keeper.hash_password, _PASSWORD)
        assert _PASSWORD not in hashed
        assert self.do(keeper.hash_fits, _PASSWORD, hashed) is True
        assert self.do(keeper.hash_fits, _OTHER, hashed) is False

    def test_a_password_is_replaced(self, keeper: AccountKeeper) -> None:
        """After a change the new password fits, and the old one does not."""
        user_id = self.made(keeper)
        self.do(keeper.set_password, user_id, self.do(keeper.hash_password, _OTHER))
        assert self.do(keeper.password_fits, user_id, _OTHER) is True
        assert self.do(keeper.password_fits, user_id, _PASSWORD) is False

    def test_log_ins_have_tokens(self, keeper: AccountKeeper) -> None:
        """A log-in has an access token; one of the same device again is a success."""
        user_id = self.made(keeper)
        for _ in range(2):
            assert self.do(keeper.log_in, user_id, "DEVICE", "a phone").access_token

    @pytest.mark.parametrize("erase", [True, False])
    def test_a_closed_account_stays_closed(self, keeper: AccountKeeper, accounts: Accounts, erase: bool) -> None:
        """Nobody logs in to it, its identifiers are free, a password changes nothing, and its name stays taken."""
        user_id = self.made(keeper, "carol", _HELD)
        for _ in range(2):
            self.do(keeper.deactivate, user_id, erase)
        self.do(keeper.set_password, user_id, self.do(keeper.hash_password, _OTHER))
        assert self.do(keeper.password_fits, user_id, _OTHER) is False
        assert self.do(accounts.owner, _HELD.threepid) is None
        with pytest.raises(UserInUse):
            self.do(keeper.new_user_id, "carol")
