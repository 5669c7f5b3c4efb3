"""``StagesContract``: the promises of a host that calls ``Stages`` in its own endpoints."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import pytest

from ...model.threepid import AccountThreepid, Medium
from ...protocol.errors import MatrixError
from ...roles.homeserver import Homeserver
from ..world import ALICE, BOB, World
from .base import Contract

_STAGE, _MAIL = "m.login.email.identity", "alice@example.org"


class StagedActions(Protocol):
    """What a host does with completed stages; ``False`` may be a ``MatrixError`` as well."""

    def register(self, auth: Mapping[str, object], session: str, name: str) -> Awaitable[bool]:
        """Do what ``/register`` does once its flow is complete; return whether the account was made.

        * ``auth``: the ``auth`` of the stage ``m.login.email.identity``.
        * ``session``: the id of the host's UIA session.
        * ``name``: the wanted user name; of one that is taken no account is made.
        """

    def reset_password(self, auth: Mapping[str, object], session: str) -> Awaitable[bool]:
        """Do what ``/account/password`` does for somebody without an access token; return whether it was set."""

    def change_password(self, user_id: str) -> Awaitable[object]:
        """Set a password in another way, such as by its user with the old one or by an administrator."""


class StagesContract(Contract):
    """The contract of a host that calls ``Stages`` in its own ``/register`` and ``/account/password``.

    A host with an ``AccountKeeper`` leaves these endpoints to the library, and needs it for ``change_password`` alone.

    * ``make_host`` (fixture): a function from a ``Homeserver`` to a ``StagedActions`` of the host, whose accounts are
      those of the homeserver's ``Accounts``.
    * ``world`` (fixture): a ``World``; to be replaced for a host with ``Accounts`` of its own.
    """

    @pytest.fixture
    def world(self) -> World:
        """A homeserver in memory."""
        return World()

    @pytest.fixture
    def host(self, world: World, make_host: Callable[[Homeserver], StagedActions]) -> StagedActions:
        """The host, with Alice's address on her account."""
        self._give(world, ALICE)
        return make_host(world.homeserver)

    # -- passwords ----------------------------------------------------------------------------------

    def test_a_proof_resets_a_password_once(self, world: World, host: StagedActions) -> None:
        """Who proved the address of an account sets its password, and not again with the same proof (``consume``)."""
        auth = self._proof(world, "password", _MAIL)
        assert self._done(host.reset_password, auth, "one")
        assert not self._done(host.reset_password, auth, "two")

    def test_a_reset_ends_the_others(self, world: World, host: StagedActions) -> None:
        """A reset that was open when another one set the password sets it no more (``consume``)."""
        proofs = [self._proof(world, "password", _MAIL, secret) for secret in ("one", "two")]
        done = [self._done(host.reset_password, proof, f"{number}") for number, proof in enumerate(proofs)]
        assert done == [True, False]

    def test_a_password_set_otherwise_ends_open_resets(self, world: World, host: StagedActions) -> None:
        """A reset that is open while the password is changed in another way sets it no more (``end_resets``)."""
        auth = self._proof(world, "password", _MAIL)
        self.do(host.change_password, ALICE)
        assert not self._done(host.reset_password, auth, "one")

    def test_an_address_that_went_elsewhere_resets_nothing(self, world: World, host: StagedActions) -> None:
        """An address that has left the account resets its password no more, though it was proved (``confirm``)."""
        auth = self._proof(world, "password", _MAIL)
        self.do(world.homeserver.accounts.remove, ALICE, self._held(_MAIL).threepid)
        assert not self._done(host.reset_password, auth, "one")

    # -- registration -------------------------------------------------------------------------------

    def test_a_proof_makes_one_account(self, world: World, host: StagedActions) -> None:
        """A proof registers one account, and the address is on it (``consume``)."""
        auth = self._proof(world, "register", "carol@example.org")
        assert self._done(host.register, auth, "one", "carol")
        self.do(world.homeserver.accounts.remove, "@carol:hs.example.org", self._held("carol@example.org").threepid)
        assert not self._done(host.register, auth, "two", "dave")

    def test_a_failed_registration_leaves_the_proof(self, world: World, host: StagedActions) -> None:
        """After a registration that made no account the same proof registers in another UIA session (``release``)."""
        assert self._done(host.register, self._proof(world, "register", "carol@example.org"), "one", "carol")
        auth = self._proof(world, "register", "dave@example.org", "dave")
        assert not self._done(host.register, auth, "two", "carol")
        assert self._done(host.register, auth, "three", "dave")

    def test_an_address_taken_meanwhile_registers_nobody(self, world: World, host: StagedActions) -> None:
        """An address that another account has got since it was proved registers nobody (``confirm``)."""
        auth = self._proof(world, "register", "carol@example.org")
        self._give(world, BOB, "carol@example.org")
        assert not self._done(host.register, auth, "one", "carol")
        owner = self.do(world.homeserver.accounts.owner, self._held("carol@example.org").threepid)
        assert owner is not None and owner.user_id == BOB

    # -- how they act -------------------------------------------------------------------------------

    def _held(self, address: str) -> AccountThreepid:
        return AccountThreepid(medium=Medium.EMAIL, address=address, validated_at=1, added_at=2)

    def _give(self, world: World, user_id: str, address: str = _MAIL) -> None:
        self.do(world.homeserver.accounts.add, user_id, self._held(address))

    def _proof(self, world: World, purpose: str, address: str, secret: str = "secret") -> dict[str, Any]:
        """Prove an address for a purpose; return the ``auth`` of the stage."""
        sid = world.ask(address, secret, purpose=purpose).json()["sid"]
        assert world.confirm().status == 303
        return {"type": _STAGE, "threepid_creds": {"sid": sid, "client_secret": secret}}

    def _done(self, act: Callable[..., Awaitable[bool]], *args: Any) -> bool:
        try:
            return self.do(act, *args)
        except MatrixError:
            return False
