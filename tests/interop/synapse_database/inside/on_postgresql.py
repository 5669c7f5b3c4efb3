"""What only PostgreSQL does: it makes transactions begin again, and goes away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from threading import Barrier
from typing import Any

import psycopg2
import pytest

from matrix_threepid.protocol.errors import Unavailable
from matrix_threepid.stores.sql import Operation, ReadOnly
from matrix_threepid.synapse.database import SynapseDatabase

from .counting import counts, increased, together
from .homeserver import Inside

SYNAPSE_BEGINS = 5
"""How often it begins a transaction in all."""

CALLS = 30
"""More than Synapse has connections."""


@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
def test_what_has_to_begin_again_counts_once(synapse: Inside, db: SynapseDatabase, sqlstate: str) -> None:
    """A serialization failure or deadlock has the operation made anew: nothing is lost, nothing done twice."""
    begun: list[str] = []

    def unlucky() -> Operation[None]:
        begun.append(sqlstate)
        yield from increased("a")
        if len(begun) == 1:
            yield _raising(sqlstate), ()
        yield from increased("b")

    synapse.run(db.run(unlucky))
    assert synapse.run(db.run(counts)) == {"a": 1, "b": 1}
    assert len(begun) == 2


def test_those_who_wait_for_each_other_both_get_through(synapse: Inside, db: SynapseDatabase) -> None:
    """Two that lock two rows crosswise: PostgreSQL ends one of them, Synapse begins it again."""
    locked = Barrier(2)
    begun: list[int] = []

    def crosswise(number: int) -> Operation[None]:
        begun.append(number)
        first, second = ("a", "b") if number else ("b", "a")
        yield from increased(first)
        if begun.count(number) == 1:
            locked.wait(30)
        yield from increased(second)

    together(2, lambda number: synapse.run(db.run(lambda: crosswise(number))))
    assert synapse.run(db.run(counts)) == {"a": 2, "b": 2}
    assert len(begun) > 2


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "57014", "53100"])
def test_what_never_gets_through_is_unavailable(synapse: Inside, db: SynapseDatabase, sqlstate: str) -> None:
    """Serialization failures, deadlocks, timeouts and a full disk that stay: the client is told to come back."""
    begun: list[str] = []

    def failing() -> Operation[None]:
        begun.append(sqlstate)
        yield from increased("a")
        yield _raising(sqlstate), ()

    with pytest.raises(Unavailable):
        synapse.run(db.run(failing))
    assert len(begun) == SYNAPSE_BEGINS
    assert synapse.run(db.run(counts))["a"] == 0


@pytest.mark.parametrize("sqlstate", ["25006", "25P02", "53300", "57P03", "58000", "58030", "XX001"])
def test_what_the_server_suffers_from_is_unavailable(synapse: Inside, db: SynapseDatabase, sqlstate: str) -> None:
    """Whatever the class of the driver's error is, its code says that the server cannot serve right now."""

    def failing() -> Operation[None]:
        yield from increased("a")
        yield _raising(sqlstate), ()

    with pytest.raises(Unavailable):
        synapse.run(db.run(failing))
    assert synapse.run(db.run(counts))["a"] == 0


def test_a_database_that_takes_no_changes_is_unavailable(synapse: Inside, db: SynapseDatabase) -> None:
    """A transaction that may not write ends as a standby's does; the next one works."""

    def on_a_standby() -> Operation[None]:
        yield "SET TRANSACTION READ ONLY", ()
        yield from increased("a")

    with pytest.raises(ReadOnly):
        synapse.run(db.run(on_a_standby))
    assert synapse.run(db.run(counts))["a"] == 0


@pytest.mark.parametrize(
    ("sqlstate", "kind"), [("23505", psycopg2.IntegrityError), ("54001", psycopg2.OperationalError)]
)
def test_what_a_statement_does_wrong_is_no_outage(
    synapse: Inside, db: SynapseDatabase, sqlstate: str, kind: type[Exception]
) -> None:
    """A constraint that does not hold, a statement that is too complex: an error of the driver's for who wrote it."""

    def failing() -> Operation[None]:
        yield _raising(sqlstate), ()

    with pytest.raises(kind):
        synapse.run(db.run(failing))


def test_lost_connections_are_unavailable_and_then_made_anew(
    synapse: Inside, db: SynapseDatabase, settings: dict[str, Any]
) -> None:
    """While the database takes nobody every call says so; when it does again, so do we."""
    with _closed(settings["args"]["dsn"]):
        for _ in range(CALLS):
            with pytest.raises(Unavailable):
                synapse.run(db.run(counts))
    for _ in range(CALLS):
        with suppress(Unavailable):
            synapse.run(db.run(counts))
    assert synapse.run(db.run(counts)) == {"a": 0, "b": 0}


@contextmanager
def _closed(dsn: str) -> Iterator[None]:
    """End all connections to the database and take no new ones for the time of the block."""
    with closing(psycopg2.connect(dsn, dbname="template1")) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        name = psycopg2.extensions.parse_dsn(dsn)["dbname"]
        cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS FALSE")
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS TRUE")


def _raising(sqlstate: str) -> str:
    return f"DO $$ BEGIN RAISE SQLSTATE '{sqlstate}'; END $$"
