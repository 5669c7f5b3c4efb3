"""A primary of PostgreSQL is killed, and its synchronous standby promoted, while clients request tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from time import monotonic
from typing import Any

import psycopg
import pytest
from attrs import Factory, define, frozen

from matrix_threepid import ConfigurationError
from matrix_threepid.stores import Database, Psycopg, SqlLimits, SqlSessions, check_schema, migrate, open_database
from matrix_threepid.stores.asyncpg import Asyncpg
from matrix_threepid.testing import ALICE, World

from .failover import Pair, pair

OUTAGE, FIRST, LONGEST = 10.0, 5.0, 10.0
"""The s between the death of the primary and the promotion; until the first 200 after it; that an answer may take."""


@frozen
class Answered:
    """An answer: the time in s at which it was there, its status, the s it took, and the session it named."""

    at: float
    status: int
    took: float
    sid: str | None


@define
class Load:
    """Clients that request tokens, each for a new address, one after the other until ``stopped``."""

    world: World
    answers: list[Answered] = Factory(list)
    stopped: bool = False
    _numbers: Any = Factory(count)

    async def client(self) -> None:
        """Make requests. An exception, which a host would answer with 500, ends the test."""
        while not self.stopped:
            body = {"email": f"u{next(self._numbers)}@example.org", "client_secret": "secret", "send_attempt": 1}
            begun = monotonic()
            answer = await self.world.acall("POST", "/account/3pid/email/requestToken", body, ALICE)
            sid = answer.json().get("sid")
            self.answers.append(Answered(monotonic(), answer.status, monotonic() - begun, sid))
            await asyncio.sleep(0.01)

    def statuses(self, since: float, until: float) -> set[int]:
        """Return the statuses of the answers between two times."""
        return {each.status for each in self.answers if since <= each.at < until}


@asynccontextmanager
async def _opened(driver: str, uri: str) -> AsyncIterator[Database]:
    if driver == "open_database":
        async with open_database(uri) as db:
            yield db
    elif driver == "asyncpg":
        import asyncpg

        pool = await asyncpg.create_pool(uri, min_size=1, max_size=8, timeout=3, command_timeout=5)
        try:
            yield Asyncpg(pool.acquire)
        finally:
            pool.terminate()
    else:
        from psycopg_pool import ConnectionPool

        how = {"connect_timeout": 2}
        with ConnectionPool(
            uri, min_size=1, max_size=8, timeout=5, reconnect_timeout=2, kwargs=how, open=True
        ) as blocking:
            yield Psycopg(blocking.connection)


DRIVERS = ("open_database", "psycopg", "asyncpg")


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_standby_takes_over(driver: str) -> None:
    """Clients hear 503 while no server takes writes and 200 soon after the promotion; nothing acknowledged is lost."""
    with pair() as servers:
        asyncio.run(_taken_over(driver, servers))


async def _taken_over(driver: str, servers: Pair) -> None:
    async with _opened(driver, servers.uri) as db:
        await migrate(db)
        sessions = SqlSessions(db)
        load = Load(World(sessions=sessions, limiter=SqlLimits(db)))
        clients = [asyncio.create_task(load.client()) for _ in range(4)]
        await asyncio.sleep(1.5)
        servers.primary.kill()
        killed = monotonic()
        await asyncio.sleep(OUTAGE)
        promoting = monotonic()
        await asyncio.to_thread(servers.standby.promote)
        promoted = monotonic()
        await asyncio.sleep(FIRST + 1)
        await asyncio.to_thread(_read_only, servers, on=True)
        changed = monotonic()
        await asyncio.sleep(2)
        lifting = monotonic()
        await asyncio.to_thread(_read_only, servers, on=False)
        await asyncio.sleep(2)
        load.stopped = True
        await asyncio.gather(*clients)

        first = min(each.at for each in load.answers if each.status == 200 and each.at > promoted) - promoted
        longest = max(each.took for each in load.answers)
        # Seen with ``-s``: the figures of docs/stores.md.
        print(f"{driver}: first 200 after {first:.2f} s, longest answer {longest:.2f} s")  # noqa: T201
        assert load.statuses(0, killed) == {200}
        # Requests that were under way may still have been served.
        assert load.statuses(killed + 1, promoting) == {503}
        assert first <= FIRST
        assert longest <= LONGEST
        assert load.statuses(changed + 1, lifting) == {503}
        assert load.answers[-1].status == 200
        lost = [each.sid for each in load.answers if each.sid is not None and await sessions.get(each.sid) is None]
        assert lost == []


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_frozen_primary_is_left(driver: str) -> None:
    """A primary that takes connections and answers nothing is an outage like any other, and its standby takes over."""
    with pair() as servers:
        asyncio.run(_left_frozen(driver, servers))


async def _left_frozen(driver: str, servers: Pair) -> None:
    async with _opened(driver, servers.uri) as db:
        await migrate(db)
        sessions = SqlSessions(db)
        load = Load(World(sessions=sessions, limiter=SqlLimits(db)))
        clients = [asyncio.create_task(load.client()) for _ in range(4)]
        await asyncio.sleep(1.5)
        servers.primary.freeze()
        frozen = monotonic()
        await asyncio.sleep(OUTAGE)
        promoting = monotonic()
        if driver == "asyncpg":
            # It has one timeout for all servers of a URI, and a frozen first one uses it up.
            servers.primary.fence()
        await asyncio.to_thread(servers.standby.promote)
        promoted = monotonic()
        await asyncio.sleep(FIRST + 1)
        load.stopped = True
        await asyncio.wait(clients, timeout=30)
        first = (
            min((each.at for each in load.answers if each.status == 200 and each.at > promoted), default=9e9) - promoted
        )
        longest = max(each.took for each in load.answers)
        print(f"{driver}, frozen: first 200 after {first:.2f} s, longest answer {longest:.2f} s")  # noqa: T201
        assert load.statuses(frozen + 1, promoting) == {503}
        assert first <= FIRST
        assert longest <= LONGEST
        lost = [each.sid for each in load.answers if each.sid is not None and await sessions.get(each.sid) is None]
        assert lost == []


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_demoted_primary_is_left(driver: str) -> None:
    """After a primary was made the standby of its standby, clients are served there, and by it alone hear 503."""
    with pair() as servers:
        asyncio.run(_left_demoted(driver, servers))


async def _left_demoted(driver: str, servers: Pair) -> None:
    async with _opened(driver, servers.uri) as db:
        await migrate(db)
        sessions = SqlSessions(db)
        load = Load(World(sessions=sessions, limiter=SqlLimits(db)))
        clients = [asyncio.create_task(load.client()) for _ in range(4)]
        await asyncio.sleep(1.5)
        await asyncio.to_thread(servers.primary.follow, servers.standby)
        demoted = monotonic()
        await asyncio.sleep(FIRST + 1)
        load.stopped = True
        await asyncio.gather(*clients)
        first = min(each.at for each in load.answers if each.status == 200 and each.at > demoted) - demoted
        print(f"{driver}, demoted: first 200 after {first:.2f} s")  # noqa: T201
        assert {each.status for each in load.answers} <= {200, 503}
        assert first <= FIRST
        lost = [each.sid for each in load.answers if each.sid is not None and await sessions.get(each.sid) is None]
        assert lost == []

    async with _opened(driver, servers.of(servers.primary)) as db:
        alone = Load(World(sessions=SqlSessions(db), limiter=SqlLimits(db)))
        client = asyncio.create_task(alone.client())
        await asyncio.sleep(0.5)
        alone.stopped = True
        await client
        assert {each.status for each in alone.answers} == {503}
        with pytest.raises(ConfigurationError, match="read-only"):
            await check_schema(db)


def _read_only(servers: Pair, *, on: bool) -> None:
    """Have the new primary refuse changes as a demoted one does, or take them again."""
    with psycopg.connect(servers.of(servers.standby), autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if on else 'off'}")
        connection.execute("SELECT pg_reload_conf()")
