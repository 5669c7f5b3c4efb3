"""Connections to identity servers are kept: to the checked address, for a while, and never in an unknown state."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import Factory, define, field

from matrix_threepid.identity.client import HttpIdentityClient
from matrix_threepid.model.identity import Associated, Unreachable
from matrix_threepid.model.threepid import Medium
from matrix_threepid.net.direct_https import DirectHttp
from matrix_threepid.net.fetch import Failure, HttpFailure, HttpReply, HttpRequest
from matrix_threepid.net.pool import Connection, KeepRule, Pool
from matrix_threepid.net.safe_https import PinnedHttps
from matrix_threepid.offload import run_sync
from matrix_threepid.ports import Credentials
from matrix_threepid.testing import ALICE
from matrix_threepid.testing.contracts.fetch_cases import CHUNKED, HERE
from matrix_threepid.testing.rogue import (
    PATIENCE,
    Heard,
    Names,
    RogueServer,
    answer,
    authority,
    certified,
    hang_up,
)

from .acting import ADDRESS, SERVERS, honest

NAME = "id.example"
BOUND = Associated(Medium.EMAIL, ADDRESS, ALICE)
OK = HttpReply(200, b"{}")


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


@define
class Setting:
    """A client and its server, a clock in ms that stands still, and where names lead."""

    server: RogueServer
    now: int = 0
    names: Names = field(factory=lambda: Names(dict.fromkeys(SERVERS, (HERE,))))
    fetch: PinnedHttps = field(default=Factory(lambda made: made.made_fetch(), takes_self=True))

    def made_fetch(self, **choices: Any) -> PinnedHttps:
        given: dict[str, Any] = {"allow_addresses": ("127.0.0.0/8",), "ports": (self.server.port,)}
        given |= {"context": trusting(), "resolve": self.names, "clock": lambda: self.now, **choices}
        return PinnedHttps(**given)

    def request(self, name: str = NAME, method: str = "GET", **more: Any) -> HttpRequest:
        port = self.server.port
        return HttpRequest(method=method, host=name, port=port, authority=f"{name}:{port}", path="/a/b", **more)

    def ask(self, name: str = NAME, method: str = "GET", **more: Any) -> HttpReply | HttpFailure:
        return run_sync(self.fetch.fetch(self.request(name, method, **more), 30_000))

    def bind(self) -> Any:
        client = HttpIdentityClient(self.fetch)
        at = f"{NAME}:{self.server.port}"
        return run_sync(client.bind(at, "token", Credentials("sid", "secret"), ALICE, 30_000))


@pytest.fixture
def setting() -> Iterator[Setting]:
    """A server that keeps connections, and a client."""
    with RogueServer(certified(*SERVERS)).serving() as server:
        yield Setting(server)


def says_and_closes(said: bytes) -> Callable[[Heard], Any]:
    """Answer, and close the connection without saying so."""
    return lambda _: lambda sock: sock.sendall(said)


# -- one connection for many calls ----------------------------------------------------------------------


@pytest.mark.rule("SEC-280")
def test_ten_calls_make_one_handshake(setting: Setting) -> None:
    """Calls one after the other go over one connection, whatever their method."""
    assert [setting.ask(method=method) for method in ("GET", "POST") * 5] == [OK] * 10
    assert setting.server.connections == 1


def test_providers_of_sms_are_called_over_one_connection(setting: Setting) -> None:
    """``DirectHttp`` keeps its connections too, until it is closed."""
    fetch, at = DirectHttp(context=trusting()), setting.request("localhost", "POST", body=b"a=b")
    setting.server.context = certified("localhost")
    assert [run_sync(fetch.fetch(at, 30_000)) for _ in range(3)] == [OK] * 3
    assert setting.server.connections == 1
    fetch.close()
    assert run_sync(fetch.fetch(at, 30_000)) == OK
    assert setting.server.connections == 2


def test_each_name_has_connections_of_its_own(setting: Setting) -> None:
    """A connection whose certificate was checked for one name is not used for another name of the same address."""
    for _ in range(2):
        assert [setting.ask(name) for name in SERVERS[:2]] == [OK] * 2
    assert setting.server.connections == 2


class Counted(ssl.SSLSocket):
    """Notes what is sent and whether it is sent at once."""

    writes: list[bytes]  # set on the class of each test
    options: list[int]

    def send(self, data: Any, flags: int = 0) -> int:
        self.writes.append(bytes(data))
        self.options.append(self.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        return super().send(data, flags)


def test_head_and_body_are_one_write(setting: Setting) -> None:
    """A request is handed to the system in one piece, over sockets that send at once."""
    kind = type("Kind", (Counted,), {"writes": [], "options": []})
    context = trusting()
    context.sslsocket_class = kind
    fetch: Any = setting.made_fetch(context=context)
    request = setting.request(method="POST", body=b"x" * 1000)
    assert [run_sync(fetch.fetch(request, 30_000)) for _ in range(2)] == [OK] * 2
    writes, options = kind.writes, kind.options  # type: ignore[attr-defined]
    assert [(data[:5], data[-5:]) for data in writes] == [(b"POST ", b"xxxxx")] * 2
    assert all(options)


# -- a connection that the server has closed --------------------------------------------------------------


def closed_by_now(setting: Setting) -> None:
    """End the connections of the server, and wait until the client's system knows."""
    fetch: Any = setting.fetch
    (kept,) = fetch._pool._idle
    setting.server.hang_up()
    kept.sock.settimeout(PATIENCE)
    assert socket.socket.recv(kept.sock, 1, socket.MSG_PEEK) is not None


