"""PgBouncer in the mode ``transaction`` before PostgreSQL: no transaction of ours needs a connection of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from stores.counting import RoundTrips
from stores.postgres import database, server

from matrix_threepid import Limit
from matrix_threepid.__main__ import main
from matrix_threepid.commands.checking.databases import of_databases
from matrix_threepid.commands.checking.findings import Kind
from matrix_threepid.ports import Charge
from matrix_threepid.stores import Asyncpg, Database, Psycopg, SqlLimits, SqlSessions, migrate, open_database
from matrix_threepid.stores.sql.postgresql import POOLER
from matrix_threepid.testing import World
from matrix_threepid.testing.contracts.values import session

from ..programs import WORK, Program, free_port, listens

PLACE = WORK / "pgbouncer"
if not (PLACE / "complete").exists():
    pytest.skip(f"no PgBouncer in {PLACE}: run tests/interop/prepare.sh where apt-get is", allow_module_level=True)
CLIENTS, ROUNDS, NOW = 8, 13, 1_700_000_000_000
"""Four transactions a round: 416 in all, on the two connections that PgBouncer keeps to the server."""
Opened = Callable[[str], AbstractAsyncContextManager[Database]]


@asynccontextmanager
async def _psycopg(url: str, threshold: int | None = None) -> AsyncIterator[Database]:
    from psycopg_pool import ConnectionPool

    with ConnectionPool(url, min_size=CLIENTS, kwargs={"prepare_threshold": threshold}) as pool:
        yield Psycopg(pool.connection)


@asynccontextmanager
async def _asyncpg(url: str) -> AsyncIterator[Database]:
    import asyncpg

    async with asyncpg.create_pool(url, min_size=CLIENTS, max_size=CLIENTS, statement_cache_size=0) as pool:
        yield Asyncpg(pool.acquire, prepared=False)


@asynccontextmanager
async def _asyncpg_as_it_is(url: str) -> AsyncIterator[Database]:
    import asyncpg

    async with asyncpg.create_pool(url, min_size=1) as pool:
        yield Asyncpg(pool.acquire)


WAYS: dict[str, Opened] = {
    "a URL": lambda url: open_database(f"{url}?prepared=off"),
    "psycopg": _psycopg,
    "asyncpg": _asyncpg,
}
UNSET: dict[str, Opened] = {
    "a URL": open_database,
    "psycopg": lambda url: _psycopg(url, 5),
    "asyncpg": _asyncpg_as_it_is,
}


@pytest.fixture(scope="module")
def bouncer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Give the URLs of a database that is migrated: through PgBouncer, and straight to the server."""
    folder, port = tmp_path_factory.mktemp("pgbouncer"), free_port()
    # PgBouncer reaches the server by TCP, since the folder of its socket may be closed to the user that runs it.
    with server() as uri, database(uri) as straight, RoundTrips().in_front_of(straight) as proxy:
        program = Program(_command(folder, port, proxy), folder, {"LD_LIBRARY_PATH": str(*PLACE.glob("usr/lib/*-gnu"))})
        with program.running(lambda: listens(port)):
            asyncio.run(_migrated(straight))
            yield f"postgresql://postgres@127.0.0.1:{port}/threepid", straight


def _command(folder: Path, port: int, server: str) -> tuple[str, ...]:
    to = urlsplit(server)
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": "transaction",
        "default_pool_size": 2,
        "server_tls_sslmode": "disable",
    }
    lines = [
        "[databases]",
        f"threepid = host={to.hostname} port={to.port} dbname={to.path[1:]} user={to.username}",
        "[pgbouncer]",
        *(f"{name} = {value}" for name, value in settings.items()),
    ]
    (folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
    # PgBouncer refuses to work as root, and becomes the user it is told.
    user = ("-u", "nobody") if os.geteuid() == 0 else ()
    return (str(PLACE / "usr/sbin/pgbouncer"), *user, str(folder / "pgbouncer.ini"))


async def _migrated(url: str) -> None:
    async with open_database(url) as db:
        await migrate(db)


@pytest.mark.parametrize("way", WAYS)
def test_no_transaction_fails(bouncer: tuple[str, str], way: str) -> None:
    """With prepared statements off each transaction may go to another connection of the server."""

    async def everybody() -> None:
        async with WAYS[way](bouncer[0]) as db:
            await asyncio.gather(*(_client(db, f"{way} {number}") for number in range(CLIENTS)))

    asyncio.run(everybody())


async def _client(db: Database, name: str) -> None:
    sessions, limits = SqlSessions(db), SqlLimits(db)
    for number in range(ROUNDS):
        sid = f"{name} {number}"
        charges = [Charge(f"{name} {key}", Limit(ROUNDS, 1 / 86_400)) for key in "ab"]
        assert await limits.charge(charges, NOW) == 0
        opened = await sessions.open(session(sid))
        assert await sessions.replace(opened.end())
        stored = await sessions.get(sid)
        assert stored is not None
        assert stored.ended
    assert await limits.charge(charges, NOW) > 0, "each round was counted once"


@pytest.mark.parametrize(("ways", "pooled", "breaks"), [(UNSET, 0, True), (WAYS, 0, False), (UNSET, 1, False)])
@pytest.mark.parametrize("way", WAYS)
def test_each_driver_recognises_it(
    bouncer: tuple[str, str], ways: dict[str, Opened], way: str, pooled: int, breaks: bool
) -> None:
    """Prepared statements behind a pooler are seen; either of them without the other is fine."""

    async def asked() -> bool:
        async with ways[way](bouncer[pooled]) as db:
            return await db.prepares_behind_a_pooler()  # type: ignore[attr-defined,no-any-return]

    assert asyncio.run(asked()) is breaks


@pytest.mark.parametrize(("pooled", "said"), [(0, [POOLER]), (1, [])])
def test_check_names_the_setting(bouncer: tuple[str, str], pooled: int, said: list[str]) -> None:
    """``check`` says of a host's wiring what does not work behind a pooler."""
    import psycopg

    sessions = SqlSessions(Psycopg(partial(psycopg.connect, bouncer[pooled])))
    found = of_databases(World(sessions=sessions).homeserver, "asyncio")
    assert [each.text for each in found if each.kind is Kind.UNFIT] == said


@pytest.mark.parametrize(
    ("setting", "said"), [("", f"python -m matrix_threepid migrate: {POOLER}\n"), ("?prepared=off", "")]
)
def test_migrate_names_the_setting(
    bouncer: tuple[str, str], capsys: pytest.CaptureFixture[str], setting: str, said: str
) -> None:
    """``migrate --check`` says it of a URL."""
    assert main(["migrate", "--check", "--database", bouncer[0] + setting]) == 0
    assert capsys.readouterr().err == said
