"""The stores in Valkey keep their contracts on a real server."""

# ruff: noqa: D101  the contract says what is tested
from __future__ import annotations

import asyncio
import os
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from redis.exceptions import MovedError
from trustme import CA

from matrix_threepid import ConfigurationError
from matrix_threepid.observing import Metrics
from matrix_threepid.policy import Limit
from matrix_threepid.ports import Charge
from matrix_threepid.stores import Session, ValkeyLimits, ValkeySessions, open_valkey
from matrix_threepid.stores.valkey.nodes import Cluster, Place
from matrix_threepid.testing import ALICE, PASSWORD, RateLimiterContract, SessionStoreContract, World
from matrix_threepid.testing.contracts.values import NOW, session

from .valkey_server import LoopThread, server


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that the tests share; each has keys of its own."""
    if given := os.environ.get("TEST_VALKEY_URL"):
        yield given
        return
    with server(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(scope="module")
def loop() -> Iterator[LoopThread]:
    loop = LoopThread()
    yield loop
    loop.close()


class OnValkey:
    """Runs a contract as tasks of the loop the connections belong to."""

    threads = True
    run: Callable[..., Any]

    @pytest.fixture
    def valkey(self, url: str, loop: LoopThread) -> Iterator[Any]:
        self.run = loop.run
        opening = open_valkey(f"{url}?prefix={token_hex(8)}&partitions=4")
        yield loop.run(opening.__aenter__())
        loop.run(opening.__aexit__(None, None, None))


@pytest.mark.rule("SEC-104", "SEC-105", "SEC-109")
class TestValkeySessions(OnValkey, SessionStoreContract):
    @pytest.fixture
    def store(self, valkey: Any) -> ValkeySessions:
        return ValkeySessions(valkey)


class TestValkeyLimits(OnValkey, RateLimiterContract):
    @pytest.fixture
    def limiter(self, valkey: Any) -> ValkeyLimits:
        return ValkeyLimits(valkey)


def own(url: str) -> str:
    return f"{url}?prefix={token_hex(8)}&partitions=16"


def test_an_address_is_proved_and_added(make_world: Callable[..., World], url: str) -> None:
    """A request that is repeated finds its session; its code is typed, the address added, once."""

    async def story() -> None:
        async with open_valkey(own(url)) as valkey:
            world = make_world(sessions=ValkeySessions(valkey), limiter=ValkeyLimits(valkey))
            body = {"client_secret": "secret", "email": "Alice@example.org", "send_attempt": 1}
            path = "/account/3pid/email/requestToken"
            first, second = [await world.acall("POST", path, body, user=ALICE) for _ in range(2)]
            assert first.json()["sid"] == second.json()["sid"]
            assert len(world.outbox.messages) == 1
            link = urlsplit(world.outbox.last.link or "")
            proof = {"sid": first.json()["sid"], "client_secret": "secret"}
            submitted = await world.acall("POST", link.path, {**proof, "token": parse_qs(link.query)["token"][0]})
            assert submitted.json() == {"success": True}
            asked = await world.acall("POST", "/account/3pid/add", proof, user=ALICE)
            auth = {"type": "m.login.password", "password": PASSWORD, "session": asked.json()["session"]}
            added = await world.acall("POST", "/account/3pid/add", {**proof, "auth": auth}, user=ALICE)
            assert added.status == 200
            world.clock.advance(86_400_000)
            late = await world.acall("POST", "/account/3pid/add", proof, user=ALICE)
            assert late.json()["errcode"] == "M_THREEPID_AUTH_FAILED"

    asyncio.run(story())


def test_a_session_id_names_its_partition(make_world: Callable[..., World], url: str) -> None:
    """The sid that a client receives begins with 128 random bits and ends with the partition of its session."""

    async def ask() -> tuple[str, list[str]]:
        async with open_valkey(own(url)) as valkey:
            sessions = ValkeySessions(valkey)
            world = make_world(sessions=sessions, limiter=ValkeyLimits(valkey))
            body = {"client_secret": "secret", "email": "alice@example.org", "send_attempt": 1}
            answer = await world.acall("POST", "/account/3pid/email/requestToken", body, user=ALICE)
            sid = answer.json()["sid"]
            stem = sid.rpartition(".")[0]
            others = [f"{stem}.{number}" for number in range(16) if f"{stem}.{number}" != sid]
            assert await sessions.get(sid) is not None
            return sid, [other for other in others if await sessions.get(other) is not None]

    sid, elsewhere = asyncio.run(ask())
    stem, _, partition = sid.rpartition(".")
    assert len(stem) == 22
    assert int(partition) in range(16)
    assert elsewhere == []


def test_a_refused_call_keeps_nothing_in_any_partition(url: str) -> None:
    """Of charges in many partitions, none stays if one refuses; the other keys grant their whole burst after it."""

    async def charge() -> list[int]:
        async with open_valkey(own(url)) as valkey:
            limiter, one = ValkeyLimits(valkey), Limit(1, 1)
            await limiter.charge([Charge("full", one)], NOW)
            keys = [f"key {number}" for number in range(40)]
            assert len({valkey.partition_of(key) for key in keys}) > 8
            assert await limiter.charge([Charge(key, one) for key in [*keys, "full"]], NOW) == 1000
            return [await limiter.charge([Charge(key, one)], NOW) for key in keys]

    assert asyncio.run(charge()) == [0] * 40


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    """A durable server that is killed has forgotten nothing when it is back."""
    opened = session("a", due_attempt=1, due_at=NOW)

    async def act(url: str) -> Session | None:
        async with open_valkey(f"{url}?durable=on") as valkey:
            found: Session | None = await ValkeySessions(valkey).open(opened)
            return found

    for _ in range(2):
        with server(tmp_path) as url:
            assert asyncio.run(act(url)) == opened


@pytest.mark.rule("SEC-290")
def test_a_promotion_ends_sessions(make_world: Callable[..., World], tmp_path: Path) -> None:
    """After a promotion sessions answer ``M_SESSION_EXPIRED``, their messages are not sent, and new ones work."""
    with server(tmp_path / "first") as first, server(tmp_path / "second") as second:
        asyncio.run(_promoted(make_world, first, second))


async def _promoted(make_world: Callable[..., World], first: str, second: str) -> None:
    deferred = {"client_secret": "secret", "email": "alice@example.org"}
    path = "/account/3pid/email/requestToken"
    await _follow(second, first)
    async with open_valkey(first) as valkey:
        world = make_world({"deferred_sending": True}, sessions=ValkeySessions(valkey), limiter=ValkeyLimits(valkey))
        sent = await world.acall("POST", path, {**deferred, "send_attempt": 1}, user=ALICE)
        await world.service.deliver_due()
        waiting = await world.acall("POST", path, {**deferred, "client_secret": "s2", "send_attempt": 1}, user=ALICE)
        assert waiting.status == 200
    await _promote(second)
    async with open_valkey(second) as valkey:
        sessions = ValkeySessions(valkey)
        world.rewire(sessions=sessions, limiter=ValkeyLimits(valkey))
        assert await sessions.of_owner(ALICE) == []
        link = urlsplit(world.outbox.last.link or "")
        proof = {"sid": sent.json()["sid"], "client_secret": "secret", "token": parse_qs(link.query)["token"][0]}
        late = await world.acall("POST", link.path, proof)
        assert (late.status, late.json()["errcode"]) == (400, "M_SESSION_EXPIRED")
        world.clock.advance(3_600_000)
        await world.service.deliver_due()
        assert len(world.outbox.messages) == 1
        again = await world.acall("POST", path, {**deferred, "send_attempt": 2}, user=ALICE)
        assert again.json()["sid"] != sent.json()["sid"]
        await world.service.deliver_due()
        assert len(world.outbox.messages) == 2
        stored = await sessions.get(sent.json()["sid"])
        assert stored is not None
        assert await sessions.replace(stored.guessed()) is False
        assert await sessions.replace(stored.end()) is True


async def _follow(replica: str, primary: str) -> None:
    """Make a server the replica of another, and return once it has everything."""
    async with Redis.from_url(replica.replace("valkey:", "redis:")) as client:
        place = urlsplit(primary)
        await client.replicaof(place.hostname, place.port)
        for _ in range(200):
            if (await client.info("replication"))["master_link_status"] == "up":
                return
            await asyncio.sleep(0.05)
    raise TimeoutError


async def _promote(replica: str) -> None:
    async with Redis.from_url(replica.replace("valkey:", "redis:")) as client:
        await client.replicaof("NO", "ONE")


@pytest.mark.answers_5xx(503)
def test_a_full_server_forgets_nothing_and_takes_nothing(make_world: Callable[..., World], tmp_path: Path) -> None:
    """At its memory limit a server that evicts nothing makes clients try again."""

    async def ask(url: str) -> int:
        async with open_valkey(url) as valkey:
            world = make_world(sessions=ValkeySessions(valkey), limiter=ValkeyLimits(valkey))
            return await _asked(world)

    with server(tmp_path, maxmemory="1kb") as url:
        assert asyncio.run(ask(url)) == 503


@pytest.mark.answers_5xx(503)
def test_clients_of_a_server_that_is_gone_may_try_again(make_world: Callable[..., World], tmp_path: Path) -> None:
    """A server that cannot be reached is an outage: the answer is 503."""

    async def ask() -> int:
        serving = server(tmp_path)
        url = serving.__enter__()
        async with open_valkey(url) as valkey:
            world = make_world(sessions=ValkeySessions(valkey), limiter=ValkeyLimits(valkey))
            serving.__exit__(None, None, None)
            return await _asked(world)

    assert asyncio.run(ask()) == 503


async def _asked(world: World) -> int:
    body = {"client_secret": "secret", "email": "alice@example.org", "send_attempt": 1}
    return (await world.acall("POST", "/account/3pid/email/requestToken", body, user=ALICE)).status


def test_a_server_says_whether_it_is_ready_and_what_waits(make_world: Callable[..., World], tmp_path: Path) -> None:
    """``health`` has the problem of a Valkey that is gone, and the metrics have what is due in one that is there."""
    asyncio.run(_observed(make_world, tmp_path))


async def _observed(make_world: Callable[..., World], folder: Path) -> None:
    metrics, serving = Metrics(CollectorRegistry()), server(folder)
    url = serving.__enter__()
    async with open_valkey(url) as valkey:
        sessions = ValkeySessions(valkey)
        world = make_world({"deferred_sending": True}, sessions=sessions, limiter=ValkeyLimits(valkey))
        await _asked(world)
        since = world.clock()
        world.clock.advance(7_000)
        assert (await world.service.health()).problems == ()
        for job in metrics.jobs(world.service):
            await job.work()
        names = ("matrix_threepid_queue_length", "matrix_threepid_queue_oldest_seconds")
        assert [metrics.registry.get_sample_value(name, {"queue": "messages"}) for name in names] == [1, 7]
        assert await sessions.queue(since - 1) == (0, None)
        serving.__exit__(None, None, None)
        assert (await world.service.health()).problems == ("the database does not answer",)


SLIPS = {
    "no scheme": ("127.0.0.1:6379", "must be valkey://"),
    "another scheme": ("postgresql://127.0.0.1", "must be valkey://"),
    "no host": ("valkey://", "must be valkey://"),
    "a port that is none": ("valkey://a:b", "must be valkey://"),
    "a number that is none": ("valkey://a/b", "must be valkey://"),
    "another parameter": ("valkey://a?partition=3", "unknown parameter partition"),
    "partitions that are none": ("valkey://a?partitions=x", "partitions must be a whole number"),
    "durable that is neither": ("valkey://a?durable=yes", "durable must be on or off"),
    "an authority without TLS": ("valkey://a?ca_file=/etc/passwd", "ca_file must be a file, and needs valkeys"),
    "an authority that is not there": ("valkeys://a?ca_file=/no/such", "ca_file must be a file"),
    "nobody there": ("valkey://127.0.0.1:1", "no server answers"),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_wrong_url_is_refused(name: str) -> None:
    """What a URL cannot mean is said when it is opened, and never with the URL."""
    url, expected = SLIPS[name]
    with pytest.raises(ConfigurationError, match=expected):
        asyncio.run(_open(url))


def test_a_server_asks_for_a_login(tmp_path: Path) -> None:
    """The password of a URL may hold any character, written with ``%``; another one is refused by name."""
    with server(tmp_path) as url:
        asyncio.run(_set(url, "requirepass", "p@ss:w/rd %"))
        place = url.removeprefix("valkey://")
        asyncio.run(_open(f"valkey://:p%40ss%3Aw%2Frd%20%25@{place}"))
        for login in ("", ":wrong@", "user:wrong@"):
            with pytest.raises(ConfigurationError, match="refuses the login"):
                asyncio.run(_open(f"valkey://{login}{place}"))


def test_a_server_is_reached_by_tls(url: str, tmp_path: Path) -> None:
    """``valkeys://`` checks the certificate; who issued it may be named by ``ca_file``."""
    authority = CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    asyncio.run(_by_tls(url, authority, tmp_path / "ca.pem"))


