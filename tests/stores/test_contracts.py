"""The contracts of the ports, over every store there is."""

# ruff: noqa: D101  the contract says what is tested
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
from matrix_threepid.memory.uia_sessions import MemoryUiaSessions
from matrix_threepid.stores.sql import (
    SqlAssociations,
    SqlBindings,
    SqlInvitations,
    SqlLimits,
    SqlLogins,
    SqlMessages,
    SqlReversals,
    SqlSessions,
    SqlSuppressions,
    SqlUiaSessions,
)
from matrix_threepid.stores.sqlite import Sqlite
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
    UiaSessionStoreContract,
)

from .accounts import SqlAccounts


@pytest.mark.rule("SEC-104", "SEC-105", "SEC-109")
class TestMemorySessions(SessionStoreContract):
    threads = True

    @pytest.fixture
    def store(self) -> MemorySessions:
        return MemorySessions()


@pytest.mark.rule("SEC-104", "SEC-105", "SEC-109")
class TestSqliteSessions(SessionStoreContract):
    threads = True

    @pytest.fixture
    def store(self, sqlite: Sqlite) -> SqlSessions:
        return SqlSessions(sqlite)


class TestMemoryLimits(RateLimiterContract):
    threads = True

    @pytest.fixture
    def limiter(self) -> MemoryLimits:
        return MemoryLimits()


class TestSqliteLimits(RateLimiterContract):
    threads = True

    @pytest.fixture
    def limiter(self, sqlite: Sqlite) -> SqlLimits:
        return SqlLimits(sqlite)


class TestMemoryUiaSessions(UiaSessionStoreContract):
    threads = True

    @pytest.fixture
    def store(self) -> MemoryUiaSessions:
        return MemoryUiaSessions()


class TestSqliteUiaSessions(UiaSessionStoreContract):
    threads = True

    @pytest.fixture
    def store(self, sqlite: Sqlite) -> SqlUiaSessions:
        return SqlUiaSessions(sqlite)


class TestMemoryBindings(BindingStoreContract):
    threads = True

    @pytest.fixture
    def store(self) -> MemoryBindings:
        return MemoryBindings()


class TestSqliteBindings(BindingStoreContract):
    threads = True

    @pytest.fixture
    def store(self, sqlite: Sqlite) -> SqlBindings:
        return SqlBindings(sqlite)


class TestMemoryReversals(ReversalStoreContract):
    threads = True

    @pytest.fixture
    def store(self) -> MemoryReversals:
        return MemoryReversals()


class TestSqliteReversals(ReversalStoreContract):
    threads = True

    @pytest.fixture
    def store(self, sqlite: Sqlite) -> SqlReversals:
        return SqlReversals(sqlite)


class TestMemoryAssociations(AssociationStoreContract):
    threads = True

    @pytest.fixture
    def store(self) -> MemoryAssociations:
        return MemoryAssociations()


class TestSqliteAssociations(AssociationStoreContract):
    threads = True

    @pytest.fixture
    def store(self, sqlite: Sqlite) -> SqlAssociations:
        return SqlAssociations(sqlite)


class TestMemoryLogins(LoginStoreContract):
    threads = True

    @pytest.fixture
    def store(self) -> MemoryLogins:
        return MemoryLogins()


class TestSqliteLogins(LoginStoreContract):
    threads = True

    @pytest.fixture
    def store(self, sqlite: Sqlite) -> SqlLogins:
        return SqlLogins(sqlite)


class TestMemoryMessages(MessagesContract):
    threads = True

    @pytest.fixture
    def store(self) -> MemoryMessages:
        return MemoryMessages()


class TestSqliteMessages(MessagesContract):
    threads = True

    @pytest.fixture
    def store(self, sqlite: Sqlite) -> SqlMessages:
        return SqlMessages(sqlite)


class TestMemorySuppressions(SuppressionsContract):
    threads = True

    @pytest.fixture
    def store(self) -> MemorySuppressions:
        return MemorySuppressions()


class TestSqliteSuppressions(SuppressionsContract):
    threads = True

    @pytest.fixture
    def store(self, sqlite: Sqlite) -> SqlSuppressions:
        return SqlSuppressions(sqlite)


class TestMemoryInvitations(InvitationStoreContract):
    threads = True

    @pytest.fixture
    def store(self) -> MemoryInvitations:
        return MemoryInvitations()


class TestSqliteInvitations(InvitationStoreContract):
    threads = True

    @pytest.fixture
    def store(self, sqlite: Sqlite) -> SqlInvitations:
        return SqlInvitations(sqlite)


@pytest.mark.rule("SEC-126", "SEC-127")
class TestFakeAccounts(AccountsContract):
    @pytest.fixture
    def accounts(self) -> FakeAccounts:
        return FakeAccounts()


@pytest.mark.rule("SEC-126", "SEC-127")
class TestSqliteAccounts(AccountsContract):
    threads = True
    deactivate = SqlAccounts.deactivate

    @pytest.fixture
    def accounts(self, sqlite: Sqlite) -> SqlAccounts:
        return SqlAccounts(sqlite)
