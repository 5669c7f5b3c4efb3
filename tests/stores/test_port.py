"""``python -m matrix_threepid synapse``: from SQLite to PostgreSQL beside ``synapse_port_db``; unbinds that are due."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from matrix_threepid import Limit, run_sync
from matrix_threepid.__main__ import main
from matrix_threepid.ports import Charge
from matrix_threepid.stores.psycopg import Psycopg
from matrix_threepid.stores.sql import SqlBindings, SqlLimits, SqlSessions
from matrix_threepid.stores.sqlite import Sqlite
from matrix_threepid.testing.contracts.values import NOW, binding, session

from .postgres import database


def test_nothing_is_lost_on_the_way_to_postgresql(
    sqlite: Sqlite, postgres: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sessions, limits and due unbinds are in the new database; another run changes nothing that is newer there."""
    import psycopg

    due = binding("due", unwanted_since=NOW, due_at=NOW)
    run_sync(SqlBindings(sqlite).insert(due))
    run_sync(SqlBindings(sqlite).insert(binding("bound")))
    run_sync(SqlSessions(sqlite).open(session("a")))
    charges = [Charge("k", Limit(1, 0.001))]
    run_sync(SqlLimits(sqlite).charge(charges, NOW))
    with database(postgres) as uri:
        new = Psycopg(partial(psycopg.connect, uri))
        arguments = ["synapse", "port", "--from", f"sqlite:///{sqlite.path}", "--to", uri]
        assert main(arguments) == 0
        shown = capsys.readouterr().out
        assert "matrix_threepid_bindings: 2 rows, 2 of them new\n" in shown
        assert "unbinds that are due: 1\n" in shown
        assert {each.id: each for each in SqlBindings(new).dump()} == {"due": due, "bound": binding("bound")}
        assert SqlSessions(new).dump() == SqlSessions(sqlite).dump()
        assert run_sync(SqlLimits(new).charge(charges, NOW)) == 1_000_000
        assert run_sync(SqlBindings(new).forget(due)) is True
        assert run_sync(SqlBindings(new).insert(binding("later"))) is True
        assert main(arguments) == 0
        assert "matrix_threepid_bindings: 2 rows, 1 of them new\n" in capsys.readouterr().out
        assert {each.id for each in SqlBindings(new).dump()} == {"due", "bound", "later"}


def test_unbinds_that_are_not_confirmed_are_listed(sqlite: Sqlite, capsys: pytest.CaptureFixture[str]) -> None:
    """An operator sees each with its identity server, user and address, also if it was given up, and no other row."""
    due = binding("due", unwanted_since=NOW, due_at=NOW, attempts=3)
    run_sync(SqlBindings(sqlite).insert(due))
    run_sync(SqlBindings(sqlite).insert(binding("given up", unwanted_since=NOW, user_id="@zoe:hs.example.org")))
    run_sync(SqlBindings(sqlite).insert(binding("bound")))
    assert main(["synapse", "unbinds", "--database", f"sqlite:///{sqlite.path}"]) == 0
    listed = f"{due.id_server}\t{due.user_id}\temail\t{due.spelling}\t3 failed\n"
    listed += f"{due.id_server}\t@zoe:hs.example.org\temail\t{due.spelling}\tgiven up\n"
    assert capsys.readouterr().out == f"{listed}unbinds that are not confirmed: 2\n"


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The reason is one line on standard error."""
    assert main(["synapse", "unbinds", "--database", f"sqlite:///{tmp_path / 'none.db'}"]) == 1
    assert "synapse unbinds: --database: there is no such file" in capsys.readouterr().err
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("source", "said"),
    [("postgresql://localhost/x", "--from: must be sqlite:///FILE"), ("sqlite:///none.db", "--from: there is no such")],
)
def test_a_source_that_cannot_be_is_named(
    source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason is one line on standard error, and no file is made."""
    monkeypatch.chdir(tmp_path)
    with closing(Sqlite(tmp_path / "target.db")):
        assert main(["synapse", "port", "--from", source, "--to", "sqlite:///target.db"]) == 1
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
