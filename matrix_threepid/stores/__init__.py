"""Stores of sessions, limits, bindings, associations, logins and more in memory and SQL, and the drivers below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazily

if TYPE_CHECKING:
    from ..memory.associations import MemoryAssociations as MemoryAssociations
    from ..memory.bindings import MemoryBindings as MemoryBindings
    from ..memory.invitations import MemoryInvitations as MemoryInvitations
    from ..memory.limits import MemoryLimits as MemoryLimits
    from ..memory.logins import MemoryLogins as MemoryLogins
    from ..memory.messages import MemoryMessages as MemoryMessages
    from ..memory.reversals import MemoryReversals as MemoryReversals
    from ..memory.sessions import MemorySessions as MemorySessions
    from ..memory.suppressions import MemorySuppressions as MemorySuppressions
    from ..memory.uia_sessions import MemoryUiaSessions as MemoryUiaSessions
    from ..model.invitation import Invitation as Invitation
    from ..model.outbound import MessageCount as MessageCount
    from ..model.outbound import OutboundMessage as OutboundMessage
    from ..model.reversal import Reversal as Reversal
    from ..model.session import Session as Session
    from ..model.session_fields import SessionFields as SessionFields
    from ..model.suppression import Suppression as Suppression
    from ..model.uia_session import UiaSession as UiaSession
    from .asyncpg import Asyncpg as Asyncpg
    from .psycopg import AsyncPsycopg as AsyncPsycopg
    from .psycopg import Psycopg as Psycopg
    from .sql import Database as Database
    from .sql import Operation as Operation
    from .sql import Row as Row
    from .sql import SqlAssociations as SqlAssociations
    from .sql import SqlBindings as SqlBindings
    from .sql import SqlInvitations as SqlInvitations
    from .sql import SqlLimits as SqlLimits
    from .sql import SqlLogins as SqlLogins
    from .sql import SqlMessages as SqlMessages
    from .sql import SqlReversals as SqlReversals
    from .sql import SqlSessions as SqlSessions
    from .sql import SqlSuppressions as SqlSuppressions
    from .sql import SqlUiaSessions as SqlUiaSessions
    from .sql import check_schema as check_schema
    from .sql import migrate as migrate
    from .sqlite import Sqlite as Sqlite
    from .url import SQLITE as SQLITE
    from .url import open_database as open_database
    from .url import sqlite_file as sqlite_file
    from .valkey.connection import Valkey as Valkey
    from .valkey.limits import ValkeyLimits as ValkeyLimits
    from .valkey.sessions import ValkeySessions as ValkeySessions
    from .valkey.url import open_valkey as open_valkey

_HOMES = {
    ".asyncpg": ("Asyncpg",),
    ".psycopg": ("AsyncPsycopg", "Psycopg"),
    ".sqlite": ("Sqlite",),
    ".sql": (
        "Database",
        "Operation",
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
        "check_schema",
        "migrate",
    ),
    ".url": ("SQLITE", "open_database", "sqlite_file"),
    ".valkey.connection": ("Valkey",),
    ".valkey.limits": ("ValkeyLimits",),
    ".valkey.sessions": ("ValkeySessions",),
    ".valkey.url": ("open_valkey",),
    "..memory.associations": ("MemoryAssociations",),
    "..memory.bindings": ("MemoryBindings",),
    "..memory.invitations": ("MemoryInvitations",),
    "..memory.limits": ("MemoryLimits",),
    "..memory.logins": ("MemoryLogins",),
    "..memory.messages": ("MemoryMessages",),
    "..memory.reversals": ("MemoryReversals",),
    "..memory.sessions": ("MemorySessions",),
    "..memory.suppressions": ("MemorySuppressions",),
    "..memory.uia_sessions": ("MemoryUiaSessions",),
    "..model.outbound": ("MessageCount", "OutboundMessage"),
    "..model.invitation": ("Invitation",),
    "..model.reversal": ("Reversal",),
    "..model.session": ("Session",),
    "..model.session_fields": ("SessionFields",),
    "..model.suppression": ("Suppression",),
    "..model.uia_session": ("UiaSession",),
}
__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
