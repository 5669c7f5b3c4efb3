"""The stores in SQL: an operation yields statements, and the ``Database`` of any driver runs them (decision 5)."""

from .associations import SqlAssociations
from .bindings import SqlBindings
from .invitations import SqlInvitations
from .limits import SqlLimits
from .logins import SqlLogins
from .messages import SqlMessages
from .operation import Database, Operation, Patient, ReadOnly, Row, Statement, run_operation, run_operation_async
from .reversals import SqlReversals
from .schema import check_schema, migrate
from .sessions import SqlSessions
from .suppressions import SqlSuppressions
from .uia_sessions import SqlUiaSessions

__all__ = [
    "Database",
    "Operation",
    "Patient",
    "ReadOnly",
    "Row",
    "SqlAssociations",
    "SqlBindings",
    "SqlInvitations",
    "SqlLimits",
    "SqlLogins",
    "SqlMessages",
    "SqlReversals",
    "SqlSessions",
    "SqlSuppressions",
    "SqlUiaSessions",
    "Statement",
    "check_schema",
    "migrate",
    "run_operation",
    "run_operation_async",
]
