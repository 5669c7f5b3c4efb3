"""Asks the databases behind stores whether they have the library's tables and accept changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import attrs

from ...ports._checked import given
from ...protocol.errors import ConfigurationError
from ...roles.base import Role
from ...stores.psycopg import Psycopg
from ...stores.sql import (
    Database,
    SqlAssociations,
    SqlBindings,
    SqlInvitations,
    SqlLimits,
    SqlLogins,
    SqlMessages,
    SqlReversals,
    SqlSessions,
    SqlSuppressions,
    check_schema,
)
from ...stores.sql.postgresql import POOLER, AwaitedConnections
from ...stores.sqlite import Sqlite
from .findings import Finding, Kind
from .online import LOOPS

_STORES = (
    SqlSessions,
    SqlLimits,
    SqlBindings,
    SqlReversals,
    SqlMessages,
    SqlSuppressions,
    SqlAssociations,
    SqlLogins,
    SqlInvitations,
)
_PATIENCE = 10
"""Time, in s, that a database has to answer."""


def of_databases(role: Role, loop: str) -> Iterator[Finding]:
    """Yield what is wrong with the databases behind the role's SQL stores, each named by its ports.

    Nothing is changed. A database that cannot be asked from this process, for example because the host opens its pool
    later, is named as such.
    """
    for ports, database in _databases(role):
        about = f"database of {', '.join(ports)}"
        if isinstance(database, Sqlite) and not Path(database.path).exists():
            yield Finding(Kind.FACT, about, "the file does not exist yet; migrate() makes it")
            continue
        try:
            version, breaks = _asked(database, LOOPS[loop])
        except ConfigurationError as error:
            yield Finding(Kind.WRONG, about, str(error))
        except Exception as error:
            cause = error.__cause__ or error
            yield Finding(Kind.FACT, about, f"could not be asked from here ({type(cause).__name__})")
        else:
            yield Finding(Kind.FACT, about, f"takes changes, schema version {version}")
            if breaks:
                yield Finding(Kind.UNFIT, about, POOLER)


def _databases(role: Role) -> list[tuple[list[str], Database]]:
    """Return each database once, with the names of the ports that use it."""
    found: dict[int, tuple[list[str], Database]] = {}
    for field in attrs.fields(type(role)):
        port = given(getattr(role, field.name))
        if isinstance(port, _STORES):
            found.setdefault(id(port.database), ([], port.database))[0].append(field.name)
    return list(found.values())


async def answers(database: Database) -> tuple[int, bool]:
    """Return the version of the schema, and whether statements are prepared behind a pooler. Nothing is changed."""
    breaks = isinstance(database, Psycopg | AwaitedConnections) and await database.prepares_behind_a_pooler()
    return await check_schema(database), breaks


def _asked(database: Database, run: Callable[[Callable[[], Any]], Any]) -> tuple[int, bool]:
    """Return what ``answers`` does. Raises what ``check_schema`` raises, and ``TimeoutError``."""
    results: list[tuple[int, bool]] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            results.append(run(lambda: answers(database)))
        except Exception as error:
            errors.append(error)

    # A blocking driver cannot be cancelled, so its thread ends with the process.
    asking = Thread(target=work, daemon=True)
    asking.start()
    asking.join(_PATIENCE)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError
    return results[0]
