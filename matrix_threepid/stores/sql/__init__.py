"""The stores in SQL, written once for every driver: an operation yields statements, a ``Database`` runs them."""

from .associations import SqlAssociations
from .bindings import SqlBindings
from .limits import SqlLimits
from .operation import Database, Operation, ReadOnly, Row, Statement, run_operation, run_operation_async
from .schema import check_schema, migrate
from .sessions import SqlSessions

__all__ = [
    "Database",
    "Operation",
    "ReadOnly",
    "Row",
    "SqlAssociations",
    "SqlBindings",
    "SqlLimits",
    "SqlSessions",
    "Statement",
    "check_schema",
    "migrate",
    "run_operation",
    "run_operation_async",
]
