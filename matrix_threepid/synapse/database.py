"""``SynapseDatabase``: the SQL stores in Synapse's own database, through the public module API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from sqlite3 import DatabaseError as SqliteError
from typing import TYPE_CHECKING, Any, TypeVar

from ..protocol.errors import Unavailable
from ..stores.sql.operation import Again, Operation, Row, run_operation
from ..stores.sql.postgresql import raised_for as of_postgresql
from ..stores.sqlite import raised_for as of_sqlite

if TYPE_CHECKING:
    from synapse.module_api import LoggingTransaction, ModuleApi

T = TypeVar("T")

_NAME = "matrix_threepid"
_BEGIN = {
    # sqlite3 begins a transaction at the first change, so earlier reads would not be part of it.
    "sqlite": "BEGIN IMMEDIATE",
    # At higher levels, transactions that change the same row fail and start again; here they wait.
    "postgresql": "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
}


class SynapseDatabase:
    """A ``Database`` over the one of a Synapse: SQLite or PostgreSQL.

    * ``api``: the ``ModuleApi`` that Synapse gives to modules.

    Coroutines that use it must run on Twisted's reactor and in a logging context of Synapse.
    """

    def __init__(self, api: ModuleApi) -> None:
        self._api = api
        self._dialect: str | None = None

    @property
    def dialect(self) -> str:
        """``"sqlite"`` or ``"postgresql"``. Raises ``RuntimeError`` before the first transaction."""
        if self._dialect is None:
            raise RuntimeError("SynapseDatabase: ask for the dialect inside an operation, or after the first")
        return self._dialect

    async def run(self, operation: Callable[[], Operation[T]], /) -> T:
        """Run one operation as one transaction, which Synapse may restart. Raises ``Unavailable``."""
        try:
            result: T = await self._api.run_db_interaction(_NAME, self._transaction, operation)
        except Exception as error:
            # Translated outside of the transaction, since Synapse decides by its drivers' errors whether to restart it.
            if (reason := _raised_for(error)) is None:
                raise
            raise reason from error
        return result

    def _transaction(self, txn: LoggingTransaction, operation: Callable[[], Operation[T]]) -> T:
        def execute(sql: str, parameters: Sequence[Any]) -> list[Row]:
            txn.execute(sql, parameters)
            return txn.fetchall() if txn.description else []

        driver = txn.database_engine.module.__name__
        self._dialect = "sqlite" if driver == "sqlite3" else "postgresql"
        execute(_BEGIN[self._dialect], ())
        return run_operation(operation(), execute)


def _raised_for(error: Exception) -> type[Exception] | None:
    """Return the error to raise if the database cannot serve at the moment; ``None`` for a bug."""
    from twisted.enterprise.adbapi import ConnectionLost

    if isinstance(error, ConnectionLost):
        return Unavailable
    reason = of_sqlite(error) if isinstance(error, SqliteError) else _of_postgresql(error)
    # Synapse has already restarted the transaction as often as it ever does.
    return Unavailable if reason is Again else reason


def _of_postgresql(error: Exception) -> type[Exception] | None:
    try:
        import psycopg2
    except ImportError:  # psycopg2 is not installed where Synapse uses SQLite
        return None
    if not isinstance(error, psycopg2.Error):
        return None
    # A connection that breaks within a statement is a plain DatabaseError, a closed one that is used an InterfaceError.
    closed = isinstance(error, psycopg2.InterfaceError) and "closed" in str(error)
    lost = isinstance(error, psycopg2.OperationalError) or type(error) is psycopg2.DatabaseError or closed
    return of_postgresql(error.pgcode, lost=lost)