def test_a_stale_connection_is_replaced(setting: Setting) -> None:
    """A call over a connection that was closed between two calls is made over a new one, a bind as well."""
    setting.server.answers = honest
    assert setting.bind() == BOUND
    closed_by_now(setting)
    assert setting.bind() == BOUND
    assert (setting.server.connections, len(setting.server.heard)) == (2, 2)


def test_a_bind_is_not_repeated(setting: Setting) -> None:
    """A bind that the server has read and not answered is not sent again; its outcome is unknown."""
    setting.server.answers = honest
    assert setting.bind() == BOUND
    setting.server.answers = lambda _: b""
    assert isinstance(setting.bind(), Unreachable)
    assert (setting.server.connections, len(setting.server.heard)) == (1, 2)


@pytest.mark.parametrize("ending", [b"", hang_up], ids=["closed", "reset"])
def test_what_may_be_repeated_is_repeated_once(setting: Setting, ending: Any) -> None:
    """A repeatable request over a kept connection is sent once more, over a new one, and not a third time."""
    assert setting.ask() == OK
    setting.server.answers = lambda _: ending
    lost = setting.ask("id.example", "POST", repeatable=True)
    assert isinstance(lost, HttpFailure)
    assert lost.kind is Failure.LOST
    assert (setting.server.connections, len(setting.server.heard)) == (2, 3)


def test_nothing_is_repeated_on_a_new_connection(setting: Setting) -> None:
    """A request that is lost on a new connection is lost."""
    setting.server.answers = lambda _: b""
    assert isinstance(setting.ask(), HttpFailure)
    assert len(setting.server.heard) == 1


def test_nothing_is_repeated_after_part_of_an_answer(setting: Setting) -> None:
    """A request to which an answer has begun is not repeated."""
    assert setting.ask() == OK
    setting.server.answers = lambda _: b"HTTP/1.1 200 OK\r\n"
    assert isinstance(setting.ask(), HttpFailure)
    assert len(setting.server.heard) == 2


def test_what_must_not_be_repeated_takes_a_connection_just_used(setting: Setting) -> None:
    """After a second without use, when servers may close it, a connection carries repeatable requests only."""
    assert setting.ask() == OK
    setting.now += 1000
    assert setting.ask(method="POST") == OK
    assert setting.server.connections == 1
    setting.now += 1001
    assert setting.ask(method="POST") == OK
    assert setting.server.connections == 2
    setting.now += 1001
    assert setting.ask() == OK
    assert setting.server.connections == 2


