"""What holds for an operation in a transaction of Synapse, on both its engines."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

import pytest
from synapse.logging.context import current_context

from matrix_threepid import ConfigurationError
from matrix_threepid.protocol.errors import Unavailable
from matrix_threepid.stores.sql import Operation, check_schema, migrate
from matrix_threepid.stores.sql._migrations import MIGRATIONS
from matrix_threepid.synapse.database import SynapseDatabase

from .conftest import TABLES
from .counting import counts, increased, together
from .homeserver import Inside

STARTERS, THREADS, EACH = 8, 16, 25


def test_the_dialect_is_known_from_the_first_operation_on(
    synapse: Inside, db: SynapseDatabase, settings: dict[str, Any]
) -> None:
    """Operations may ask for it, the first one included; whoever asks earlier is told when to."""
    fresh = SynapseDatabase(synapse.api)
    with pytest.raises(RuntimeError, match="inside an operation"):
        _ = fresh.dialect
    synapse.run(_awaited(check_schema(fresh)))
    assert fresh.dialect == db.dialect == {"sqlite3": "sqlite", "psycopg2": "postgresql"}[settings["name"]]


def test_workers_that_start_together_migrate_once(synapse: Inside, db: SynapseDatabase) -> None:
    """Every one of them finds the schema done, whoever did it."""

    def drop() -> Operation[None]:
        for table in (*TABLES, "matrix_threepid_schema"):
            yield f"DROP TABLE {table}", ()

    synapse.run(db.run(drop))
    with pytest.raises(ConfigurationError, match="version 0"):
        synapse.run(_awaited(check_schema(db)))
    done = together(STARTERS, lambda _: synapse.run(_awaited(migrate(SynapseDatabase(synapse.api)))))
    assert done == [len(MIGRATIONS)] * STARTERS
    synapse.run(_awaited(check_schema(db)))


def test_a_row_that_everybody_changes_refuses_nobody(synapse: Inside, db: SynapseDatabase) -> None:
    """As many changes of one row at once as Synapse has connections, and more: each counts, once."""

    def work(_: int) -> None:
        for _ in range(EACH):
            synapse.run(db.run(lambda: increased("a")))

    together(THREADS, work)
    assert synapse.run(db.run(counts)) == {"a": THREADS * EACH, "b": 0}


def test_what_fails_leaves_nothing(synapse: Inside, db: SynapseDatabase) -> None:
    """An operation that ends with an error was never there, and its error is the caller's."""

    def broken() -> Operation[None]:
        yield from increased("a")
        raise LookupError("of the caller")

    with pytest.raises(LookupError, match="of the caller"):
        synapse.run(db.run(broken))
    assert synapse.run(db.run(counts)) == {"a": 0, "b": 0}


@pytest.mark.parametrize(
    ("sql", "parameters"), [("SELECT no_such_column FROM counters", ()), ("SELECT ?", (object(),))]
)
def test_a_bug_is_no_outage(synapse: Inside, db: SynapseDatabase, sql: str, parameters: tuple[Any, ...]) -> None:
    """Neither wrong SQL nor a value no database holds is called a database that cannot serve right now."""

    def wrong() -> Operation[None]:
        yield sql, parameters

    with pytest.raises(Exception, match=r"no_such_column|object") as caught:
        synapse.run(db.run(wrong))
    assert not isinstance(caught.value, Unavailable)


def test_the_logging_context_is_kept(synapse: Inside, db: SynapseDatabase) -> None:
    """What a request logs after a transaction is still its own, whether that went well or not."""

    def broken() -> Operation[None]:
        yield from counts()
        raise LookupError

    async def request() -> list[bool]:
        before, kept = current_context(), []
        for operation in (counts, broken, counts):
            with suppress(LookupError):
                await db.run(operation)
            kept.append(current_context() is before)
        return kept

    assert synapse.run(request()) == [True] * 3


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
