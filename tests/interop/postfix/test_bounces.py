"""A real Postfix cannot deliver a mail: its report is piped in, and the message of the session is known to be back."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest
from smtp.sink import Sink, sink

from matrix_threepid import Homeserver, Medium, run_sync
from matrix_threepid.__main__ import main
from matrix_threepid.model.outbound import OutboundMessage
from matrix_threepid.ports import system_clock
from matrix_threepid.senders import SmtpSender
from matrix_threepid.stores import Sqlite, SqlMessages, SqlSessions, SqlSuppressions, migrate
from matrix_threepid.testing import World

from .server import BOUNCES, Postfix, missing, postfix

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")
GONE = "gone@example.org"
WIRED: dict[str, Homeserver] = {}


def host() -> Homeserver:
    """The wiring of the host, for the command."""
    return WIRED["host"]


@pytest.fixture
def beyond() -> Iterator[Sink]:
    """The mail server of the recipients."""
    with sink() as server:
        yield server


@pytest.fixture
def server(beyond: Sink) -> Iterator[Postfix]:
    """The mail server of the host."""
    with postfix(beyond.port) as running:
        yield running


@pytest.fixture
def world(tmp_path: Path, server: Postfix) -> Iterator[World]:
    """A homeserver whose mails go to that Postfix, and whose messages are in a database."""
    sender = SmtpSender(
        "127.0.0.1",
        server.port,
        tls="off",
        sender="noreply@hs.example.org",
        server_name="hs.example.org",
        return_path=BOUNCES,
    )
    with closing(Sqlite(str(tmp_path / "threepid.db"))) as db, closing(sender):
        run_sync(_awaited(migrate(db)))
        world = World(
            clock=system_clock,
            sessions=SqlSessions(db),
            messages=SqlMessages(db),
            suppressions=SqlSuppressions(db),
            senders={Medium.EMAIL: sender},
        )
        WIRED["host"] = world.homeserver
        yield world


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


def _message(world: World, sid: str) -> OutboundMessage:
    (stored,) = run_sync(_awaited(world.homeserver.messages.of_session(sid)))  # type: ignore[union-attr]
    return stored  # type: ignore[no-any-return]


def _pipe(monkeypatch: pytest.MonkeyPatch, raw: bytes, *arguments: str) -> int:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(raw)))
    return main(["dsn", "--host", f"{__name__}:host", *arguments])


@pytest.mark.rule("SEC-147")
@pytest.mark.parametrize(
    ("answer", "status", "reason", "permanent"),
    [
        ("550 5.1.1 no such user", "bounced", "5.1.1", True),
        ("552 5.2.2 mailbox full", "bounced_soft", "5.2.2", False),
        ("554 5.7.1 blocked", "bounced", "5.7.1", False),
    ],
    ids=["nobody", "full", "blocked"],
)
def test_a_bounce_finds_its_message(  # noqa: PLR0917  what pytest passes
    world: World,
    server: Postfix,
    beyond: Sink,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    status: str,
    reason: str,
    permanent: bool,
) -> None:
    """Within ten seconds a mail that came back shows in `explain` and in the next answer; the report has no link."""
    beyond.answers["RCPT"] = answer
    begun = monotonic()
    sid = world.ask(GONE).json()["sid"]
    assert _message(world, sid).status.value == "handed_over"
    report, recipient = server.report()
    assert b"submit_token" not in report
    assert b"Original-Envelope-Id: " in report
    assert _pipe(monkeypatch, report, "--recipient", recipient) == 0
    stored = _message(world, sid)
    assert (stored.status.value, stored.events[-1].reason) == (status, reason)
    assert stored.events[-1].permanent_address_failure is permanent
    capsys.readouterr()
    assert main(["explain", sid, "--host", f"{__name__}:host"]) == 0
    assert f"[{status}]" in capsys.readouterr().out
    # Of an address that does not exist one message a day is let through.
    answers = [world.ask(GONE, secret) for secret in ("probe", "other")]
    assert [answer.status for answer in answers] == ([200, 400] if permanent else [200, 200])
    assert ("came back" in answers[1].body.decode()) is permanent
    assert main(["explain", GONE, "--host", f"{__name__}:host"]) == 0
    assert ("[suppressed]" in capsys.readouterr().out) is permanent
    assert monotonic() - begun < 10


@pytest.mark.rule("SEC-147")
def test_a_report_that_somebody_altered_says_nothing(
    world: World, server: Postfix, beyond: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report of Postfix about another id says nothing, whoever delivers it."""
    beyond.answers["RCPT"] = "550 5.1.1 no such user"
    sid = world.ask(GONE).json()["sid"]
    report, recipient = server.report()
    signed = report.partition(b"Original-Envelope-Id: ")[2].split()[0]
    assert _pipe(monkeypatch, report.replace(signed, signed[::-1])) == 0
    assert _message(world, sid).status.value == "handed_over"
    nameless = report.replace(b"Original-Envelope-Id: ", b"X-Nothing: ").replace(signed, b"")
    assert _pipe(monkeypatch, nameless) == 0
    assert _message(world, sid).status.value == "handed_over"
    assert _pipe(monkeypatch, nameless, "--recipient", recipient) == 0
    assert _message(world, sid).status.value == "bounced", "the return path has the id as well"
