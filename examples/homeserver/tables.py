"""The servers' own tables, beside the library's in the same database."""

from __future__ import annotations

from collections.abc import Awaitable
from hashlib import sha256
from typing import Any

from attrs import frozen

from matrix_threepid.stores import Database, Operation, Row, migrate

_LOCK = 0x486F6D65


@frozen
class Part:
    """A part of the server with tables of its own; with a ``name``, in a database (or schema) of its own."""

    tables: tuple[str, ...]
    name: str | None = None


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
    """CREATE TABLE IF NOT EXISTS openid_tokens (
        token_hash TEXT NOT NULL PRIMARY KEY,
        user_id TEXT NOT NULL REFERENCES users (user_id),
        expires_at BIGINT NOT NULL
    )""",
)
_ROOMS = (
    """CREATE TABLE IF NOT EXISTS rooms (
        room_id TEXT NOT NULL PRIMARY KEY,
        version TEXT NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS room_state (
        room_id TEXT NOT NULL REFERENCES rooms (room_id),
        type TEXT NOT NULL,
        state_key TEXT NOT NULL,
        sender TEXT NOT NULL,
        content TEXT NOT NULL,
        PRIMARY KEY (room_id, type, state_key)
    )""",
    """CREATE TABLE IF NOT EXISTS exchanges (
        id TEXT NOT NULL PRIMARY KEY,
        server_name TEXT NOT NULL,
        event TEXT NOT NULL,
        due_at BIGINT NOT NULL,
        tries BIGINT NOT NULL
    )""",
)
HOMESERVER = Part((*_TABLES, *_ROOMS))
IDENTITY_SERVER = Part((), "identity_server")


async def prepare(db: Database, part: Part) -> None:
    """Create or upgrade the library's tables, and create ours."""
    await migrate(db)
    await db.run(lambda: _create(db.dialect, part.tables))


def schema(part: Part) -> Operation[None]:
    """Create the schema of a part in PostgreSQL, if it has one of its own."""
    if part.name is not None:
        yield "SELECT pg_advisory_xact_lock(?)", (_LOCK,)
        yield f"CREATE SCHEMA IF NOT EXISTS {part.name}", ()


def ask(db: Database, sql: str, *parameters: Any) -> Awaitable[list[Row]]:
    """Run one statement as a transaction and return its rows."""
    return db.run(lambda: one(sql, *parameters))


def hashed(token: str) -> str:
    """Return what is stored of a token."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def one(sql: str, *parameters: Any) -> Operation[list[Row]]:
    """One statement as a transaction, or as a part of one (``yield from``)."""
    return (yield sql, parameters)


def _create(dialect: str, tables: tuple[str, ...]) -> Operation[None]:
    if dialect == "postgresql":
        yield "SELECT pg_advisory_xact_lock(?)", (_LOCK,)
    for statement in tables:
        yield statement, ()
