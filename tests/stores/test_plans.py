"""How databases go about the statements of the stores, on tables that have grown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from types import ModuleType
from typing import Any, TypeVar

import pytest

from matrix_threepid import run_sync
from matrix_threepid.stores.sql import (
    Operation,
    associations,
    bindings,
    invitations,
    limits,
    logins,
    messages,
    migrate,
    reversals,
    sessions,
    suppressions,
)
from matrix_threepid.testing.contracts.values import NOW
from tests.bench.filling import Strangers, fill
from tests.bench.places import Place, PostgresPlace, SqlitePlace
from tests.bench.plans import plans, scans, sorts

from .recording import everything_stores_do

T = TypeVar("T")
Statements = dict[str, tuple[Any, ...]]
MANY = 20_000
MODULES = (sessions, limits, bindings, reversals, associations, logins, messages, suppressions, invitations)
INDEXES = (
    "matrix_threepid_sessions_due",
    "matrix_threepid_sessions_owner",
    "matrix_threepid_sessions_threepid",
    "matrix_threepid_sessions_expires",
    "matrix_threepid_limits_full",
    "matrix_threepid_bindings_user",
    "matrix_threepid_bindings_due",
    "matrix_threepid_bindings_nameless",
    "matrix_threepid_associations_hash_0",
    "matrix_threepid_associations_hash_1",
    "matrix_threepid_associations_hashed",
    "matrix_threepid_identity_tokens_user",
    "matrix_threepid_identity_tokens_created",
    "matrix_threepid_reversals_expires",
    "matrix_threepid_messages_session",
    "matrix_threepid_messages_user",
    "matrix_threepid_messages_address",
    "matrix_threepid_messages_expires",
    "matrix_threepid_suppressions_expires",
    "matrix_threepid_invitations_waiting",
    "matrix_threepid_invitations_key",
    "matrix_threepid_invitations_created",
    "matrix_threepid_onbinds_due",
    "matrix_threepid_onbinds_server",
)
"""All that are there for a statement's sake. Primary keys and slots are unique, so nothing works without theirs."""
_VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_MADE = {
    "sqlite": "SELECT sql FROM sqlite_master WHERE name = ?",
    "postgresql": "SELECT indexdef FROM pg_indexes WHERE indexname = ? AND schemaname = current_schema()",
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def grown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A database with rows in every table, as many as make a scan the slower way, and statistics about them."""
    if request.param == "sqlite":
        yield _filled(SqlitePlace(tmp_path_factory.mktemp("grown") / "grown.db"))
        return
    place = PostgresPlace(request.getfixturevalue("postgres"), "threepid_grown")
    try:
        yield _filled(place)
    finally:
        place.remove()


@pytest.fixture(scope="module")
def statements(grown: Place) -> Statements:
    """All statements of the stores, each with arguments."""
    return everything_stores_do(grown.db)


@pytest.mark.rule("SEC-253")
def test_no_statement_scans_or_sorts_a_growing_table(grown: Place, statements: Statements) -> None:
    """Every row is found through a condition on an index, and lists come in the order of one."""
    steps = plans(grown.db, statements)
    # ``asked`` is the list of values that a statement brings with it; the table of peppers has two rows.
    small = {sql for sql in steps if sql.startswith("WITH asked") or "matrix_threepid_lookup_peppers" in sql}
    scanned = {sql: list(scans(found)) for sql, found in steps.items() if sql not in small}
    assert {sql: found for sql, found in scanned.items() if found} == {}
    assert {sql: list(sorts(found)) for sql, found in steps.items() if any(sorts(found)) and sql not in small} == {}
    assert len(steps) >= 20


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_statement_a_store_is_written_with_is_looked_at(
    grown: Place, statements: Statements, module: ModuleType
) -> None:
    """None of them escapes the test above, nor one that a dialect has for itself."""
    dialect = grown.db.dialect
    values = [value.get(dialect) if isinstance(value, dict) else value for value in vars(module).values()]
    written = {value for value in values if isinstance(value, str) and value.startswith(_VERBS)}
    assert written
    assert written <= statements.keys()


@pytest.mark.parametrize("index", INDEXES)
def test_an_index_that_is_missing_is_noticed(grown: Place, statements: Statements, index: str) -> None:
    """Each index is needed: without it some statement scans or sorts."""
    made = run_sync(_run(grown, partial(_drop, grown.db.dialect, index)))
    grown.close()  # SQLite does not plan an EXPLAIN anew that it has prepared before
    steps = plans(grown.db, statements)
    run_sync(_run(grown, partial(_do, made)))
    assert [step for found in steps.values() for step in (*scans(found), *sorts(found))] != []


@pytest.mark.rule("SEC-109")
def test_a_purge_reads_only_what_it_deletes(grown: Place, statements: Statements) -> None:
    """What is over is looked for once, up to the limit, also while statistics know of nothing that is over."""
    purges = {
        sql: (*[0] * (sql.count("?") - 1), 10) for sql in statements if sql.startswith("DELETE") and "LIMIT" in sql
    }
    looked_for = {
        sql: [step for step in steps if "<" in step and not step.startswith("Filter")]
        for sql, steps in plans(grown.db, purges).items()
    }
    assert [len(steps) for steps in looked_for.values()] == [1, 1, 1, 1, 1, 1, 1, 1]


def _drop(dialect: str, index: str) -> Operation[str]:
    """Drop an index and return the statement that makes it."""
    ((made,),) = yield _MADE[dialect], (index,)
    yield f"DROP INDEX {index}", ()
    return str(made)


def _do(sql: str) -> Operation[None]:
    yield sql, ()


async def _run(place: Place, operation: Callable[[], Operation[T]]) -> T:
    return await place.db.run(operation)


def _filled(place: Place) -> Place:
    run_sync(_migrated(place))
    fill(place, MANY, Strangers(Random(1), NOW))  # noqa: S311  the same rows in every run
    return place


async def _migrated(place: Place) -> None:
    await migrate(place.db)
