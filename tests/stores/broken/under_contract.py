"""Every broken back end under its contract; ``test_broken.py`` runs this file and expects failures."""

from __future__ import annotations

import pytest

from matrix_threepid.memory.associations import MemoryAssociations
from matrix_threepid.memory.bindings import MemoryBindings
from matrix_threepid.memory.invitations import MemoryInvitations
from matrix_threepid.memory.limits import MemoryLimits
from matrix_threepid.memory.logins import MemoryLogins
from matrix_threepid.memory.messages import MemoryMessages
from matrix_threepid.memory.reversals import MemoryReversals
from matrix_threepid.memory.sessions import MemorySessions
from matrix_threepid.memory.suppressions import MemorySuppressions
from matrix_threepid.testing import (
    AccountsContract,
    AssociationStoreContract,
    BindingStoreContract,
    FakeAccounts,
    InvitationStoreContract,
    LoginStoreContract,
    MessagesContract,
    RateLimiterContract,
    ReversalStoreContract,
    SessionStoreContract,
    SuppressionsContract,
)

from . import CAUGHT_BY

_CONTRACTS: dict[type, tuple[type, str]] = {
    MemorySessions: (SessionStoreContract, "store"),
    MemoryLimits: (RateLimiterContract, "limiter"),
    MemoryBindings: (BindingStoreContract, "store"),
    MemoryMessages: (MessagesContract, "store"),
    MemorySuppressions: (SuppressionsContract, "store"),
    MemoryReversals: (ReversalStoreContract, "store"),
    MemoryAssociations: (AssociationStoreContract, "store"),
    MemoryLogins: (LoginStoreContract, "store"),
    MemoryInvitations: (InvitationStoreContract, "store"),
    FakeAccounts: (AccountsContract, "accounts"),
}


def _under_contract(broken: type) -> type:
    contract, fixture = _CONTRACTS[broken.__bases__[0]]
    threads = broken.__name__.startswith("LooksBefore")

    def given(self: object) -> object:
        return broken()

    return type(f"Test{broken.__name__}", (contract,), {fixture: pytest.fixture(given), "threads": threads})


globals().update({case.__name__: case for case in map(_under_contract, CAUGHT_BY)})
