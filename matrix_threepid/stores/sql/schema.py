"""``migrate`` and ``check_schema``: bring the schema of a database up to date, or refuse one that is not."""

from __future__ import annotations

from collections.abc import Awaitable

from ...protocol.errors import ConfigurationError
from ._migrations import MIGRATIONS, statements
from .operation import Database, Operation, Patient, ReadOnly

# The key of the advisory lock, "3PID" in ASCII. Advisory locks are numbers that all programs on a database share
# (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS), hence one that others hardly use.
_LOCK = 0x33504944
_TABLE, _OLD_TABLE = "matrix_threepid_schema", "threepid_schema"
_CLAIM = "INSERT INTO matrix_threepid_schema (version) VALUES (?) ON CONFLICT (version) DO NOTHING RETURNING version"
_CARRY = "INSERT INTO matrix_threepid_schema SELECT version FROM threepid_schema WHERE TRUE ON CONFLICT DO NOTHING"
_EXISTS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?",
    # Not from pg_tables: above READ COMMITTED, a snapshot may be older than what another process has migrated.
    "postgresql": "SELECT 1 WHERE to_regclass(?) IS NOT NULL",
}


def migrate(db: Database) -> Awaitable[int]:
    """Bring the schema up to date and return its version; any number of processes may do so at once.

    Raises ``ConfigurationError`` if a later release has migrated the database, ``Unavailable`` as ``Database.run``.
    """
    return db.run(Patient(lambda: _migrate(db.dialect)))


async def check_schema(db: Database) -> int:
    """Return the version of the schema if this release can work with it; change nothing.

    Raises ``ConfigurationError`` with the remedy if the schema is older or newer than this release needs, or if the
    database is read-only.
    """
    try:
        return await db.run(lambda: _check(db.dialect))
    except ReadOnly as error:
        raise ConfigurationError(ReadOnly.REMEDY) from error


def _migrate(dialect: str) -> Operation[int]:
    if dialect == "postgresql":
        # Without it, concurrent CREATE TABLE IF NOT EXISTS fail with unique violations in PostgreSQL's own catalogue.
        # SQLite needs none: the first statement below takes the writer's lock.
        yield "SELECT pg_advisory_xact_lock(?)", (_LOCK,)
    yield "CREATE TABLE IF NOT EXISTS matrix_threepid_schema (version BIGINT NOT NULL PRIMARY KEY)", ()
    if (yield _EXISTS[dialect], (_OLD_TABLE,)):  # of a release whose tables had other names
        yield _CARRY, ()
        yield "DROP TABLE threepid_schema", ()
    _refuse_newer((yield from _version(_TABLE)))
    for version in range(1, len(MIGRATIONS) + 1):
        # Above READ COMMITTED the snapshot may be older than the lock and lack migrations that another process has
        # committed since. Inserting their numbers then fails with a serialization failure, and all begins again.
        if (yield _CLAIM, (version,)):
            for statement in statements(version, dialect):
                yield statement, ()
    return len(MIGRATIONS)


def _check(dialect: str) -> Operation[int]:
    # Asked first, because a failed SELECT from a table that is missing would be an error of the statement, hence a bug.
    version = 0
    for table in (_OLD_TABLE, _TABLE):
        if (yield _EXISTS[dialect], (table,)):
            version = yield from _version(table)
    _refuse_newer(version)
    if version < len(MIGRATIONS):
        upgrade = "call migrate(), or run python -m matrix_threepid migrate"
        raise ConfigurationError(f"the schema has version {version}, not {len(MIGRATIONS)}: {upgrade}")
    # A standby answers every SELECT; only a change shows that it is one. No row has this name, so nothing is deleted.
    yield "DELETE FROM matrix_threepid_limits WHERE name = ?", ("",)
    return version


def _version(table: str) -> Operation[int]:
    rows = yield f"SELECT max(version) FROM {table}", ()  # noqa: S608  one of two constants
    return rows[0][0] or 0


def _refuse_newer(version: int) -> None:
    if version > len(MIGRATIONS):
        raise ConfigurationError(
            f"the schema has version {version}, this release knows up to {len(MIGRATIONS)}: upgrade matrix_threepid"
        )
