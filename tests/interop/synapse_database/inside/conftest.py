"""One Synapse for all tests, and its database without rows of ours for each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from matrix_threepid.stores.sql import Operation, migrate
from matrix_threepid.synapse.database import SynapseDatabase

from .homeserver import Inside, homeserver

_NAMES = (
    "sessions",
    "limits",
    "bindings",
    "associations",
    "reversals",
    "messages",
    "message_counts",
    "suppressions",
    "audit",
    "identity_tokens",
    "identity_terms",
    "invitations",
    "no_invitations",
    "onbinds",
    "lookup_peppers",
    "uia_sessions",
    "shadow_pairs",
)
TABLES = tuple(f"matrix_threepid_{name}" for name in _NAMES)
COUNTERS = "CREATE TABLE counters (name TEXT NOT NULL PRIMARY KEY, count BIGINT NOT NULL)"


@pytest.fixture(scope="session")
def settings() -> dict[str, Any]:
    """Synapse's settings for its database."""
    given: dict[str, Any] = json.loads(os.environ["SYNAPSE_DATABASE"])
    return given


@pytest.fixture(scope="session")
def synapse(tmp_path_factory: pytest.TempPathFactory, settings: dict[str, Any]) -> Iterator[Inside]:
    """A Synapse whose database has our tables, and one with counters."""
    with homeserver(tmp_path_factory.mktemp("synapse"), settings) as inside:
        inside.run(_prepare(SynapseDatabase(inside.api)))
        yield inside


@pytest.fixture
def db(synapse: Inside) -> SynapseDatabase:
    """Its database, where our tables have no rows and two counters stand at 0."""
    db = SynapseDatabase(synapse.api)
    synapse.run(db.run(_forget))
    return db


async def _prepare(db: SynapseDatabase) -> None:
    await migrate(db)
    await db.run(_count)


def _count() -> Operation[None]:
    yield COUNTERS, ()


def _forget() -> Operation[None]:
    for table in (*TABLES, "counters"):
        yield f"DELETE FROM {table}", ()  # noqa: S608  our own words
    yield "INSERT INTO counters (name, count) VALUES ('a', 0), ('b', 0)", ()
