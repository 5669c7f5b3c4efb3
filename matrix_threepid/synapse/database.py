"""``SynapseDatabase``: the stores inside Synapse's own database, through the public module API."""

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
    # Python begins at the first change only, so what was read before would be another transaction's.
    "sqlite": "BEGIN IMMEDIATE",
    # Above this level, who changes a row makes all others who want to begin again; here they wait.
    "postgresql": "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
}


class SynapseDatabase:
    """A ``Database`` in that of a Synapse, SQLite or PostgreSQL. ``api``: the ``ModuleApi`` modules are given.

    Handlers that use it run on Twisted's reactor and in a logging context, as all of Synapse does.
    """

    def __init__(self, api: ModuleApi) -> None:
        self._api = api
        self._dialect: str | None = None

    @property
    def dialect(self) -> str:
        """``"sqlite"`` or ``"postgresql"``, known from the first transaction on; ``RuntimeError`` before."""
        if self._dialect is None:
            raise RuntimeError("SynapseDatabase: ask for the dialect inside an operation, or after the first")
        return self._dialect

    async def run(self, operation: Callable[[], Operation[T]], /) -> T:
        """Run one operation as one transaction, which Synapse begins again if need be. Raises ``Unavailable``."""
        try:
            result: T = await self._api.run_db_interaction(_NAME, self._transaction, operation)
        except Exception as error:
            # Outside of the transaction: Synapse begins again by the errors of its drivers.
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
    """Return what to raise if the database cannot serve right now, though it may soon; ``None`` for a bug."""
    from twisted.enterprise.adbapi import ConnectionLost

    if isinstance(error, ConnectionLost):
        return Unavailable
    reason = of_sqlite(error) if isinstance(error, SqliteError) else _of_postgresql(error)
    # Synapse has begun again as often as it does, so there is no other try.
    return Unavailable if reason is Again else reason


def _of_postgresql(error: Exception) -> type[Exception] | None:
    try:
        import psycopg2
    except ImportError:  # a Synapse on SQLite needs none
        return None
    if not isinstance(error, psycopg2.Error):
        return None
    # A connection that breaks within a statement is a plain DatabaseError, a closed one that is used an InterfaceError.
    closed = isinstance(error, psycopg2.InterfaceError) and "closed" in str(error)
    lost = isinstance(error, psycopg2.OperationalError) or type(error) is psycopg2.DatabaseError or closed
    return of_postgresql(error.pgcode, lost=lost)