def test_a_server_that_closes_unasked_is_not_trusted_with_binds(setting: Setting) -> None:
    """What must not be repeated goes over new connections to a server that closed one just used, for five minutes."""
    setting.server.answers = says_and_closes(answer(200, b"{}"))
    assert setting.ask() == OK
    closed_by_now(setting)
    setting.server.answers = lambda _: answer(200, b"{}")
    assert [setting.ask(), setting.ask(method="POST"), setting.ask(method="POST")] == [OK] * 3
    assert setting.server.connections == 4
    setting.now += 300_000
    assert [setting.ask(), setting.ask(method="POST")] == [OK] * 2
    assert setting.server.connections == 5


def test_a_server_that_lost_one_bind_gets_new_connections(setting: Setting) -> None:
    """After a bind was lost on a connection just used, the next ones go over new connections."""
    assert setting.ask() == OK
    setting.server.answers = lambda _: b""
    assert isinstance(setting.ask(method="POST"), HttpFailure)
    setting.server.answers = lambda _: answer(200, b"{}")
    assert [setting.ask(), setting.ask(method="POST")] == [OK] * 2
    assert setting.server.connections == 3


# -- which connections are used ---------------------------------------------------------------------------


@pytest.mark.parametrize(("pause", "times"), [(30_000, 1), (29_999, 11)], ids=["idle", "old"])
def test_old_connections_are_not_used(setting: Setting, pause: int, times: int) -> None:
    """A connection is closed after 30 s without use, and after 5 minutes in any case."""
    for _ in range(times):
        assert setting.ask() == OK
        assert setting.server.connections == 1
        setting.now += pause
    assert setting.ask() == OK
    assert setting.server.connections == 2


@pytest.mark.rule("SEC-52")
def test_a_name_that_leads_elsewhere_gets_a_new_connection(setting: Setting) -> None:
    """A kept connection is used only while the name leads to its address; nothing else was checked."""
    assert setting.ask() == OK
    for addresses, kind in (("10.0.0.1",), Failure.BLOCKED), (("127.0.0.9",), Failure.REFUSED):
        setting.names.lead_to[NAME] = addresses
        elsewhere = setting.ask()
        assert isinstance(elsewhere, HttpFailure)
        assert elsewhere.kind is kind
    assert len(setting.server.heard) == 1


def test_an_address_with_a_connection_comes_first(setting: Setting) -> None:
    """Of several addresses the one that is connected is called, so that dead ones are tried once."""
    setting.names.lead_to[NAME] = ("127.0.0.9", HERE)
    works: list[object] = []

    async def offload(work: Callable[[], Any]) -> Any:
        works.append(work)
        return work()

    setting.fetch = setting.made_fetch(offload=offload)
    assert [setting.ask() for _ in range(2)] == [OK] * 2
    assert len(works) == 3


def test_a_certificate_for_another_name_is_refused_where_a_connection_was_kept(setting: Setting) -> None:
    """The certificate is checked on each new connection, whatever an earlier one showed."""
    assert setting.ask() == OK
    setting.server.context = certified("other.example")
    setting.now += 300_000
    refused = setting.ask()
    assert isinstance(refused, HttpFailure)
    assert refused.kind is Failure.TLS
    assert len(setting.server.heard) == 1


LEFT_OVER = {
    "a second answer": answer(200, b"{}") + answer(200, b"forged"),
    "half a second answer": answer(200, b"{}") + b"H",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "both lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "Connection: close": answer(200, b"{}", "Connection: close"),
    "no length": b"HTTP/1.1 200 OK\r\n\r\n{}",
}


@pytest.mark.rule("SEC-280")
@pytest.mark.parametrize("said", LEFT_OVER.values(), ids=LEFT_OVER)
def test_connections_with_something_left_are_not_kept(setting: Setting, said: bytes) -> None:
    """A connection is kept only after an answer of unambiguous length that nothing follows."""

    def says(sock: socket.socket) -> None:
        sock.sendall(said)
        if b"Content-Length" in said:  # else the end of the connection is the end of the body
            sock.recv(1)

    setting.server.answers = lambda _: says
    assert setting.ask() == OK
    assert (len(kept(setting)), setting.server.connections) == (0, 1)
    setting.server.answers = lambda _: answer(200, b"mine")
    assert setting.ask() == HttpReply(200, b"mine")


