"""``admin`` as a command: deeds on a host's wiring and on a file of ``serve``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from operations.test_serve import delegate, written

from matrix_threepid import Peppers, Service, run_sync
from matrix_threepid.__main__ import main
from matrix_threepid.observing import Listeners, LogListener, SqlAudit
from matrix_threepid.stores import Sqlite, migrate
from matrix_threepid.testing import ALICE, World

WIRED: list[World] = []
MAIL = "alice@example.org"


def host() -> Service:
    """The wiring of a host."""
    return WIRED[-1].service


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[SqlAudit]:
    """The audit of a host that is wired now."""
    with closing(Sqlite(tmp_path / "audit.db")) as db:
        run_sync(migrate(db))
        audit = SqlAudit(db, Peppers.of(bytes(32)))
        WIRED.append(World(listener=Listeners(LogListener(), audit)))
        yield audit


def done(*arguments: str) -> int:
    """Run the command on the host; return the exit code."""
    return main(["admin", *arguments, "--host", f"{__name__}:host"])


def test_a_session_is_looked_at_and_cancelled(audit: SqlAudit, capsys: pytest.CaptureFixture[str]) -> None:
    """What is listed is JSON, and a deed is in the audit with who and why."""
    sid = WIRED[-1].ask(user=ALICE).json()["sid"]
    assert done("sessions", MAIL) == 0
    assert [each["sid"] for each in json.loads(capsys.readouterr().out)] == [sid]
    assert done("cancel", sid, "--reason", "asked by phone") == 0
    assert capsys.readouterr().out == "done\n"
    entries = run_sync(audit.list(user_id=ALICE))
    deed = next(each for each in entries if each.event == "Administered")
    assert (deed.details["why"], str(deed.details["actor"])[:6]) == ("asked by phone", "shell ")
    assert WIRED[-1].confirm().status == 400


def test_every_deed_is_offered(audit: SqlAudit, capsys: pytest.CaptureFixture[str]) -> None:
    """Each does what its method does."""
    world = WIRED[-1]
    sid = world.ask(user=ALICE).json()["sid"]
    for deed, what in (
        ("send-again", sid),
        ("confirm", sid),
        ("lift-limits", MAIL),
        ("export", ALICE),
        ("erase", ALICE),
    ):
        assert done(deed, what, "--reason", "why") == 0, capsys.readouterr().err
    assert done("bindings", ALICE) == 0
    assert done("unbind", ALICE, "--address", MAIL, "--reason", "why") == 0
    assert len(world.outbox.messages) == 2


def test_a_refusal_ends_with_1(audit: SqlAudit, capsys: pytest.CaptureFixture[str]) -> None:
    """What is refused is told, and nothing is done."""
    assert done("cancel", "no-such-session", "--reason", "why") == 1
    assert "No session was found" in capsys.readouterr().err
    WIRED.append(World())
    assert done("sessions", MAIL) == 2
    assert "the host has no audit" in capsys.readouterr().err


def test_a_file_of_serve_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a delegate limits are lifted; what needs accounts is refused."""
    file = written(tmp_path, delegate(tmp_path))
    assert main(["serve", "--config", file, "--check"]) == 0
    capsys.readouterr()
    assert main(["admin", "lift-limits", "+447700900001", "--config", file, "--reason", "why"]) == 0
    assert main(["admin", "erase", ALICE, "--config", file, "--reason", "why"]) == 1
    assert main(["admin", "sessions", ALICE, "--config", file, "--role", "Homeserver"]) == 2
    assert "must be one of Delegate" in capsys.readouterr().err
