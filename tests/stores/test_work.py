"""What each request makes a database do, so that no change adds a commit or a round trip that nobody sees."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve

from matrix_threepid import Limit, Medium, run_sync
from matrix_threepid.model.threepid import AccountThreepid
from matrix_threepid.stores.asyncpg import Asyncpg
from matrix_threepid.stores.psycopg import AsyncPsycopg, Psycopg
from matrix_threepid.stores.sql import Database, SqlBindings, SqlLimits, SqlMessages, SqlSessions, migrate
from matrix_threepid.testing import BOB, GENEROUS, World
from matrix_threepid.testing.fake_accounts import PASSWORD

from .counting import Counting, RoundTrips, TracedSqlite
from .postgres import database, on_a_loop

Run = Callable[[Any], Any]
POSTGRESQL = ("psycopg", "psycopg async", "asyncpg")

WORK: dict[str, tuple[int, int, int]] = {
    "requestToken": (2, 2, 5),
    "the same again": (1, 1, 6),
    "the next send_attempt": (2, 2, 7),
    "above the limit": (0, 0, 4),
    "an address in use": (1, 1, 5),
    "the page": (0, 0, 1),
    "its button": (1, 1, 2),
    "its button again": (0, 0, 1),
    "add, with the first request for UIA": (2, 2, 4),
    "the list": (0, 0, 0),
    "delete": (0, 0, 3),
    "POST /account/3pid": (2, 2, 3),
    "requestToken for a phone": (2, 2, 6),
    "a wrong code": (2, 2, 3),
    "a right code": (2, 2, 7),
    "add, with a notice to an address": (3, 3, 5),
    "deliver_due with a notice": (6, 10, 10),
    "deliver_due without a message": (0, 2, 2),
    "purge without a row": (0, 3, 4),
}
"""By request: durable commits, transactions that SQLite begins, round trips to PostgreSQL, the same by any driver."""

ONE_TRIP_MORE = (
    "requestToken",
    "the same again",
    "the next send_attempt",
    "the page",
    "requestToken for a phone",
    "purge without a row",
)
"""What asks PostgreSQL once more with a store of messages; every other request does what it does without.

