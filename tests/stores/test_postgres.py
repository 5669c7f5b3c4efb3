"""The same stores on PostgreSQL: every driver, every isolation level, the same contracts."""

# ruff: noqa: D101  the contract says what is tested
from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from matrix_threepid import ConfigurationError, Limit, Medium, Threepid, run_sync
from matrix_threepid.commands.moving.source import Published, sydent_at
from matrix_threepid.model.association import Association
from matrix_threepid.model.invitation import Invitation
from matrix_threepid.model.login import Login
from matrix_threepid.model.lookup import LookupPepper, hashed
from matrix_threepid.ports import Charge
from matrix_threepid.protocol.errors import Unavailable
from matrix_threepid.stores.psycopg import Psycopg
from matrix_threepid.stores.sql import (
    Operation,
    Patient,
    SqlAssociations,
    SqlBindings,
    SqlInvitations,
    SqlLimits,
    SqlLogins,
    SqlMessages,
    SqlReversals,
    SqlSessions,
    SqlSuppressions,
    bulk,
    check_schema,
    migrate,
)
from matrix_threepid.stores.sql._migrations import MIGRATIONS
from matrix_threepid.testing import (
    AccountsContract,
    AssociationStoreContract,
    BindingStoreContract,
    InvitationStoreContract,
    LoginStoreContract,
    MessagesContract,
    RateLimiterContract,
    ReversalStoreContract,
    SessionStoreContract,
    SuppressionsContract,
)

from .accounts import SqlAccounts
from .conftest import prepared
from .postgres import DRIVERS, LEVELS, Driver, Place, driver, place
from .recording import everything_stores_do

STARTERS = 8
TABLES = (
    "matrix_threepid_sessions",
    "matrix_threepid_limits",
    "matrix_threepid_bindings",
    "matrix_threepid_associations",
    "matrix_threepid_reversals",
    "matrix_threepid_messages",
    "matrix_threepid_message_counts",
    "matrix_threepid_suppressions",
    "matrix_threepid_audit",
    "matrix_threepid_identity_tokens",
    "matrix_threepid_identity_terms",
    "matrix_threepid_lookup_peppers",
    "matrix_threepid_invitations",
    "matrix_threepid_no_invitations",
    "matrix_threepid_onbinds",
    "matrix_threepid_shadow_pairs",
    "host_threepids",
)

_DELETES = ", ".join(f"_{number} AS (DELETE FROM {table})" for number, table in enumerate(TABLES))  # noqa: S608  our words
_FORGET = f"WITH {_DELETES} SELECT 1"


