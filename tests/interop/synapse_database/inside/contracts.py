"""The contracts of the stores' ports."""

# ruff: noqa: D101  the contract says what is tested
from __future__ import annotations

import pytest

from matrix_threepid.stores.sql import (
    SqlAssociations,
    SqlBindings,
    SqlLimits,
    SqlMessages,
    SqlReversals,
    SqlSessions,
    SqlSuppressions,
)
from matrix_threepid.synapse.database import SynapseDatabase
from matrix_threepid.testing import (
    AssociationStoreContract,
    BindingStoreContract,
    MessagesContract,
    RateLimiterContract,
    ReversalStoreContract,
    SessionStoreContract,
    SuppressionsContract,
)

from .homeserver import Inside


class InSynapse:
    """Runs a contract on Synapse's reactor."""

    threads = True

    @pytest.fixture(autouse=True)
    def _driven(self, synapse: Inside) -> None:
        self.run = synapse.run


class TestSessions(InSynapse, SessionStoreContract):
    @pytest.fixture
    def store(self, db: SynapseDatabase) -> SqlSessions:
        return SqlSessions(db)


class TestLimits(InSynapse, RateLimiterContract):
    @pytest.fixture
    def limiter(self, db: SynapseDatabase) -> SqlLimits:
        return SqlLimits(db)


class TestBindings(InSynapse, BindingStoreContract):
    @pytest.fixture
    def store(self, db: SynapseDatabase) -> SqlBindings:
        return SqlBindings(db)


class TestReversals(InSynapse, ReversalStoreContract):
    @pytest.fixture
    def store(self, db: SynapseDatabase) -> SqlReversals:
        return SqlReversals(db)


class TestMessages(InSynapse, MessagesContract):
    @pytest.fixture
    def store(self, db: SynapseDatabase) -> SqlMessages:
        return SqlMessages(db)


class TestSuppressions(InSynapse, SuppressionsContract):
    @pytest.fixture
    def store(self, db: SynapseDatabase) -> SqlSuppressions:
        return SqlSuppressions(db)


class TestAssociations(InSynapse, AssociationStoreContract):
    @pytest.fixture
    def store(self, db: SynapseDatabase) -> SqlAssociations:
        return SqlAssociations(db)