def kept(setting: Setting) -> Pool:
    fetch: Any = setting.fetch
    pool: Pool = fetch._pool
    return pool


@pytest.mark.parametrize("status", [204, 304])
def test_a_body_where_none_belongs_ends_the_connection(setting: Setting, status: int) -> None:
    """An answer that has no body, and says that it has one, is not followed by another on its connection."""
    setting.server.answers = lambda _: lambda sock: sock.sendall(answer(status, b"forged").removesuffix(b"forged"))
    assert setting.ask() == HttpReply(status)
    assert len(kept(setting)) == 0


@pytest.mark.rule("SEC-280")
def test_what_comes_unasked_is_never_an_answer(setting: Setting) -> None:
    """Bytes that arrive while a connection is idle end it; the next call gets its own answer."""
    go_on, sent = threading.Event(), threading.Event()

    def says(sock: socket.socket) -> None:
        sock.sendall(answer(200, b"{}"))
        go_on.wait(PATIENCE)
        sock.sendall(answer(200, b"forged"))
        sent.set()
        sock.recv(1)

    setting.server.answers = lambda _: says
    assert setting.ask() == OK
    (connection,) = kept(setting)._idle
    go_on.set()
    assert sent.wait(PATIENCE)
    connection.sock.settimeout(PATIENCE)
    socket.socket.recv(connection.sock, 1, socket.MSG_PEEK)
    setting.server.answers = lambda _: answer(200, b"mine")
    assert setting.ask() == HttpReply(200, b"mine")
    assert setting.server.connections == 2


@pytest.mark.parametrize(
    "said", [CHUNKED + b"2\r\n{}\r\n0\r\n\r\n", b"HTTP/1.1 103 Early\r\n\r\n" + answer(200, b"{}")]
)
def test_chunks_and_interim_answers_leave_a_good_connection(setting: Setting, said: bytes) -> None:
    """A chunked body and an interim answer before the real one are complete answers."""

    def says(sock: socket.socket) -> None:
        for _ in range(2):
            sock.sendall(said)
            sock.recv(65_536)

    setting.server.answers = lambda _: says
    assert [setting.ask(), setting.ask()] == [OK] * 2
    assert setting.server.connections == 1


@pytest.mark.parametrize("version", [b"2.0", b"1.2", b"0.9"])
def test_other_versions_of_http_are_odd(setting: Setting, version: bytes) -> None:
    """An answer in a version that this is not makes no sense, whatever follows."""
    setting.server.answers = lambda _: b"HTTP/" + version + answer(200, b"{}")[8:]
    odd = setting.ask()
    assert isinstance(odd, HttpFailure)
    assert odd.kind is Failure.ODD


def test_a_cancelled_call_leaves_its_answer_to_nobody(setting: Setting) -> None:
    """The answer to a call that was cancelled is not given to the next call."""
    read, go_on = threading.Event(), threading.Event()

    def answers(heard: Heard) -> bytes:
        if heard.body == b"first":
            read.set()
            go_on.wait(PATIENCE)
        return answer(200, heard.body)

    async def calls() -> Any:
        first = asyncio.ensure_future(setting.fetch.fetch(setting.request(method="POST", body=b"first"), 30_000))
        await asyncio.to_thread(read.wait, PATIENCE)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        second = await setting.fetch.fetch(setting.request(method="POST", body=b"second"), 30_000)
        go_on.set()
        third = await setting.fetch.fetch(setting.request(method="POST", body=b"third"), 30_000)
        return second, third

    setting.server.answers = answers
    assert asyncio.run(calls()) == (HttpReply(200, b"second"), HttpReply(200, b"third"))


# -- how many are kept ------------------------------------------------------------------------------------


