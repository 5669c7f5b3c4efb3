"""``examples/redis_store`` keeps its contracts on a real server, with both clients."""

# ruff: noqa: D101  the contract says what is tested
from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from redis_server import server

from examples.redis_store import RedisLimits, RedisSessions, for_asyncio, for_threads
from matrix_threepid import run_sync
from matrix_threepid.testing import ALICE, RateLimiterContract, SessionStoreContract, World


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that the tests share; each has keys of its own."""
    if given := os.environ.get("TEST_REDIS_URL"):
        yield given
        return
    with server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def prefix() -> str:
    return f"{{{token_hex(8)}}}:"


class WithBothClients:
    threads = True
    run: Callable[..., Any]

    @pytest.fixture
    def blocking(self, url: str) -> Iterator[Any]:
        with for_threads(url) as client:
            yield client

    @pytest.fixture
    def looping(self, url: str, loop: asyncio.AbstractEventLoop) -> Iterator[Any]:
        self.run = lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(60)
        client = for_asyncio(url)
        yield client
        self.run(client.aclose())

    @pytest.fixture(params=["blocking", "looping"])
    def client(self, request: pytest.FixtureRequest) -> Any:
        return request.getfixturevalue(request.param)


class TestRedisSessions(WithBothClients, SessionStoreContract):
    @pytest.fixture
    def store(self, client: Any, prefix: str) -> RedisSessions:
        return RedisSessions(client, prefix)


class TestRedisLimits(WithBothClients, RateLimiterContract):
    @pytest.fixture
    def limiter(self, client: Any, prefix: str) -> RedisLimits:
        return RedisLimits(client, prefix)


def ports(client: Any, prefix: str) -> dict[str, Any]:
    return {"sessions": RedisSessions(client, prefix), "limiter": RedisLimits(client, prefix)}


def test_an_address_is_proved_and_added(make_world: Callable[..., World], url: str, prefix: str) -> None:
    """A mail is asked for, its link submitted, the address added, once."""
    with for_threads(url) as client:
        world = make_world(**ports(client, prefix))
        sid = world.prove("Alice@example.org")
        assert world.add(sid).status == 200
        assert world.threepids() == ["alice@example.org"]
        world.clock.advance(86_400_000)
        assert world.add(sid).json()["errcode"] == "M_THREEPID_AUTH_FAILED"


def test_it_works_on_an_event_loop(make_world: Callable[..., World], url: str, prefix: str) -> None:
    """The same stores serve a host on asyncio; a request that is repeated finds its session."""

    async def ask_twice() -> list[Any]:
        async with for_asyncio(url) as client:
            world = make_world(**ports(client, prefix))
            body = {"client_secret": "secret", "email": "alice@example.org", "send_attempt": 1}
            path = "/account/3pid/email/requestToken"
            answers = [await world.acall("POST", path, body, user=ALICE) for _ in range(2)]
            assert len(world.outbox.messages) == 1
            return [answer.json()["sid"] for answer in answers]

    first, second = asyncio.run(ask_twice())
    assert first == second


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    """With the README's settings a server that is killed has forgotten nothing when it is back."""
    world = World()
    session = run_sync(world.homeserver.sessions.get(world.prove()))
    for act in ("open", "get"):
        with server(tmp_path) as url, for_threads(url) as client:
            value = session if act == "open" else session.sid
            assert run_sync(getattr(RedisSessions(client), act)(value)) == session


@pytest.mark.answers_5xx(503)
def test_clients_of_a_server_that_is_gone_may_try_again(make_world: Callable[..., World]) -> None:
    """Who cannot be reached is not a bug: the answer is 503."""
    with for_threads("redis://127.0.0.1:1") as client:
        assert make_world(**ports(client, "")).ask().status == 503


@pytest.mark.answers_5xx(503)
def test_a_full_server_forgets_nothing_and_takes_nothing(make_world: Callable[..., World], tmp_path: Path) -> None:
    """At its memory limit a server that evicts nothing makes clients try again, too."""
    with server(tmp_path, maxmemory="1kb") as url, for_threads(url) as client:
        assert make_world(**ports(client, "")).ask().status == 503
