"""The searches: what each one counts, how far it goes in CI and at night, and the work of a part of it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from attrs import frozen
from stores.accounts import SqlAccounts
from stores.conftest import prepared

from matrix_threepid import run_sync
from matrix_threepid.stores.sql import SqlBindings, SqlLimits, SqlSessions
from matrix_threepid.stores.sqlite import Sqlite
from matrix_threepid.testing import PAIRS, Outages, explore
from matrix_threepid.testing.outages.people import WISHES
from matrix_threepid.testing.schedules.pairs import FLOWS, explore_pairs
from matrix_threepid.testing.schedules.undoing import explore_undo
from proof.fuzz import PARSERS, run_parser
from proof.hostile import TARGETS, run_hostile
from proof.stateful import STEPS, run_machine

ROOT = Path(__file__).parents[2]
_FLOWS = tuple(FLOWS)
_EXAMPLES = 1000 // STEPS
_INPUTS = 1000


@frozen
class Run:
    """A search over numbered parts, so that it can be cut off and go on.

    * ``name``: the name on the command line.
    * ``unit``: what is counted.
    * ``says``: what has been looked for, for the docs.
    * ``ci``, ``night``: how many numbers it takes in CI and at night.
    * ``part``: how many numbers are done between two lines of results.
    * ``work``: does some numbers; returns how many units there were, and raises ``AssertionError`` for a finding.
    """

    name: str
    unit: str
    says: str
    ci: int
    night: int
    part: int
    work: Callable[[range], int]


def _pairs(numbers: range) -> int:
    return sum(explore_pairs(flows={name: FLOWS[name]}) for name in (_FLOWS[number] for number in numbers))


def _outages(numbers: range) -> int:
    """Run pairs of outages, one person for each step; every further round has another seed, and defers every other."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # jobs that fail say so, thousands of times
    try:
        for turn in sorted({number // len(PAIRS) for number in numbers}):
            town = Outages(policy={"deferred_sending": turn % 2 == 1}, seed=turn, people=len(WISHES))
            for number in numbers:
                if number // len(PAIRS) == turn:
                    town.run(PAIRS[number % len(PAIRS)])
    finally:
        logging.disable(before)
    return len(numbers)


def _in_memory(numbers: range) -> int:
    return sum(run_machine(number, _EXAMPLES) for number in numbers)


def _on_sqlite(numbers: range) -> int:
    """Run the state machine on a file; a restart closes it and opens it again."""
    with tempfile.TemporaryDirectory() as folder:
        made: list[Sqlite] = []
        template = Path(folder) / "template.db"
        with closing(Sqlite(template)) as db:
            run_sync(prepared(db))

        def make() -> Mapping[str, Any]:
            file = Path(folder) / "threepid.db"
            _close(made)
            for old in Path(folder).glob("threepid.db*"):
                old.unlink()
            file.write_bytes(template.read_bytes())
            return _opened(file, made)

        def reopen(_: Mapping[str, Any]) -> Mapping[str, Any]:
            _close(made)
            return _opened(Path(folder) / "threepid.db", made)

        try:
            return sum(run_machine(number, _EXAMPLES, make, reopen) for number in numbers)
        finally:
            _close(made)


def _opened(file: Path, made: list[Sqlite]) -> Mapping[str, Any]:
    made.append(db := Sqlite(file))
    return _ports(db)


def _ports(db: Any) -> Mapping[str, Any]:
    kinds = {"sessions": SqlSessions, "limiter": SqlLimits, "bindings": SqlBindings, "accounts": SqlAccounts}
    return {name: kind(db) for name, kind in kinds.items()}


def _close(made: list[Sqlite]) -> None:
    while made:
        made.pop().close()


def _on_postgresql(numbers: range) -> int:
    """Run the state machine on a server of its own; a restart takes new connections."""
    from stores.postgres import driver, place, server

    with server() as uri, place(uri) as where, _psycopg(where, driver) as db:

        def make() -> Mapping[str, Any]:
            run_sync(db.run(_emptied))
            return _ports(db)

        return sum(run_machine(number, _EXAMPLES, make) for number in numbers)


@contextmanager
def _psycopg(where: Any, driver: Any) -> Iterator[Any]:
    with driver(where, "psycopg") as given:
        given.run(prepared(given.db))
        yield given.db


def _emptied() -> Any:
    rows = yield "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()", ()
    for (table,) in rows:
        if not table.endswith("_schema"):
            yield f"DELETE FROM {table}", ()  # noqa: S608  a name of our own


def _fuzzed(number: int) -> Callable[[range], int]:
    return lambda numbers: sum(run_parser(PARSERS[number], each, _INPUTS) for each in numbers)


def _hostile(number: int) -> Callable[[range], int]:
    return lambda numbers: run_hostile(TARGETS[number], numbers)


def _tests(*paths: str, **environment: str) -> int:
    """Run tests in a process of their own; return how many passed."""
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *paths)
    # A PostgreSQL that ran in this process has left the folder of its sockets there, which is not the next one's.
    env = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"} | environment
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    return next(int(word) for word, after in pairwise(done.stdout.split()) if after.startswith("passed"))


def _planted(_: range) -> int:
    return _tests("tests/test_schedules.py", "-k", "broken", MATRIX_THREEPID_PROOF="1")


def _kills(numbers: range) -> int:
    _tests("tests/crash", THREEPID_KILLS=str(len(numbers)), MATRIX_THREEPID_PROOF="1")
    return len(numbers)


_CALLS = "calls in seeded orders, with lost answers, crashes and clock steps; SEC-0 holds after every step"
_UNDOING = "thieves and owners of old addresses: the owner gets the account back, and a confirmed removal stays"
_ORDERS = "every pair of calls of a flow, in every order with at most two switches"
_MACHINE = "a state machine over a whole homeserver; every answer is the one of the reference model"
_FAILING = "two parts fail for a minute: what works goes on, all are answered in time, and nothing is lost or left over"
_FOUND = "parts and rules that are broken on purpose are found, within 1,000 seeds each"
_KILLED = "a process is killed at any point, and nothing promised is lost"
_REFUSED = "bodies that no client of ours sends, at each operation: no 5xx, and what is refused as it came does nothing"
_ERRORS = "nothing but documented errors comes out"

RUNS = (
    Run("schedules", "schedules", _CALLS, 10_000, 1_000_000, 10_000, lambda numbers: explore(seeds=numbers)),
    Run("undo", "schedules", _UNDOING, 200, 10_000, 1_000, explore_undo),
    Run("pairs", "orders", _ORDERS, 1, len(FLOWS), 1, _pairs),
    Run("stateful-memory", "steps", _MACHINE, 10, 1_000, 10, _in_memory),
    Run("stateful-sqlite", "steps", "the same on SQLite, with restarts", 2, 200, 2, _on_sqlite),
    Run("stateful-postgresql", "steps", "the same on PostgreSQL", 1, 100, 2, _on_postgresql),
    Run("outages", "outages", _FAILING, len(PAIRS), 100 * len(PAIRS), len(PAIRS), _outages),
    *(Run(f"fuzz {each.name}", "inputs", _ERRORS, 2, 100, 10, _fuzzed(place)) for place, each in enumerate(PARSERS)),
    *(
        Run(f"hostile {each.name}", "bodies", _REFUSED, 1, 100, 10, _hostile(place))
        for place, each in enumerate(TARGETS)
    ),
    Run("planted", "tests", _FOUND, 1, 1, 1, _planted),
    Run("kills", "processes killed", _KILLED, 100, 5_000, 5_000, _kills),
)
"""All searches."""
