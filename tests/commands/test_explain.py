"""``explain`` as a command: a file of ``serve`` or a host's wiring, in words or JSON."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from operations.test_serve import delegate, written

from matrix_threepid import Service
from matrix_threepid.__main__ import main
from matrix_threepid.stores import open_database
from matrix_threepid.testing import World

WORLD = World()


def host() -> Service:
    """The wiring of a host."""
    return WORLD.service


def test_a_file_of_serve_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The delegate of a file is explained, and the audit in its database has a line of it."""
    file = written(tmp_path, delegate(tmp_path))
    assert main(["explain", "+33612345678", "--config", file]) == 2
    assert "no such file" in capsys.readouterr().err
    assert main(["serve", "--config", file, "--check"]) == 0
    capsys.readouterr()
    assert main(["explain", "+33612345678", "--config", file]) == 0
    assert "[country_off]" in capsys.readouterr().out
    assert main(["explain", "+33612345678", "--config", file, "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["role"], told["causes"]) == ("Delegate", ["country_off"])
    assert "audit: Explained actor=" in "".join(f"{each['about']}: {each['text']}\n" for each in told["happened"])
    assert asyncio.run(_audited(tmp_path)) == 2


def test_a_host_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    """A host's own wiring is explained; its listener hears of it."""
    sid = WORLD.ask().json()["sid"]
    assert main(["explain", sid, "--host", f"{__name__}:host"]) == 0
    assert "[handed_over]" in capsys.readouterr().out
    assert [event.subject for event in WORLD.events.seen if type(event).__name__ == "Explained"] == ["session"]  # type: ignore[union-attr]


def test_what_is_nothing_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    """A text that names nothing is told, and the exit code is 1."""
    assert main(["explain", "two words", "--host", f"{__name__}:host"]) == 1
    assert "must be an address, a number" in capsys.readouterr().err


async def _audited(folder: Path) -> int:
    async with open_database(f"sqlite:///{folder}/delegate.db") as db:
        return int(await db.run(_count))


def _count():  # type: ignore[no-untyped-def]
    rows = yield "SELECT count(*) FROM matrix_threepid_audit WHERE event = 'Explained'", ()
    return rows[0][0]
