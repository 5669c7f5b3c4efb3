"""``python -m matrix_threepid synapse finish``: the unbinds that the module for Synapse left behind are sent."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from matrix_threepid import run_sync
from matrix_threepid.__main__ import main
from matrix_threepid.identity.signing import new_signing_key
from matrix_threepid.ports import system_clock
from matrix_threepid.stores import SqlBindings, Sqlite, migrate
from matrix_threepid.testing.contracts.values import NOW, binding
from matrix_threepid.testing.rogue import RogueServer, answer, authority, certified

from .running import written

KEY = "example.org.signing.key"


def bound(folder: Path, **rows: dict[str, int]) -> SqlBindings:
    """Return the bindings in Synapse's database, one for each identity server."""
    file = folder / "homeserver.db"
    database = Sqlite(file)
    run_sync(migrate(database))
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("CREATE TABLE user_threepid_id_server (user_id, medium, address, id_server)")
    bindings = SqlBindings(database)
    for server, times in rows.items():
        run_sync(bindings.insert(binding(server, id_server=server, **times)))
    return bindings


def homeserver(folder: Path, servers: Mapping[str, Any] | None, **own: Any) -> str:
    """Return Synapse's file; with the module if ``servers`` says how its identity servers are reached."""
    (folder / KEY).write_text(new_signing_key("a_1").text())
    config = {"secret_file": str(folder / "gone"), "identity_servers": servers}
    modules = [] if servers is None else [{"module": "matrix_threepid.synapse.Threepids", "config": config}]
    database = {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}}
    usual = {"server_name": "example.org", "listeners": [], "modules": modules, "database": database}
    return written(folder, {**usual, **own}, "homeserver.yaml")


@pytest.mark.parametrize(
    "times",
    [
        {"unwanted_since": NOW, "due_at": NOW},
        {"unwanted_since": NOW, "due_at": NOW * 2},
        {"unwanted_since": NOW},
    ],
    ids=["due", "due later", "given up"],
)
def test_every_unbind_that_is_not_confirmed_is_sent_once(
    times: dict[str, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is sent whenever its next time is, signed by the key of Synapse; what is wanted stays."""
    ca_file = tmp_path / "ca.pem"
    authority().cert_pem.write_to_path(ca_file)
    with RogueServer(certified("localhost")).serving() as server:
        at = f"localhost:{server.port}"
        bindings = bound(tmp_path, **{at: times, "wanted.example": {}})
        reached = {"ports": [server.port], "allow_addresses": ["127.0.0.0/8", "::1/128"], "ca_file": str(ca_file)}
        file = homeserver(tmp_path, reached)
        assert main(["synapse", "finish", "--config", file]) == 0
    assert "unbinds that identity servers confirmed: 1\nunbinds that are not confirmed: 0\n" in capsys.readouterr().out
    (sent,) = server.heard
    assert sent.path.endswith("/3pid/unbind")
    assert json.loads(sent.body)["threepid"] == {"medium": "email", "address": binding("x").spelling}
    assert sent.headers["authorization"].startswith('X-Matrix origin="example.org"')
    assert [each.id_server for each in bindings.dump()] == ["wanted.example"]


def test_what_is_not_confirmed_is_left_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the module's section its defaults count: a server on this machine is not called, and the code is 2."""
    with RogueServer(certified("localhost"), lambda _: answer(200, b"{}")).serving() as server:
        now = system_clock()
        bindings = bound(tmp_path, **{f"localhost:{server.port}": {"unwanted_since": now, "due_at": now}})
        assert main(["synapse", "finish", "--config", homeserver(tmp_path, None)]) == 2
    assert server.heard == []
    assert "confirmed: 0\n" in (shown := capsys.readouterr().out)
    assert shown.endswith("1 failed\nunbinds that are not confirmed: 1\n")
    (left,) = bindings.dump()
    assert left.attempts == 1


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"signing_key_path": "none"}, "signing_key_path: none cannot be read"),
        ({"signing_key": "no key"}, "signing key: must be a line"),
        ({"database": {"name": "sqlite3", "args": {"database": "none.db"}}}, "database: there is no such file"),
    ],
)
def test_what_is_missing_is_named(
    own: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason is one line on standard error, and the code is 1."""
    bound(tmp_path)
    assert main(["synapse", "finish", "--config", homeserver(tmp_path, None, **own)]) == 1
    assert f"synapse finish: {said}" in capsys.readouterr().err
