"""``dsn`` as a command: what a mail server reports of a mail, from standard input."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from callbacks import providers as by
from operations.test_serve import delegate, written

from matrix_threepid import Service, run_sync
from matrix_threepid.__main__ import main
from matrix_threepid.commands.serving.parts import opened
from matrix_threepid.commands.serving.settings import ServeSettings
from matrix_threepid.memory.messages import MemoryMessages
from matrix_threepid.model.delivery import signed_message_id
from matrix_threepid.settings import read_file
from matrix_threepid.testing import World

WORLD = World(messages=MemoryMessages())
HOST = f"{__name__}:host"
BOUNCE = (Path(__file__).parents[1] / "data" / "dsn" / "failed.eml").read_bytes()


def host() -> Service:
    """The wiring of a host."""
    return WORLD.service


def asked(clock: int) -> tuple[str, bytes]:
    """Ask for a mail; return the session's id, and what a mail server says that could not deliver it."""
    WORLD.clock.now = clock
    sid = WORLD.ask("alice@example.org").json()["sid"]
    return sid, BOUNCE.replace(b"$MESSAGE", (WORLD.outbox.last.message_id or "").encode())


def piped(monkeypatch: pytest.MonkeyPatch, raw: bytes, *arguments: str) -> int:
    """Run the command with a mail at its standard input."""
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(raw)))
    return main(["dsn", *arguments])


@pytest.mark.rule("SEC-147")
def test_a_bounce_is_recorded(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A bounce is recorded at the message of its session, once; the returned mail may be of any length."""
    sid, raw = asked(1_767_225_900_000)
    assert piped(monkeypatch, raw + b"x" * 1_000_000, "--host", HOST) == 0
    assert capsys.readouterr().out == "bounced 5.1.1\n"
    messages = WORLD.homeserver.messages
    (stored,) = run_sync(messages.of_session(sid))  # type: ignore[union-attr,var-annotated]
    assert (stored.status.value, stored.events[-1].permanent_address_failure) == ("bounced", True)
    assert piped(monkeypatch, raw, "--host", HOST) == 0
    assert "known" in capsys.readouterr().out


@pytest.mark.rule("SEC-147")
@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"Subject: on holiday\n\nBack on Monday.\n", "no report"),
        (BOUNCE.replace(b"$MESSAGE", b"a" * 42), "nothing about a message"),
    ],
    ids=["no report", "made up"],
)
def test_another_mail_is_not_sent_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], raw: bytes, said: str
) -> None:
    """A mail that reports nothing of ours ends with 0, so that no mail server returns it to a made-up sender."""
    assert piped(monkeypatch, raw, "--host", HOST) == 0
    assert said in capsys.readouterr().out


def test_a_file_of_serve_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With the file of ``serve`` the bounce is recorded in the database that it names."""
    file = written(tmp_path, delegate(tmp_path, delivery={}))
    signed = asyncio.run(_sent(file))
    # Without a date of last year the report counts as of now.
    raw = BOUNCE.replace(b"$MESSAGE", signed.encode()).replace(b"\nDate: ", b"\nX-Date: ")
    assert piped(monkeypatch, raw, "--config", file) == 0
    assert capsys.readouterr().out.startswith("bounced 5.1.1")
    assert piped(monkeypatch, raw, "--config", file) == 0
    assert "known" in capsys.readouterr().out


async def _sent(file: str) -> str:
    """Write a message down as one that was sent; return its signed id."""
    async with opened(read_file(ServeSettings, Path(file))) as served:
        assert served.delegate is not None
        role = served.delegate.role
        assert role.messages is not None
        message = by.written()
        await role.messages.write(message)
        return signed_message_id(role.peppers, message.id)


def test_a_mail_is_kept_until_the_configuration_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without a configuration that can be used the exit code tells the mail server to keep the mail."""
    assert piped(monkeypatch, BOUNCE, "--config", str(tmp_path / "none.json")) == 75
    assert "dsn: " in capsys.readouterr().err
