"""How an account in Synapse is secured when changes are taken back; without a Synapse."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from matrix_threepid import run_sync
from matrix_threepid.errors import Unavailable
from matrix_threepid.synapse.host import SynapseAccounts
from matrix_threepid.synapse.private import Inside


class Synapse:
    """What the module uses of a Synapse to secure an account; ``done``: what was asked of it."""

    def __init__(self, *, passwords: bool = True, main: bool = True) -> None:
        self.done: list[Any] = []
        self.passwords, self.main = passwords, main
        self.handler = SimpleNamespace(set_password=self._noted("set"))

    def _noted(self, name: str) -> Any:
        async def note(*given: Any) -> str:
            self.done.append((name, *given))
            return "hash of it"

        return note

    def get_auth_handler(self) -> Any:
        tokens, hashed = self._noted("tokens"), self._noted("hash")
        return SimpleNamespace(
            can_change_password=lambda: self.passwords, hash=hashed, delete_access_tokens_for_user=tokens
        )

    def get_set_password_handler(self) -> Any:
        assert self.main, "This can only be instantiated on the main process"
        return self.handler

    def get_device_handler(self) -> Any:
        return SimpleNamespace(delete_all_devices_for_user=self._noted("devices")) if self.main else SimpleNamespace()


def secured(synapse: Synapse) -> list[Any]:
    """Secure an account and return what was asked of Synapse."""
    inside = Inside(synapse)
    # The function for passwords that users choose, which ends resets and tells the holders of old addresses.
    inside.wrap_set_password(lambda _: synapse._noted("chosen"))
    run_sync(SynapseAccounts(None, None, inside, None).secure("@a:b"))  # type: ignore[arg-type]
    return synapse.done


def test_the_password_is_replaced_by_one_that_nobody_knows() -> None:
    """Synapse's own function logs all devices out with it; it does not count as a password that somebody has chosen."""
    (_, first), setting = secured(Synapse())
    (_, second), _ = secured(Synapse())
    assert setting == ("set", "@a:b", "hash of it", True)
    assert first != second
    assert len(first) >= 40


def test_without_passwords_devices_are_logged_out() -> None:
    """Where no account can have a password, devices and access tokens end."""
    assert secured(Synapse(passwords=False)) == [("devices", "@a:b"), ("tokens", "@a:b")]


@pytest.mark.parametrize("passwords", [True, False])
def test_a_worker_that_cannot_says_so(passwords: bool) -> None:
    """A worker of an older Synapse is not able to, so the press of the button is answered 503 and can be repeated."""
    with pytest.raises(Unavailable):
        secured(Synapse(passwords=passwords, main=False))


@pytest.mark.parametrize("error", [AttributeError, AssertionError])
def test_an_error_of_synapse_is_no_missing_function(error: type[Exception]) -> None:
    """What goes wrong inside of Synapse is raised, and not answered as if another process could do it."""

    async def fails(*_: Any) -> None:
        raise error

    synapse = Synapse()
    synapse.handler.set_password = fails
    with pytest.raises(error):
        secured(synapse)
