"""What only SQLite does."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from matrix_threepid.protocol.errors import Unavailable
from matrix_threepid.stores.sql import Operation, ReadOnly
from matrix_threepid.synapse.database import SynapseDatabase

from .counting import counts, increased
from .homeserver import Inside


def test_a_file_somebody_else_holds_is_unavailable(
    synapse: Inside, db: SynapseDatabase, settings: dict[str, Any]
) -> None:
    """The client is told to come back, and then it works."""
    with closing(sqlite3.connect(settings["args"]["database"])) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            synapse.run(db.run(lambda: increased("a")))
    synapse.run(db.run(lambda: increased("a")))
    assert synapse.run(db.run(counts))["a"] == 1


def test_a_file_that_takes_no_changes_is_unavailable(synapse: Inside, db: SynapseDatabase) -> None:
    """The client is told to come back, nothing is changed, and then it works."""

    def on_a_read_only_file() -> Operation[None]:
        yield "PRAGMA query_only = ON", ()
        yield from increased("a")

    with pytest.raises(ReadOnly):
        synapse.run(db.run(on_a_read_only_file))
    # Not by an operation of ours: those begin with a lock, which such a file does not give.
    synapse.run(synapse.api.run_db_interaction("writable", lambda txn: txn.execute("PRAGMA query_only = OFF")))
    synapse.run(db.run(lambda: increased("a")))
    assert synapse.run(db.run(counts))["a"] == 1


def test_nobody_writes_between_what_an_operation_reads_and_writes(
    synapse: Inside, db: SynapseDatabase, settings: dict[str, Any]
) -> None:
    """An operation that begins with reading is one transaction all the same."""
    file = settings["args"]["database"]

    def reading_first() -> Operation[None]:
        [(count,)] = yield "SELECT count FROM counters WHERE name = 'a'", ()
        with (
            closing(sqlite3.connect(file, timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("UPDATE counters SET count = 9")
        yield "UPDATE counters SET count = ? WHERE name = 'a'", (count + 1,)

    synapse.run(db.run(reading_first))
    assert synapse.run(db.run(counts)) == {"a": 1, "b": 0}