@pytest.fixture(scope="module")
def migrated(postgres: str) -> Iterator[Place]:
    """A schema with all tables."""
    with place(postgres) as where:
        run_sync(prepared(_blocking(where)))
        yield where


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Use each driver, at further isolation levels where calls meet: a call alone sees no difference."""
    if "each_driver" in metafunc.fixturenames:
        meet = {"parallel", "meanwhile"} & set(metafunc.function.__name__.split("_"))
        drivers = DRIVERS if meet else [name for name in DRIVERS if not name.endswith(LEVELS)]
        metafunc.parametrize("each_driver", drivers, indirect=True)


@pytest.fixture(scope="module")
def each_driver(request: pytest.FixtureRequest, migrated: Place) -> Iterator[Driver]:
    with driver(migrated, request.param) as given:
        yield given


@pytest.fixture
def empty(each_driver: Driver) -> Driver:
    """A driver on tables without rows."""

    def forget() -> Operation[None]:
        yield _FORGET, ()

    each_driver.run(_awaited(each_driver.db.run(forget)))
    return each_driver


class OnPostgres:
    """Runs a contract on each driver: in threads, or as tasks of the loop the connections belong to."""

    threads = True

    @pytest.fixture(autouse=True)
    def _driven(self, empty: Driver) -> None:
        self.run = empty.run
        if empty.loop is not None:
            self.together = partial(_as_tasks, empty.loop)


class TestSessions(OnPostgres, SessionStoreContract):
    @pytest.fixture
    def store(self, empty: Driver) -> SqlSessions:
        return SqlSessions(empty.db)


class TestLimits(OnPostgres, RateLimiterContract):
    @pytest.fixture
    def limiter(self, empty: Driver) -> SqlLimits:
        return SqlLimits(empty.db)


class TestBindings(OnPostgres, BindingStoreContract):
    @pytest.fixture
    def store(self, empty: Driver) -> SqlBindings:
        return SqlBindings(empty.db)


class TestLogins(OnPostgres, LoginStoreContract):
    @pytest.fixture
    def store(self, empty: Driver) -> SqlLogins:
        return SqlLogins(empty.db)


class TestInvitations(OnPostgres, InvitationStoreContract):
    @pytest.fixture
    def store(self, empty: Driver) -> SqlInvitations:
        return SqlInvitations(empty.db)


class TestReversals(OnPostgres, ReversalStoreContract):
    @pytest.fixture
    def store(self, empty: Driver) -> SqlReversals:
        return SqlReversals(empty.db)


class TestMessages(OnPostgres, MessagesContract):
    @pytest.fixture
    def store(self, empty: Driver) -> SqlMessages:
        return SqlMessages(empty.db)


class TestSuppressions(OnPostgres, SuppressionsContract):
    @pytest.fixture
    def store(self, empty: Driver) -> SqlSuppressions:
        return SqlSuppressions(empty.db)


class TestAssociations(OnPostgres, AssociationStoreContract):
    @pytest.fixture
    def store(self, empty: Driver) -> SqlAssociations:
        return SqlAssociations(empty.db)


class TestAccounts(OnPostgres, AccountsContract):
    deactivate = SqlAccounts.deactivate

    @pytest.fixture
    def accounts(self, empty: Driver) -> SqlAccounts:
        return SqlAccounts(empty.db)


@pytest.mark.parametrize("level", LEVELS)
def test_processes_that_start_together_migrate_once(postgres: str, level: str) -> None:
    """Every one of them finds the schema done, whoever did it, at every isolation level."""
    start = Barrier(STARTERS)

    def begin(where: Place) -> int:
        start.wait(30)
        return run_sync(migrate(_blocking(where, default_transaction_isolation=level)))

    with place(postgres) as where, ThreadPoolExecutor(STARTERS) as pool:
        with pytest.raises(ConfigurationError, match="version 0"):
            run_sync(check_schema(_blocking(where)))
        assert set(pool.map(begin, [where] * STARTERS)) == {len(MIGRATIONS)}
        run_sync(check_schema(_blocking(where)))


def test_no_statement_needs_to_scan_a_growing_table(migrated: Place) -> None:
    """Where scans cost what they cost on a large table, there are none."""
    db = _blocking(migrated, enable_seqscan="off")

    def explain(sql: str, parameters: Sequence[Any]) -> Operation[list[str]]:
        return [line for (line,) in (yield f"EXPLAIN {sql}", parameters)]

    async def plans() -> list[str]:
        statements = everything_stores_do(db).items()
        return [line for sql, given in statements for line in await db.run(partial(explain, sql, given))]

    lines = run_sync(plans())
    assert [line for line in lines if "Seq Scan" in line] == []
    assert sum("Index" in line for line in lines) >= 10


@pytest.mark.rule("SEC-243")
@pytest.mark.parametrize("name", ["psycopg", "psycopg async", "asyncpg"])
def test_a_server_that_is_gone_is_unavailable(name: str) -> None:
    """Nobody listens there: the client is told to come back."""
    nowhere = Place("postgresql://postgres@127.0.0.1:1/postgres", {})
    with driver(nowhere, name) as given, pytest.raises(Unavailable):
        given.run(_awaited(SqlSessions(given.db).get("a")))


@pytest.mark.rule("SEC-243")
@pytest.mark.parametrize("name", ["psycopg", "psycopg async", "asyncpg"])
def test_a_connection_that_breaks_is_unavailable(migrated: Place, name: str) -> None:
    """A server that goes away in the middle of a transaction is an outage, whatever its driver makes of it."""

    def broken() -> Operation[None]:
        yield "SELECT pg_terminate_backend(pg_backend_pid())", ()

    with driver(migrated, name) as given, pytest.raises(Unavailable):
        given.run(_awaited(given.db.run(broken)))


@pytest.mark.rule("SEC-243")
@pytest.mark.parametrize("name", ["psycopg", "psycopg async", "asyncpg"])
def test_a_server_that_never_answers_is_unavailable(migrated: Place, name: str) -> None:
    """A transaction ends at its deadline, its connection is not used again, and the next transaction has another."""

    def long() -> Operation[None]:
        yield "SELECT pg_sleep(3600)", ()

    with driver(migrated, name, deadline=500) as given:
        with pytest.raises(Unavailable):
            given.run(_awaited(given.db.run(long)))
        assert given.run(_awaited(given.db.run(_one))) == 1


@pytest.mark.rule("SEC-243")
@pytest.mark.parametrize("name", ["psycopg", "psycopg async", "asyncpg"])
def test_a_migration_has_no_deadline(migrated: Place, name: str) -> None:
    """What is said to take long may take longer than the deadline."""

    def long() -> Operation[int]:
        yield "SELECT pg_sleep(0.05)", ()
        return (yield from _one())

    with driver(migrated, name, deadline=1) as given:
        assert given.run(_awaited(given.db.run(Patient(long)))) == 1
        given.run(_awaited(migrate(given.db)))


def _one() -> Operation[int]:
    rows = yield "SELECT 1", ()
    return int(rows[0][0])


def _blocking(where: Place, **settings: str) -> Psycopg:
    import psycopg

    return Psycopg(partial(psycopg.connect, where.uri, options=where.options(**settings)))


def _as_tasks(loop: asyncio.AbstractEventLoop, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
    async def gathered() -> list[Any]:
        return await asyncio.gather(*(_awaited(method(*args)) for method, *args in calls))

    return loop.run_until_complete(gathered())


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


def test_rows_in_bulk(empty: Driver) -> None:
    """Many rows at once are as those that were stored one by one; those that are newer, or there already, stay."""
    mails = [Threepid(Medium.EMAIL, f"u{number}@example.org") for number in range(250)]
    old = [Association(each, "@old:x", 1) for each in mails]
    invited = Invitation("token", mails[0], "!r:x", "@a:x", "key", "", 1)
    store = SqlAssociations(empty.db)
    empty.run(_awaited(store.add_pepper(LookupPepper(1, "pepper", 1, ready=False))))
    empty.run(_awaited(store.put(Association(mails[0], "@new:x", 2))))
    for _ in range(2):
        empty.run(_awaited(empty.db.run(lambda: bulk.put_associations(old))))
        empty.run(_awaited(empty.db.run(lambda: bulk.put_logins([Login("mac", "@a:x", 1)]))))
        empty.run(_awaited(empty.db.run(lambda: bulk.put_accepted([("@a:x", "terms 1")], 1))))
        empty.run(_awaited(empty.db.run(lambda: bulk.put_invitations([invited]))))
    named = [hashed(each, "pepper") for each in mails]
    found = empty.run(_awaited(store.look_up(1, named)))
    assert [found[each] for each in named] == ["@new:x", *["@old:x"] * 249]
    assert empty.run(_awaited(SqlLogins(empty.db).find(["mac"]))) == Login("mac", "@a:x", 1)
    assert list(empty.run(_awaited(SqlLogins(empty.db).accepted("@a:x")))) == ["terms 1"]
    assert empty.run(_awaited(SqlInvitations(empty.db).get("token"))) == invited


def test_a_sydent_in_postgresql_is_read(postgres: str) -> None:
    """Its tables are found by the URL, and nothing can be written to them."""
    import psycopg

    with place(postgres) as where, psycopg.connect(postgres, autocommit=True) as made:
        schema = where.settings["search_path"]
        made.execute(f"SET search_path TO {schema}")
        for table in ("local_threepid_associations", "global_threepid_associations"):
            made.execute(
                f"CREATE TABLE {table} (id BIGSERIAL, medium TEXT, address TEXT, mxid TEXT, ts BIGINT, notAfter BIGINT)"
            )
            made.execute(
                f"INSERT INTO {table} (medium, address, mxid, ts, notAfter) VALUES ('email', 'a@b.org', '@a:x', 1, 2)"  # noqa: S608
            )
        joined = "&" if "?" in postgres else "?"
        with sydent_at(f"{postgres}{joined}options=-csearch_path%3D{schema}") as sydent:
            assert list(sydent.published()) == [Published("email", "a@b.org", "@a:x", 1, 2)]
            assert (list(sydent.tokens()), list(sydent.ended())) == ([], [])
            assert sydent.pepper() is None
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                sydent.connection.execute("DELETE FROM global_threepid_associations")


def test_a_purge_waits_for_no_charge(empty: Driver, migrated: Place) -> None:
    """Counts that a transaction has locked are passed over: it may wait for what the purge has locked already."""
    import psycopg

    limits, now = SqlLimits(empty.db), 10_000
    old = [Charge(name, Limit(1, 1)) for name in ("a", "b", "c")]
    empty.run(_awaited(limits.charge(old, 0)))
    with psycopg.connect(migrated.uri, options=migrated.options()) as other:
        other.execute("SELECT name FROM matrix_threepid_limits WHERE name = 'b' FOR UPDATE")
        assert empty.run(_awaited(limits.purge(now, 10))) == 2
    assert empty.run(_awaited(limits.purge(now, 10))) == 1
