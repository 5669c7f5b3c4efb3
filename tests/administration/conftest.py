"""A world with an audit in a database, and the desk of its administrators."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from matrix_threepid import Peppers, run_sync
from matrix_threepid.observing import SqlAudit
from matrix_threepid.stores import Sqlite, migrate
from matrix_threepid.testing import World

from .acting import Desk


@pytest.fixture
def make_desk(make_world: Callable[..., World], tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Return what makes a desk over a world, or over a new one with these choices."""
    with closing(Sqlite(tmp_path / "audit.db")) as db:
        run_sync(migrate(db))

        def make(world: World | None = None, **policy: object) -> Desk:
            made = make_world(policy or None) if world is None else world
            return Desk(made, SqlAudit(db, Peppers.of(bytes(32)), clock=made.clock))

        yield make


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    """A desk with the default policy."""
    return make_desk()