async def _by_tls(url: str, authority: CA, ca_file: Path) -> None:
    plain, context = urlsplit(url), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)

    async def pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while part := await source.read(65_536):
            sink.write(part)
        sink.close()

    async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind = await asyncio.open_connection(plain.hostname, plain.port)
        await asyncio.gather(pipe(reader, behind[1]), pipe(behind[0], writer), return_exceptions=True)

    async with await asyncio.start_server(through, "localhost", 0, ssl=context) as listening:
        port = listening.sockets[0].getsockname()[1]
        async with open_valkey(f"valkeys://localhost:{port}?ca_file={ca_file}&prefix={token_hex(8)}") as valkey:
            assert await ValkeySessions(valkey).get("unknown") is None
        with pytest.raises(ConfigurationError, match=r"TLS fails: .* ca_file"):
            await _open(f"valkeys://localhost:{port}")


def test_the_extra_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its client a URL of Valkey is refused, and the message names the extra."""
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ConfigurationError, match=r"matrix-threepid\[valkey\]"):
        asyncio.run(_open("valkey://127.0.0.1:6379"))


def test_a_password_is_not_told() -> None:
    """No error holds the URL, which may hold a password."""
    with pytest.raises(ConfigurationError) as raised:
        asyncio.run(_open("valkey://user:hunter2@127.0.0.1:1"))
    assert "hunter2" not in str(raised.value)


def test_what_a_server_would_forget_is_refused(url: str, tmp_path: Path) -> None:
    """Refused are a server that evicts keys, one without a log that is to be durable, and partitions out of range."""
    forgetful: dict[str, Any] = {"appendonly": False, "maxmemory-policy": "allkeys-lru"}
    with server(tmp_path, **forgetful) as forgets:
        with pytest.raises(ConfigurationError, match="maxmemory-policy must be noeviction"):
            asyncio.run(_open(forgets))
        asyncio.run(_set(forgets, "maxmemory-policy", "noeviction"))
        with pytest.raises(ConfigurationError, match="durable needs a server with appendonly"):
            asyncio.run(_open(f"{forgets}?durable=on"))
    for parameters, expected in {"partitions=0": "1 to 1024", "prefix=%7B": "prefix must be"}.items():
        with pytest.raises(ConfigurationError, match=expected):
            asyncio.run(_open(f"{url}?{parameters}"))


async def _set(url: str, name: str, value: str) -> None:
    async with Redis.from_url(url.replace("valkey:", "redis:")) as client:
        await client.config_set(name, value)


async def _open(url: str) -> None:
    async with open_valkey(url):
        pass


def test_a_node_that_does_not_know_the_address_of_another_names_its_port() -> None:
    """A command that is sent on without a host goes to the host that was asked."""

    class Node:
        def __init__(self, place: Place) -> None:
            self.place = place

        async def execute_command(self, *command: str) -> Any:
            if command == ("CLUSTER", "SLOTS"):
                return [[0, 16_383, ["", 7001]]]
            if self.place != ("node", 7002):
                raise MovedError("0 :7002")
            return "answered"

    cluster: Any = Cluster([("node", 7001)], Node)  # type: ignore[arg-type]
    assert asyncio.run(cluster.ask("{a}", "GET", "{a}")) == "answered"


def test_who_waits_for_a_look_at_the_cluster_takes_its_answer() -> None:
    """The cluster is asked once for all commands that wait to know their node, however long that takes."""

    async def story() -> int:
        now, looks = [0.0], 0
        asyncio.get_running_loop().time = lambda: now[0]  # type: ignore[method-assign]

        class Node:
            async def execute_command(self, *command: str) -> Any:
                nonlocal looks
                if command == ("CLUSTER", "SLOTS"):
                    looks += 1
                    now[0] += 3
                    await asyncio.sleep(0)
                    return [[0, 16_383, ["node", 7001]]]
                return "answered"

        cluster: Any = Cluster([("node", 7001)], lambda _: Node())  # type: ignore[arg-type,return-value]
        asked = [cluster.ask("{a}", "GET", "{a}") for _ in range(3)]
        assert await asyncio.gather(*asked) == ["answered"] * 3
        return looks

    assert asyncio.run(story()) == 1