def connection(name: str, address: str) -> tuple[Connection, socket.socket]:
    ours, theirs = socket.socketpair()
    return Connection(ours, name, 443, address, 0, 0), theirs


def used(pool: Pool, *places: tuple[str, str]) -> list[Connection]:
    """Let connections be made, be used and be kept, in this order."""
    made: list[Connection] = []
    for name, address in places:
        pool.make_room(address)
        ours, theirs = connection(name, address)
        theirs.close()
        made.append(ours)
    for ours in made:
        pool.keep(ours)
    return [ours for ours in made if ours.sock.fileno() < 0]


@pytest.mark.rule("SEC-280")
def test_idle_connections_are_bounded() -> None:
    """Per address, per name and in all so many are kept; the one that was used longest ago is closed."""
    pool = Pool(KeepRule(per_address=2, most=4), lambda: 0)
    assert used(pool, ("a", "1"), ("b", "1")) == []
    pool.make_room("1")  # a third to this address
    assert [each.host for each in pool._idle] == ["b"]
    pool.forget_one("1")
    assert [each.address for each in used(pool, ("c", "2"), ("c", "3"), ("c", "4"))] == ["2"]
    assert used(pool, ("d", "5"), ("e", "6")) == []
    assert [each.host for each in pool._idle] == ["c", "c", "d", "e"]
    pool.close_idle()
    assert len(pool) == 0


def test_a_sweep_closes_what_is_too_old() -> None:
    """Idle connections are closed without another call."""
    now = [0]
    pool = Pool(now=lambda: now[0])
    used(pool, ("a", "1"))
    now[0] = 29_999
    used(pool, ("b", "2"))
    pool.sweep()
    assert len(pool) == 2
    now[0] = 30_000
    pool.sweep()
    assert [each.host for each in pool._idle] == ["b"]
    pool.close_idle()


def test_connections_end_with_their_client() -> None:
    """A client that nobody has any more leaves no open connection."""
    pool = Pool()
    used(pool, ("a", "1"))
    (ours,) = pool._idle
    del pool
    assert ours.sock.fileno() < 0


# -- processes ---------------------------------------------------------------------------------------------

FORKS = """
import os, ssl, sys, threading
from matrix_threepid import run_sync
from matrix_threepid.identity import HttpRequest, PinnedHttps
port, ca = int(sys.argv[1]), sys.argv[2]
context = ssl.create_default_context(cafile=ca)
under_way = threading.Event()

def resolve(*_):
    under_way.set()
    return ["127.0.0.1"]

fetch = PinnedHttps(allow_addresses=["127.0.0.1"], ports=[port], context=context, resolve=resolve, per_host=1)
ask = lambda path: run_sync(fetch.fetch(HttpRequest(method="GET", host="id.example", port=port,
    authority="id.example", path=path), 30_000)).body.decode()
print(ask("/parent"), flush=True)
under_way.clear()
waits = threading.Thread(target=ask, args=("/until-the-child-has-asked",))
waits.start()
assert under_way.wait(30)

def child_asks():
    child = os.fork()
    if not child:
        print(ask("/child"), flush=True)
        os._exit(0)
    os.waitpid(child, 0)

child_asks()
waits.join()
child_asks()
print(ask("/parent"), flush=True)
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="no process forks here")
def test_a_forked_child_has_connections_of_its_own(setting: Setting, tmp_path: Path) -> None:
    """A child makes a connection and has places of its own; its parent goes on with the connection it has."""
    authority().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    child_has_asked = threading.Event()

    def answers(heard: Heard) -> bytes:
        if heard.path == "/child":
            child_has_asked.set()
        elif heard.path != "/parent":
            child_has_asked.wait(PATIENCE)
        return answer(200, heard.path.encode())

    setting.server.answers = answers
    command = [
        sys.executable,
        "-W",
        "ignore::DeprecationWarning",
        "-c",
        FORKS,
        str(setting.server.port),
        str(tmp_path / "ca.pem"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)  # noqa: S603  our own
    assert done.stdout.split() == ["/parent", "/child", "/child", "/parent"]
    assert setting.server.connections == 3
