"""``python -m matrix_threepid.testing.schedules``: run the schedules of many seeds, as long as one likes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import process_time

from .explore import ScheduleFailed, check_schedule, explore

_PART = 10_000


def seed_range(text: str) -> range:
    """Return the seeds of ``first:end``; the end is left out. Raises ``ValueError``."""
    first, _, end = text.partition(":")
    return range(int(first), int(end))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what ``arguments`` (default: those of the process) say; return 1 if an invariant does not hold, else 0."""
    parser = argparse.ArgumentParser(prog="python -m matrix_threepid.testing.schedules", description=__doc__)
    parser.add_argument(
        "--seeds", type=seed_range, default=range(_PART), metavar="FIRST:END", help="the end is left out"
    )
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run the schedule in a file and print what happens")
    given = parser.parse_args(arguments)
    try:
        if given.replay is not None:
            print(check_schedule(given.replay.read_text("utf-8")))  # noqa: T201
        else:
            _run(given.seeds)
    except ScheduleFailed as failed:
        print(failed)  # noqa: T201
        return 1
    return 0


def _run(seeds: range) -> None:
    """Run part by part, and say after each how far it came: a later run can go on from there."""
    for first in range(seeds.start, seeds.stop, _PART):
        part, began = range(first, min(first + _PART, seeds.stop)), process_time()
        made = explore(seeds=part)
        rate = made / max(process_time() - began, 1e-9)
        print(f"{part.start}:{part.stop} all invariants hold, {rate:.0f} schedules a CPU second", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
