"""A homeserver that leaves its accounts' endpoints to the library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import run_sync
from matrix_threepid.testing import FakeAccounts, FakeKeeper, World

from .people import Host


@pytest.fixture
def make_host(make_world: Callable[..., World]) -> Callable[..., Host]:
    """Return ``Host``: a world with a ``FakeKeeper``, and Alice with a password."""

    def make(policy: Any = None, **ports: Any) -> Host:
        accounts = FakeAccounts()
        keeper = FakeKeeper(accounts)
        world = make_world(policy, **{"accounts": accounts, "keeper": keeper, "uia": None, **ports})
        world.accounts = accounts
        host = Host(world, keeper)
        run_sync(keeper.create(host.alice, run_sync(keeper.hash_password(host.password)), ()))
        return host

    return make


@pytest.fixture
def host(make_host: Callable[..., Host]) -> Host:
    """A host with the default policy."""
    return make_host()
