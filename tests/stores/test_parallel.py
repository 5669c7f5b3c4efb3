"""Requests that arrive together, in threads, on every store that threads may share."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

import pytest
from attrs import evolve

from matrix_threepid import Limit
from matrix_threepid.memory.limits import MemoryLimits
from matrix_threepid.memory.sessions import MemorySessions
from matrix_threepid.stores.sql import SqlLimits, SqlSessions
from matrix_threepid.testing import ALICE, BOB, GENEROUS, PASSWORD

from .accounts import SqlAccounts

T = TypeVar("T")
ADDRESS = "alice@example.org"


@pytest.fixture(params=["memory", "sqlite"])
def stores(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Sessions and limits on one back end."""
    if request.param == "memory":
        return {"sessions": MemorySessions(), "limiter": MemoryLimits()}
    db = request.getfixturevalue(request.param)
    return {"sessions": SqlSessions(db), "limiter": SqlLimits(db)}


def together(count: int, call: Callable[[int], T]) -> list[T]:
    """Make so many calls in threads that start as one."""
    start = Barrier(count)

    def begin(number: int) -> T:
        start.wait(30)
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))


@pytest.mark.rule("SEC-36")
def test_the_same_request_ten_times_at_once_sends_one_mail(make_world: Any, stores: dict[str, Any]) -> None:
    """Ten parallel requestTokens with the same parameters: one mail, one sid."""
    world = make_world(**stores)
    responses = together(10, lambda _: world.ask(ADDRESS))
    assert [response.status for response in responses] == [200] * 10
    assert len({response.json()["sid"] for response in responses}) == 1
    assert len(world.outbox.messages) == 1
    assert len(stores["sessions"].dump()) == 1


def test_rising_attempts_at_once_share_a_session(make_world: Any, stores: dict[str, Any]) -> None:
    """Ten attempts of one client at once have one sid; the largest is sent, none of them twice."""
    world = make_world(**stores)
    responses = together(10, lambda number: world.ask(ADDRESS, attempt=number + 1))
    assert [response.status for response in responses] == [200] * 10
    assert len({response.json()["sid"] for response in responses}) == 1
    (session,) = stores["sessions"].dump()
    assert session.send_attempt == 10
    assert 1 <= len(world.outbox.messages) <= session.serial <= 10


@pytest.mark.rule("SEC-5")
def test_an_address_added_by_two_users_at_once_has_one_owner(make_world: Any, sqlite: Any) -> None:
    """Twenty parallel adds of one address by two users who both proved it: one of them has it."""
    accounts = SqlAccounts(sqlite)
    world = make_world(sessions=SqlSessions(sqlite), limiter=SqlLimits(sqlite), accounts=accounts)
    bodies = {user: {"sid": world.prove(ADDRESS, user=user), "client_secret": "secret"} for user in (ALICE, BOB)}
    users = [ALICE, BOB] * 10
    flows = [world.post("/account/3pid/add", bodies[user], user).json()["session"] for user in users]

    def add(number: int) -> int:
        auth = {"type": "m.login.password", "password": PASSWORD, "session": flows[number]}
        body = {**bodies[users[number]], "auth": auth}
        return int(world.post("/account/3pid/add", body, users[number]).status)

    statuses = together(20, add)
    owners = {user for user in (ALICE, BOB) if world.threepids(user) == [ADDRESS]}
    added = {user for user, status in zip(users, statuses, strict=True) if status == 200}
    assert len(owners) == 1
    assert added == owners
    assert set(statuses) <= {200, 400, 403}


def test_a_limit_is_shared_by_all_who_ask_at_once(make_world: Any, stores: dict[str, Any]) -> None:
    """Ten different requests for one address at once send as many mails as the policy allows."""
    world = make_world({"limits": evolve(GENEROUS, per_address=Limit(3, 0.001))}, **stores)
    statuses = together(10, lambda number: world.ask(ADDRESS, f"secret{number}").status)
    assert sorted(statuses) == [200] * 3 + [429] * 7
    assert len(world.outbox.messages) == 3