A request that is repeated is told whether its mail came back, and the page of a link says so.
"""


@define
class Visit:
    """What users do, one request a method; ``number`` keeps visits apart."""

    world: World
    number: int
    sid: str = ""

    @property
    def user(self) -> str:
        return f"@user{self.number}:hs.example.org"

    async def ask(self, attempt: int = 1, address: str = "new{}@example.org", status: int = 200) -> None:
        body = {"email": address.format(self.number), "client_secret": "secret", "send_attempt": attempt}
        answer = await self.world.acall("POST", "/account/3pid/email/requestToken", body, self.user)
        assert answer.status == status
        self.sid = answer.json().get("sid", self.sid)

    async def ask_again(self) -> None:
        await self.ask()

    async def ask_for_another_mail(self) -> None:
        await self.ask(2)

    async def ask_for_one_in_use(self) -> None:
        await self.ask(address="taken{}@example.org", status=400)

    async def ask_above_the_limit(self) -> None:
        policy = self.world.homeserver.policy
        self.world.rewire(policy=evolve(policy, limits=evolve(GENEROUS, per_address=Limit(1, 1 / 86_400))))
        try:
            await self.ask(3, status=429)
        finally:
            self.world.rewire(policy=policy)

    async def open_page(self) -> None:
        path, query = self._link()
        assert (await self.world.acall("GET", path, query=query)).status == 200

    async def confirm(self) -> None:
        path, query = self._link()
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert (await self.world.acall("POST", path, query.encode(), headers=form)).status == 303

    async def confirm_again(self) -> None:
        await self.confirm()

    async def add(self) -> None:
        body = {"sid": self.sid, "client_secret": "secret"}
        first = await self.world.acall("POST", "/account/3pid/add", body, self.user)
        auth = {"type": "m.login.password", "password": PASSWORD, "session": first.json()["session"]}
        answer = await self.world.acall("POST", "/account/3pid/add", {**body, "auth": auth}, self.user)
        assert (first.status, answer.status) == (401, 200)

    async def add_without_password(self) -> None:
        body = {"three_pid_creds": {"sid": self.sid, "client_secret": "secret"}}
        assert (await self.world.acall("POST", "/account/3pid", body, self.user)).status == 200

    async def list(self) -> None:
        assert (await self.world.acall("GET", "/account/3pid", user=self.user)).status == 200

    async def delete(self) -> None:
        body = {"medium": "email", "address": f"new{self.number}@example.org"}
        assert (await self.world.acall("POST", "/account/3pid/delete", body, self.user)).status == 200

    async def ask_for_code(self) -> None:
        body = {"country": "GB", "phone_number": f"+44770090000{self.number}", "client_secret": "secret"}
        answer = await self.world.acall(
            "POST", "/account/3pid/msisdn/requestToken", {**body, "send_attempt": 1}, self.user
        )
        assert answer.status == 200
        self.sid = answer.json()["sid"]

    async def type_wrong_code(self) -> None:
        assert (await self._type("000000" if self.world.sms.last.code != "000000" else "111111")).status == 400

    async def type_code(self) -> None:
        assert (await self._type(self.world.sms.last.code)).status == 200

    async def send_notice(self) -> None:
        assert await self.world.service.deliver_due() == 2  # what happened, and the notice of it

    async def send_nothing(self) -> None:
        assert await self.world.service.deliver_due() == 0

    async def purge_nothing(self) -> None:
        assert await self.world.service.purge() == 0

    def _link(self) -> tuple[str, str]:
        path, _, query = (self.world.outbox.last.link or "").removeprefix("https://hs.example.org").partition("?")
        return path, query

    async def _type(self, code: str | None) -> Any:
        body = {"sid": self.sid, "client_secret": "secret", "token": code}
        return await self.world.acall("POST", "/_matrix/client/unstable/threepid/msisdn/submit_token", body)


def _visited(world: World, number: int) -> Iterator[tuple[str, Any]]:
    """Yield the requests of a visit: a name, and what to await."""
    visit = Visit(world, number)
    taken = f"taken{number}@example.org"
    held = AccountThreepid(medium=Medium.EMAIL, address=taken, validated_at=1, added_at=1, spelling=taken)
    world.accounts.on.append((BOB, held))
    yield "requestToken", visit.ask
    yield "the same again", visit.ask_again
    yield "the next send_attempt", visit.ask_for_another_mail
    yield "above the limit", visit.ask_above_the_limit
    yield "an address in use", visit.ask_for_one_in_use
    yield "the page", visit.open_page
    yield "its button", visit.confirm
    yield "its button again", visit.confirm_again
    yield "add, with the first request for UIA", visit.add
    yield "the list", visit.list
    yield "delete", visit.delete
    yield "(requestToken)", visit.ask
    yield "(its button)", visit.confirm
    yield "POST /account/3pid", visit.add_without_password
    yield "requestToken for a phone", visit.ask_for_code
    yield "a wrong code", visit.type_wrong_code
    yield "a right code", visit.type_code
    yield "add, with a notice to an address", visit.add
    yield "deliver_due with a notice", visit.send_notice
    yield "deliver_due without a message", visit.send_nothing
    yield "purge without a row", visit.purge_nothing


def _done(db: Database, run: Run, trips: Callable[[], int], *, recorded: bool = False) -> dict[str, tuple[int, int]]:
    """Return the durable commits of each request, and what ``trips`` counts; ``recorded``: with a store of messages."""
    run(_awaited(migrate(db)))
    counting, done = Counting(db), {}
    stores = {"sessions": SqlSessions(counting), "limiter": SqlLimits(counting), "bindings": SqlBindings(counting)}
    world = World(**stores, messages=SqlMessages(counting) if recorded else None)
    world.rewire(senders={Medium.EMAIL: world.outbox, Medium.MSISDN: world.sms})
    # Twice, since drivers prepare a statement when they first meet it.
    for number in range(2):
        for name, request in _visited(world, number):
            before = counting.changes, trips()
            run(request())
            done[name] = counting.changes - before[0], trips() - before[1]
    return {name: work for name, work in done.items() if not name.startswith("(")}


def test_sqlite_does_what_is_known(tmp_path: Path) -> None:
    """Each request begins as many transactions as ``WORK`` says, and as many of them change something."""
    with closing(TracedSqlite(str(tmp_path / "threepid.db"))) as db:
        done = _done(db, run_sync, lambda: db.begun["BEGIN"])
        assert done == {name: (commits, begun) for name, (commits, begun, _) in WORK.items()}


@pytest.mark.parametrize("name", POSTGRESQL)
def test_postgresql_is_asked_what_is_known(postgres: str, name: str) -> None:
    """Each request makes as many round trips to PostgreSQL as ``WORK`` says, whatever the driver."""
    trips = RoundTrips()
    with database(postgres) as uri, trips.in_front_of(uri) as proxy, _opened(name, proxy) as (db, run):
        done = _done(db, run, lambda: trips.count)
    assert done == {name: (commits, trips) for name, (commits, _, trips) in WORK.items()}


def test_sqlite_records_messages_without_another_commit(tmp_path: Path) -> None:
    """With a store of messages in the same file each request begins and commits as many transactions as without."""
    with closing(TracedSqlite(str(tmp_path / "threepid.db"))) as db:
        done = _done(db, run_sync, lambda: db.begun["BEGIN"], recorded=True)
        assert done == {name: (commits, begun) for name, (commits, begun, _) in WORK.items()}


def test_postgresql_records_a_message_with_one_round_trip(postgres: str) -> None:
    """With a store of messages no request has a commit more, and what sends or tells of a message one trip more."""
    trips = RoundTrips()
    with database(postgres) as uri, trips.in_front_of(uri) as proxy, _opened("psycopg", proxy) as (db, run):
        done = _done(db, run, lambda: trips.count, recorded=True)
    assert done == {name: (commits, trips + (name in ONE_TRIP_MORE)) for name, (commits, _, trips) in WORK.items()}


@contextmanager
def _opened(name: str, uri: str) -> Iterator[tuple[Database, Run]]:
    """Give a database on one connection, and what runs its coroutines."""
    import psycopg

    if name == "psycopg":
        with psycopg.connect(uri, prepare_threshold=None) as connection:
            yield Psycopg(lambda: _nothing(connection)), run_sync
        return
    with on_a_loop() as loop:
        opening = _asyncpg(uri) if name == "asyncpg" else _psycopg_async(uri)
        db = loop.run_until_complete(opening.__aenter__())
        try:
            yield db, loop.run_until_complete
        finally:
            loop.run_until_complete(opening.__aexit__(None, None, None))


@contextmanager
def _nothing(connection: Any) -> Iterator[Any]:
    yield connection


@asynccontextmanager
async def _lent(connection: Any) -> AsyncIterator[Any]:
    yield connection


@asynccontextmanager
async def _psycopg_async(uri: str) -> AsyncIterator[AsyncPsycopg]:
    import psycopg

    async with await psycopg.AsyncConnection.connect(uri, prepare_threshold=None) as connection:
        yield AsyncPsycopg(lambda: _lent(connection))


@asynccontextmanager
async def _asyncpg(uri: str) -> AsyncIterator[Asyncpg]:
    import asyncpg

    connection = await asyncpg.connect(uri)
    try:
        yield Asyncpg(lambda: _lent(connection))
    finally:
        await connection.close()


async def _awaited(awaitable: Any) -> Any:
    return await awaitable
