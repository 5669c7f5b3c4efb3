"""The SQL itself: what it may hold to run everywhere."""

from __future__ import annotations

import re
from typing import Any

import pytest

from matrix_threepid import run_sync
from matrix_threepid.stores.sql import Operation, associations, bindings, messages, reversals, sessions, suppressions
from matrix_threepid.stores.sql._columns import SqlTable
from matrix_threepid.stores.sql._migrations import MIGRATIONS
from matrix_threepid.stores.sqlite import Sqlite

from .recording import everything_stores_do

TABLES = ("sessions", "limits", "bindings", "reversals", "messages", "suppressions", "associations")


@pytest.fixture
def statements(sqlite: Sqlite) -> dict[str, tuple[object, ...]]:
    return everything_stores_do(sqlite)


def test_every_store_and_statement_is_looked_at(statements: dict[str, tuple[object, ...]]) -> None:
    """The statements below are all there are: every kind, on every table."""
    kinds = {
        (sql.split()[0].replace("WITH", "INSERT"), table)
        for sql in statements
        for table in TABLES
        if f"threepid_{table}" in sql
    }
    everywhere = {(kind, table) for kind in ("SELECT", "INSERT", "UPDATE", "DELETE") for table in TABLES}
    assert kinds == everywhere - {("UPDATE", "associations")}


def test_statements_run_on_every_driver(statements: dict[str, tuple[object, ...]]) -> None:
    """``?`` is for parameters only, drivers that translate it know no literals; values are text, numbers or NULL."""
    for sql, parameters in statements.items():
        assert "%" not in sql
        assert not re.search(r"'[^']*\?", sql)
        assert sql.count("?") == len(parameters)
        assert {type(value) for value in parameters} <= {str, int, type(None)}


def test_columns_are_text_or_bigint() -> None:
    """The schema uses the two types that mean the same everywhere."""
    tables = [sql for migration in MIGRATIONS for sql in migration if sql.startswith("CREATE TABLE")]
    types = {kind for sql in tables for kind in re.findall(r"[(,]\s*[a-z_]+ ([A-Z]+)", sql)}
    assert types == {"TEXT", "BIGINT"}


STORED_BY_VALUE = (sessions, bindings, reversals, messages, suppressions, associations)


@pytest.mark.parametrize("module", STORED_BY_VALUE, ids=lambda module: module.TABLE.name)
def test_a_table_has_a_column_for_every_field(sqlite: Sqlite, module: Any) -> None:
    """What the migrations made is what values are stored in; associations have columns for look-ups besides."""
    table: SqlTable[Any] = module.TABLE

    def columns() -> Operation[list[str]]:
        return [row[0] for row in (yield "SELECT name FROM pragma_table_info(?)", (table.name,))]

    found = run_sync(sqlite.run(columns))
    assert found[: len(table.columns)] == list(table.columns)
    assert [name for name in found[len(table.columns) :] if not name.startswith("hash")] == []
