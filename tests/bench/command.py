"""The command line of the benchmark."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from attrs import evolve

from . import goals
from .grown import Shared
from .measure import DRIVERS
from .registry import UNITS
from .setting import Options

QUICK = Options(ops=150, reps=2, interpreters=2, entries=2000, sizes=(1000,))


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what was asked for; prints usage and exits with 2 for what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("units", nargs="*", metavar="UNIT", help="names or patterns such as 'w1.*'; 'list' shows them")
    parser.add_argument(
        "--store", type=_store, default="memory", help="memory, sqlite:PATH (beside PATH), postgres:DSN"
    )
    parser.add_argument("--rows", type=_sizes, dest="sizes", help="sessions of grown stores, as 0,100000,1000000")
    parser.add_argument("--keep", action="store_true", help="leave grown stores there for the next run")
    parser.add_argument("--driver", choices=DRIVERS, default="bare", help="what runs the handlers")
    parser.add_argument("--ops", type=int, help="operations a repetition")
    parser.add_argument("--reps", type=int, help="repetitions a unit")
    parser.add_argument("--seed", type=int, help="where addresses, secrets and users come from")
    parser.add_argument("--quick", action="store_true", help="every unit, few operations: are they right?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the lines there as well")
    built_in = goals.BUILT_IN
    parser.add_argument("--goals", type=Path, metavar="FILE", nargs="?", const=built_in, help="hold the run to goals")
    return parser.parse_args(arguments)


def options_of(asked: argparse.Namespace) -> Options:
    """Return the options of a run."""
    given = {name: getattr(asked, name) for name in ("store", "driver", "ops", "reps", "seed", "sizes")}
    chosen = {name: value for name, value in given.items() if value is not None}
    return evolve(QUICK if asked.quick else Options(), shared=Shared(asked.keep), **chosen)


def names_of(asked: argparse.Namespace) -> list[str]:
    """Return the units asked for, in the order of the table."""
    patterns = [pattern for pattern in asked.units if pattern != "list"] or ["*"]
    return [name for name in UNITS if any(fnmatchcase(name, pattern) for pattern in patterns)]


def _store(text: str) -> str:
    kind, _, place = text.partition(":")
    if text == "memory" or (kind in ("sqlite", "postgres") and place):
        return text
    raise argparse.ArgumentTypeError("must be memory, sqlite:PATH or postgres:DSN")


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(size) for size in text.split(","))
