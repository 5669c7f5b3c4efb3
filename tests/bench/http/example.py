"""``python -m tests.bench.http.example CONFIG [recorded]``: the example homeserver with cheap password hashes.

A password hash is slow on purpose, and each server chooses its own; all servers of the benchmark use cheap ones, so
that it shows what the rest of a request costs. ``recorded``: with stores of messages and of suppressions.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from attrs import evolve

from examples.homeserver import house, passwords
from examples.homeserver.app import Parts, assemble
from examples.homeserver.config import read_config
from examples.homeserver.home import Home
from examples.homeserver.server import serve
from matrix_threepid.stores import SqlMessages, SqlSuppressions


def recorded(parts: Parts, base_url: str | None) -> Home:
    """Return the wiring of the example with what becomes of messages."""
    return evolve(assemble(parts, base_url), messages=SqlMessages(parts.db), suppressions=SqlSuppressions(parts.db))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    passwords._COST = 16
    if sys.argv[2:] == ["recorded"]:
        house.assemble = recorded
    serve(read_config(Path(sys.argv[1])))
