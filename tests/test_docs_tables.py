"""What the page on Synapse tells people to drop is what the module made, and nothing of Synapse's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from matrix_threepid import run_sync
from matrix_threepid.stores.sql import Operation, migrate
from matrix_threepid.stores.sqlite import Sqlite

PAGE = (Path(__file__).parents[1] / "docs" / "hosts" / "synapse.md").read_text("utf-8")
OTHERS = {
    "threepid_guest_access_tokens",
    "threepid_validation_session",
    "threepid_validation_token",
    "user_threepid_id_server",
    "user_threepids",
}
"""Tables of Synapse's own."""


@pytest.fixture
def synapse_database(tmp_path: Path) -> Sqlite:
    """A database with tables of Synapse's, before the module comes."""
    db = Sqlite(tmp_path / "homeserver.db")

    def make() -> Operation[None]:
        for name in sorted(OTHERS):
            yield f"CREATE TABLE {name} (x TEXT)", ()

    run_sync(db.run(make))
    return db


def _tables() -> Operation[set[str]]:
    rows = yield "SELECT name FROM sqlite_master WHERE type = 'table'", ()
    return {name for (name,) in rows}


def test_the_page_drops_the_tables_of_the_module_alone(synapse_database: Sqlite) -> None:
    """Its statements leave nothing of the module's and all of Synapse's."""
    run_sync(migrate(synapse_database))
    (statements,) = re.findall(r"^```sql\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)

    def drop() -> Operation[None]:
        for statement in statements.split(";\n")[:-1]:
            yield statement, ()

    run_sync(synapse_database.run(drop))
    assert run_sync(synapse_database.run(_tables)) == OTHERS
    synapse_database.close()


def test_the_page_names_every_table(synapse_database: Sqlite) -> None:
    """What it says is in Synapse's database is what the migrations make there."""
    run_sync(migrate(synapse_database))
    made = run_sync(synapse_database.run(_tables)) - OTHERS
    (said,) = re.findall(r"in these tables\nthat are made at the first start: (.*?)\.\s", PAGE, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", said)) == made
    assert all(name.startswith("matrix_threepid_") for name in made)
    synapse_database.close()
