"""The version of the schema: brought up to date under a lock, or checked."""

from __future__ import annotations

from collections.abc import Awaitable

from ...protocol.errors import ConfigurationError
from ._migrations import MIGRATIONS
from .operation import Database, Operation, ReadOnly

_LOCK = 0x33504944
_CLAIM = "INSERT INTO threepid_schema (version) VALUES (?) ON CONFLICT (version) DO NOTHING RETURNING version"
_EXISTS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = ANY (current_schemas(FALSE)) AND tablename = ?",
}


def migrate(db: Database) -> Awaitable[int]:
    """Bring the schema up to date; return its version. Any number of processes may start with this at once.

    Raises ``ConfigurationError`` if a later release has migrated the database.
    """
    return db.run(lambda: _migrate(db.dialect))


async def check_schema(db: Database) -> int:
    """Return the schema's version if it is the one this release needs and can be written, and change nothing.

    Raises ``ConfigurationError`` saying what to do if it is older or newer, or if the database is read-only.
    """
    try:
        return await db.run(lambda: _check(db.dialect))
    except ReadOnly as error:
        raise ConfigurationError(ReadOnly.REMEDY) from error


def _migrate(dialect: str) -> Operation[int]:
    if dialect == "postgresql":
        yield "SELECT pg_advisory_xact_lock(?)", (_LOCK,)
    yield "CREATE TABLE IF NOT EXISTS threepid_schema (version BIGINT NOT NULL PRIMARY KEY)", ()
    _refuse_newer((yield from _version()))
    for version, statements in enumerate(MIGRATIONS, start=1):
        # Claiming the number first makes a transaction with an old snapshot fail and start again.
        if (yield _CLAIM, (version,)):
            for statement in statements:
                yield statement, ()
    return len(MIGRATIONS)


def _check(dialect: str) -> Operation[int]:
    exists = yield _EXISTS[dialect], ("threepid_schema",)
    version = (yield from _version()) if exists else 0
    _refuse_newer(version)
    if version < len(MIGRATIONS):
        upgrade = "call migrate(), or run python -m matrix_threepid migrate"
        raise ConfigurationError(f"the schema has version {version}, not {len(MIGRATIONS)}: {upgrade}")
    # A standby answers all that is asked of it; only a change tells. There is no row of this name.
    yield "DELETE FROM threepid_limits WHERE name = ?", ("",)
    return version


def _version() -> Operation[int]:
    rows = yield "SELECT max(version) FROM threepid_schema", ()
    return rows[0][0] or 0


def _refuse_newer(version: int) -> None:
    if version > len(MIGRATIONS):
        raise ConfigurationError(
            f"the schema has version {version}, this release knows up to {len(MIGRATIONS)}: upgrade matrix_threepid"
        )
