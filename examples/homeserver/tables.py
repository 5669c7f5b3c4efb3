"""The server's own tables, beside the library's in the same database."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from matrix_threepid.stores.sql import Database, Operation, Row, migrate

_LOCK = 0x486F6D65
_TABLES = (
    """CREATE TABLE IF NOT EXISTS users (
        user_id TEXT NOT NULL PRIMARY KEY,
        password TEXT
    )""",
    """CREATE TABLE IF NOT EXISTS access_tokens (
        token_hash TEXT NOT NULL PRIMARY KEY,
        user_id TEXT NOT NULL REFERENCES users (user_id),
        device_id TEXT NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS access_tokens_user ON access_tokens (user_id)",
    """CREATE TABLE IF NOT EXISTS user_threepids (
        medium TEXT NOT NULL,
        address TEXT NOT NULL,
        user_id TEXT NOT NULL REFERENCES users (user_id),
        spelling TEXT,
        validated_at BIGINT NOT NULL,
        added_at BIGINT NOT NULL,
        PRIMARY KEY (medium, address)
    )""",
    "CREATE INDEX IF NOT EXISTS user_threepids_user ON user_threepids (user_id)",
    """CREATE TABLE IF NOT EXISTS uia_sessions (
        id TEXT NOT NULL PRIMARY KEY,
        subject TEXT NOT NULL,
        stage TEXT,
        proof TEXT,
        expires_at BIGINT NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS uia_sessions_expires ON uia_sessions (expires_at)",
)


async def prepare(db: Database) -> None:
    """Create or upgrade the library's tables, and create ours."""
    await migrate(db)
    await db.run(lambda: _create(db.dialect))


def ask(db: Database, sql: str, *parameters: Any) -> Awaitable[list[Row]]:
    """Run one statement as a transaction and return its rows."""
    return db.run(lambda: one(sql, *parameters))


def one(sql: str, *parameters: Any) -> Operation[list[Row]]:
    """One statement as a transaction, or as a part of one (``yield from``)."""
    return (yield sql, parameters)


def _create(dialect: str) -> Operation[None]:
    if dialect == "postgresql":
        yield "SELECT pg_advisory_xact_lock(?)", (_LOCK,)
    for statement in _TABLES:
        yield statement, ()
