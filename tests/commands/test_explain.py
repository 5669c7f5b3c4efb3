"""``explain`` as a command: a file of ``serve`` or a host's wiring, in words or JSON."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import yaml
from operations.test_serve import delegate, written

from matrix_threepid import ConfigurationError, Medium, Purpose, Service, Threepid, run_sync
from matrix_threepid.__main__ import main
from matrix_threepid.commands.operating.synapse_role import database_of
from matrix_threepid.model.delivery import DeliveryEvent, DeliveryStatus, new_message_id
from matrix_threepid.model.message import MessageKind
from matrix_threepid.model.outbound import OutboundMessage, address_keys
from matrix_threepid.ports import system_clock
from matrix_threepid.settings import stored_peppers
from matrix_threepid.stores import Sqlite, SqlMessages, migrate, open_database
from matrix_threepid.testing import BOB, World

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


def synapse_file(folder: Path, **more: Any) -> str:
    """Return Synapse's file, beside a database with its table of addresses and those of the module.

    ``more``: of the module's section.
    """
    database, secret = folder / "homeserver.db", folder / "secret"
    secret.write_bytes(b"0" * 32)
    with closing(Sqlite(database)) as db:
        run_sync(migrate(db))
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("CREATE TABLE user_threepids (user_id, medium, address, validated_at, added_at)")
        db.execute("INSERT INTO user_threepids VALUES (?, 'email', 'bob@example.org', 1, 2)", (BOB,))
    smtp = {"host": "mail.example.org", "from": "noreply@example.org"}
    config = {"secret_file": str(secret), "endpoints": "client", "email": {"smtp": smtp}, **more}
    settings = {
        "server_name": "example.org",
        "listeners": [{"port": 8008, "type": "http", "resources": [{"names": ["client"]}]}],
        "database": {"name": "sqlite3", "args": {"database": str(database), "cp_max": 5}},
        "modules": [{"module": "matrix_threepid.synapse.Threepids", "config": config}],
    }
    file = folder / "homeserver.yaml"
    file.write_text(yaml.safe_dump(settings))
    return str(file)


def test_synapses_file_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file and the database of a Synapse with the module tell as much; deeds are left to Synapse."""
    file = synapse_file(tmp_path)
    assert main(["explain", "Bob@example.org", "--config", file, "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["facts"][0]["text"], told["causes"][0]) == (f"{BOB} has it", "in_use")
    assert main(["explain", BOB, "--config", file]) == 0
    assert "email b***@example.org: on the account" in capsys.readouterr().out
    assert main(["admin", "sessions", BOB, "--config", file]) == 0
    assert main(["admin", "cancel", "a-sid", "--config", file, "--reason", "why"]) == 2
    assert "administration_path" in capsys.readouterr().err


def test_synapses_messages_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With ``delivery`` in the module's section it is told what became of a message."""
    file = Path(synapse_file(tmp_path, delivery={}))
    key = address_keys(stored_peppers(tmp_path / "secret"), Threepid(Medium.EMAIL, "carol@example.org"))[0]
    now = system_clock()
    message_id = new_message_id(bytes(16))
    came_back = DeliveryEvent(
        message_id=message_id, status=DeliveryStatus.BOUNCED, at=now, provider="postmark", reason="5.1.1"
    )
    message = OutboundMessage(
        id=message_id,
        medium=Medium.EMAIL,
        kind=MessageKind.TOKEN,
        purpose=Purpose.ADD,
        address_key=key,
        provider="smtp",
        written_at=now,
        expires_at=now + 3_600_000,
    )
    with closing(Sqlite(tmp_path / "homeserver.db")) as db:
        run_sync(SqlMessages(db).write(message))
        run_sync(SqlMessages(db).record(came_back))
    assert main(["explain", "carol@example.org", "--config", str(file)]) == 0
    assert "says postmark: 5.1.1" in capsys.readouterr().out


def test_synapses_database_is_found() -> None:
    """SQLite by its file, PostgreSQL by what libpq is given; anything else is refused."""
    args = {"user": "synapse", "password": "a&b=c", "database": "synapse", "host": "db", "port": 5432, "cp_min": 5}
    found = database_of({"database": {"name": "psycopg2", "args": args}})
    assert parse_qs(found.partition("?")[2]) == {
        "user": ["synapse"],
        "password": ["a&b=c"],
        "dbname": ["synapse"],
        "host": ["db"],
        "port": ["5432"],
    }
    for wrong in ({}, {"database": []}, {"database": {"name": "sqlite3"}}, {"databases": {"main": {}}}):
        with pytest.raises(ConfigurationError, match="database"):
            database_of(wrong)
