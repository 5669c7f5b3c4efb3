"""The connections of ``SmtpSender``: which address they lead to, how they begin, and how long they are kept."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from smtp.messages import SENDER, SERVER_NAME, told
from smtp.scripted import Action, Scripted, Talk, hang_up, scripted, silence
from smtp.sink import OK, sink, trusting

from matrix_threepid import ConfigurationError, run_sync
from matrix_threepid.model.message import Accepted, Outcome, RefusedForever, RefusedForNow
from matrix_threepid.senders.smtp.sender import SmtpSender


def sender_to(port: int, host: str = "127.0.0.1", **options: Any) -> SmtpSender:
    return SmtpSender(host, port, **{"sender": SENDER, "server_name": SERVER_NAME, "tls": "off", **options})


def send(sender: SmtpSender, **changes: Any) -> Outcome:
    return run_sync(sender.send(told(**changes)))


# -- several addresses --------------------------------------------------------------------------------


@contextmanager
def beside(server: Scripted, action: Callable[[socket.socket], None]) -> Iterator[list[socket.socket]]:
    """Have another address (127.0.0.2) of the same name and port, whose connections an action is done to."""
    taken: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            taken.append(sock)
            action(sock)

    with socket.create_server(("127.0.0.2", server.port)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield taken
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for sock in taken:
                sock.close()


@pytest.fixture
def two_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a name lead to two addresses, of which the first one does not work."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ("127.0.0.2", "127.0.0.1")]
    usual = socket.getaddrinfo

    def look_up(host: str, *more: Any, **options: Any) -> Any:
        return found if host in ("mail.invalid", "localhost") else usual(host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


_BROKEN: dict[str, Callable[[socket.socket], None]] = {
    "says nothing": lambda _: None,
    "hangs up": lambda sock: sock.close(),
    "is busy": lambda sock: sock.sendall(b"421 busy\r\n"),
    "greets and says no more": lambda sock: sock.sendall(b"220 ready\r\n"),
}


@pytest.mark.rule("SEC-35")
@pytest.mark.parametrize("action", _BROKEN.values(), ids=_BROKEN)
def test_an_address_that_does_not_work_leaves_time_for_the_next(
    two_addresses: None, action: Callable[[socket.socket], None]
) -> None:
    """The addresses of a server share the deadline, and the one that worked is tried first from then on."""
    with scripted() as server, beside(server, action) as taken:
        with closing(sender_to(server.port, "mail.invalid", mails_per_connection=1, connections=1)) as sender:
            outcomes = [send(sender, deadline=900) for _ in range(3)]
        assert [type(outcome) for outcome in outcomes] == [Accepted] * 3
        assert (len(taken), server.connections) == (1, 3)


def test_an_address_that_refuses_connections_is_passed_over(two_addresses: None) -> None:
    """An address where nobody listens costs nothing."""
    with scripted() as server, closing(sender_to(server.port, "mail.invalid")) as sender:
        assert isinstance(send(sender), Accepted)


def test_a_refused_login_is_not_tried_at_every_address(two_addresses: None) -> None:
    """A wrong password is wrong everywhere, and each try may count against the account."""
    greeting = b"220 ready\r\n250-here\r\n250 AUTH PLAIN\r\n535 no\r\n"
    with scripted() as server, beside(server, lambda sock: sock.sendall(greeting)) as taken:
        # Loopback by address only, and the password travels in the open: the name stands for such an address here.
        sender = sender_to(server.port, "localhost", username="bob", password="builder")
        assert send(sender) == RefusedForNow("AUTH: answer 535")
        assert (len(taken), server.connections) == (1, 0)


# -- the greeting -------------------------------------------------------------------------------------

_NO_EHLO: dict[str, Action] = {"EHLO": b"502 5.5.1 what?\r\n", "HELO": b"250 here\r\n"}


def test_a_server_without_extensions_is_greeted_with_helo() -> None:
    """After a 5xx to EHLO the sender says HELO, and the mail goes out."""
    with scripted(_NO_EHLO) as server, closing(sender_to(server.port)) as sender:
        assert isinstance(send(sender), Accepted)
        assert isinstance(send(sender, recipient="bücher@example.org"), RefusedForever)
        assert server.heard("HELO") == 1


@pytest.mark.rule("SEC-51")
@pytest.mark.parametrize(
    "options", [{"tls": "starttls", "context": trusting()}, {"username": "bob", "password": "builder"}]
)
def test_helo_does_not_replace_what_extensions_are_for(options: dict[str, Any]) -> None:
    """Where TLS or a login is wanted there is no HELO: anybody on the way could refuse EHLO."""
    with scripted(_NO_EHLO) as server, closing(sender_to(server.port, **options)) as sender:
        assert send(sender) == RefusedForNow("EHLO was answered 502 5.5.1")
        assert server.heard("HELO") + server.heard("MAIL") == 0


@pytest.mark.parametrize("answer", [b"421 busy\r\n", b"450 later\r\n"])
def test_a_server_that_is_busy_is_not_asked_again(answer: bytes) -> None:
    """HELO is for servers that do not know EHLO, not for those that refuse for now."""
    with scripted({"EHLO": answer, "HELO": b"250 here\r\n"}) as server, closing(sender_to(server.port)) as sender:
        assert isinstance(send(sender), RefusedForNow)
        assert server.heard("HELO") == 0


# -- the dialogue -------------------------------------------------------------------------------------


def _after_data(talk: Talk) -> None:
    """Answer MAIL, RCPT and DATA when all three have come."""
    assert [talk.reader.readline()[:4] for _ in range(2)] == [b"RCPT", b"DATA"]
    talk.sock.sendall(b"250 ok\r\n250 ok\r\n354 go on\r\n")
    while talk.reader.readline() != b".\r\n":
        pass
    talk.sock.sendall(b"250 ok\r\n")


def test_the_envelope_travels_at_once_where_the_server_allows_it() -> None:
    """With PIPELINING the sender waits once for the answers to MAIL, RCPT and DATA."""
    script: dict[str, Action] = {"EHLO": b"250-here\r\n250 PIPELINING\r\n", "MAIL": _after_data}
    with scripted(script) as server, closing(sender_to(server.port)) as sender:
        assert [type(send(sender)) for _ in range(3)] == [Accepted] * 3
        assert server.connections == 1


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (b"250 ok\r\n550 5.1.1 no\r\n503 none\r\n", RefusedForever("RCPT was answered 550 5.1.1")),
        (b"250 ok\r\n550 5.1.1 no\r\n354 go on\r\n", RefusedForever("RCPT was answered 550 5.1.1")),
        (b"450 4.7.0 later\r\n503 no\r\n503 no\r\n", RefusedForNow("MAIL was answered 450 4.7.0")),
        (b"250 ok\r\n250 ok\r\n451 later\r\n", RefusedForNow("DATA was answered 451")),
    ],
)
def test_a_refusal_among_several_answers_is_the_first_one(answers: bytes, expected: Outcome) -> None:
    """With PIPELINING the first refusal is the outcome, and no mail follows it."""

    def say(talk: Talk) -> None:
        for _ in range(2):
            talk.reader.readline()
        talk.sock.sendall(answers)

    script: dict[str, Action] = {"EHLO": b"250-here\r\n250 PIPELINING\r\n", "MAIL": say}
    with scripted(script) as server, closing(sender_to(server.port)) as sender:
        assert send(sender) == expected
        assert not server.mails


# -- kept connections ---------------------------------------------------------------------------------


def test_a_connection_carries_so_many_mails() -> None:
    """After ``mails_per_connection`` mails the next one goes over a new connection."""
    with scripted() as server, closing(sender_to(server.port, mails_per_connection=3)) as sender:
        assert [type(send(sender)) for _ in range(7)] == [Accepted] * 7
        assert server.connections == 3


_SECOND: dict[str, tuple[str, Action]] = {
    "450 to MAIL": ("MAIL", b"450 4.7.1 too many mails on this connection\r\n"),
    "550 to MAIL": ("MAIL", b"550 5.7.0 too many mails on this connection\r\n"),
    "452 to RCPT": ("RCPT", b"452 4.5.3 too many recipients\r\n"),
    "451 to DATA": ("DATA", b"451 4.3.0 later\r\n"),
    "452 to the mail": ("dot", b"452 4.3.1 later\r\n"),
    "hangs up": ("MAIL", hang_up),
}


@pytest.mark.parametrize("case", _SECOND.values(), ids=_SECOND)
def test_a_refusal_for_now_on_a_kept_connection_is_tried_on_a_new_one(case: tuple[str, Action]) -> None:
    """The server may have had enough of the connection and not of the mail; people hear of neither."""
    verb, refusal = case
    usual: list[Action] = [b"354 go on\r\n" if verb == "DATA" else b"250 ok\r\n", refusal]

    def act(talk: Talk) -> None:
        turn = usual.pop(0)
        if not isinstance(turn, bytes):
            return turn(talk)
        talk.sock.sendall(turn)
        if turn.startswith(b"354"):
            while talk.reader.readline() != b".\r\n":
                pass
            talk.sock.sendall(b"250 ok\r\n")
        return None

    with scripted({verb: act}, {}) as server, closing(sender_to(server.port)) as sender:
        assert [type(send(sender)) for _ in range(2)] == [Accepted] * 2
        assert server.connections == 2


def test_a_refusal_for_now_on_a_new_connection_is_the_outcome() -> None:
    """It is tried once more and not again and again."""
    with scripted({"RCPT": b"451 4.7.1 greylisted\r\n"}) as server, closing(sender_to(server.port)) as sender:
        assert send(sender) == RefusedForNow("RCPT was answered 451 4.7.1")
        assert server.connections == 1


def test_mails_at_once_have_connections_that_are_kept() -> None:
    """Four mails at once go over four connections, and so do the next four."""

    async def four_times_two(sender: SmtpSender) -> list[Outcome]:
        return [outcome for _ in range(2) for outcome in await asyncio.gather(*(sender.send(told()) for _ in range(4)))]

    with sink() as server, closing(sender_to(server.port)) as sender:
        arrived: list[asyncio.Event] = []

        async def meet(*_: Any) -> str:
            """Answer no mail before four are there."""
            arrived.append(asyncio.Event())
            if len(arrived) % 4 == 0:
                for event in arrived:
                    event.set()
            await arrived[-1].wait()
            return OK

        server.handle_DATA = meet  # type: ignore[method-assign]
        outcomes = asyncio.run(four_times_two(sender))
        assert [type(outcome) for outcome in outcomes] == [Accepted] * 8
        assert server.heard["connection"] == 4


def test_no_more_mails_are_sent_at_once_than_there_are_connections() -> None:
    """``connections`` bounds what a server sees of one sender."""

    async def many(sender: SmtpSender) -> list[Outcome]:
        return await asyncio.gather(*(sender.send(told()) for _ in range(12)))

    with sink() as server, closing(sender_to(server.port, connections=2)) as sender:
        assert [type(outcome) for outcome in asyncio.run(many(sender))] == [Accepted] * 12
        assert server.heard["connection"] <= 2


def test_a_closed_sender_leaves_no_connection_open() -> None:
    """Closing closes every connection that was kept."""
    gone = threading.Event()

    def wait_for_the_end(talk: Talk) -> None:
        talk.sock.sendall(b"250 ok\r\n")
        if not talk.reader.read(1):
            gone.set()

    with scripted({"dot": wait_for_the_end}) as server, closing(sender_to(server.port)) as sender:
        assert isinstance(send(sender), Accepted)
        sender.close()
        assert gone.wait(5)


def test_a_child_has_connections_of_its_own() -> None:
    """A forked process says nothing on its parent's connection, which the parent goes on using."""
    with sink() as server, closing(sender_to(server.port)) as sender:
        assert isinstance(send(sender), Accepted)
        child = os.fork()
        if child == 0:
            os._exit(0 if isinstance(send(sender), Accepted) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert isinstance(send(sender), Accepted)
        assert (server.heard["connection"], len(server.mails)) == (2, 3)


def test_the_sockets_wait_for_no_acknowledgement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each connection has ``TCP_NODELAY``, so that the second of two writes is not held back."""
    made: list[socket.socket] = []
    create = socket.create_connection

    def watch(*args: Any, **kwargs: Any) -> socket.socket:
        made.append(create(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(socket, "create_connection", watch)
    with scripted() as server, closing(sender_to(server.port)) as sender:
        assert isinstance(send(sender), Accepted)
        assert [sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for sock in made] == [1]


@pytest.mark.parametrize("name", ["connections", "mails_per_connection"])
@pytest.mark.parametrize("value", [0, -1, 100_000, "5", 2.5, True])
def test_counts_that_cannot_be_are_refused_when_wired(name: str, value: object) -> None:
    """A count is a whole number within its bounds."""
    with pytest.raises(ConfigurationError, match=f"^{name}: must be a whole number from 1 to "):
        sender_to(25, **{name: value})


# -- access tokens ------------------------------------------------------------------------------------

_XOAUTH2 = b"250-here\r\n250 AUTH PLAIN XOAUTH2\r\n"


def _said(line: bytes) -> str:
    return b64decode(line.split()[-1]).decode()


def _refuse_token(talk: Talk) -> None:
    talk.sock.sendall(b"334 eyJzdGF0dXMiOiI0MDAifQ==\r\n")
    assert talk.reader.readline() == b"\r\n"
    talk.sock.sendall(b"535 5.7.8 no\r\n")


def test_an_access_token_logs_in_and_is_asked_for_again_for_each_connection() -> None:
    """XOAUTH2 with the token that the host's function returns at that moment."""
    tokens = iter(["one", "two"])
    script: dict[str, Action] = {"EHLO": _XOAUTH2, "AUTH": b"235 welcome\r\n"}
    options = {"username": "bob@example.org", "access_token": lambda: next(tokens), "mails_per_connection": 2}
    with scripted(script) as server, closing(sender_to(server.port, **options)) as sender:
        assert [type(send(sender)) for _ in range(4)] == [Accepted] * 4
        said = [_said(line) for line in server.lines if line.startswith(b"AUTH XOAUTH2 ")]
        assert said == [f"user=bob@example.org\1auth=Bearer {token}\1\1" for token in ("one", "two")]
        assert "one" not in repr(sender)


@pytest.mark.parametrize(
    ("tokens", "expected", "tries"),
    [
        (["old", "new"], Accepted, 2),
        (["old", "old"], RefusedForNow("AUTH: answer 535"), 1),
        (["old", "wrong"], RefusedForNow("AUTH: answer 535"), 2),
    ],
    ids=["renewed", "the same again", "wrong again"],
)
def test_a_refused_token_is_renewed_once(tokens: list[str], expected: Any, tries: int) -> None:
    """After a refusal the function is called once more, and another token is tried; nothing is tried twice."""

    def judge(talk: Talk) -> None:
        if "new" in _said(server.lines[-1]):
            return talk.sock.sendall(b"235 welcome\r\n")
        return _refuse_token(talk)

    fresh = iter(tokens)
    options = {"username": "bob", "access_token": lambda: next(fresh)}
    with scripted({"EHLO": _XOAUTH2, "AUTH": judge}) as server, closing(sender_to(server.port, **options)) as sender:
        outcome = send(sender)
        assert outcome == expected or type(outcome) is expected
        assert server.heard("AUTH") == tries


def _fails() -> str:
    raise RuntimeError("client_secret=s3cret")


@pytest.mark.parametrize(
    ("token", "ehlo", "reason"),
    [
        (_fails, _XOAUTH2, "AUTH: access_token raised RuntimeError"),
        (lambda: None, _XOAUTH2, "AUTH: access_token must return a text of printable ASCII"),
        (lambda: "a\1auth=Bearer b", _XOAUTH2, "AUTH: access_token must return a text of printable ASCII"),
        (lambda: "good", b"250-here\r\n250 AUTH PLAIN LOGIN\r\n", "AUTH: XOAUTH2 is not offered"),
        (lambda: "good", b"250 here\r\n", "AUTH: XOAUTH2 is not offered"),
    ],
    ids=["raises", "no text", "another member", "other ways only", "no login"],
)
def test_without_a_token_nothing_is_sent(token: Callable[[], Any], ehlo: bytes, reason: str) -> None:
    """What goes wrong with tokens is the operator's to mend: refused for now, with a reason that quotes nothing."""
    options = {"username": "bob", "access_token": token}
    with scripted({"EHLO": ehlo}) as server, closing(sender_to(server.port, **options)) as sender:
        assert send(sender) == RefusedForNow(reason)
        assert server.heard("AUTH") + server.heard("MAIL") == 0


async def _coroutine() -> str:
    return "token"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"access_token": str}, "access_token: give a username"),
        ({"access_token": str, "username": "bob", "password": "b"}, "access_token: give a username with it, and no"),
        ({"access_token": "a token", "username": "bob"}, "access_token: must be a function"),
        ({"access_token": _coroutine, "username": "bob"}, "access_token: must be a function"),
        ({"access_token": str, "username": "bob", "host": "mail.example.org"}, "without TLS"),
    ],
)
def test_a_token_that_could_not_be_used_is_refused_when_wired(options: dict[str, Any], named: str) -> None:
    """A token needs an account and a plain function, and travels under TLS only."""
    with pytest.raises(ConfigurationError, match=named):
        sender_to(25, **options)


def test_a_silent_login_ends_at_the_deadline() -> None:
    """A server that answers a token with silence is left in time."""
    options = {"username": "bob", "access_token": lambda: "token"}
    with scripted({"EHLO": _XOAUTH2, "AUTH": silence}) as server, closing(sender_to(server.port, **options)) as sender:
        assert send(sender, deadline=150) == RefusedForNow("AUTH: out of time")
