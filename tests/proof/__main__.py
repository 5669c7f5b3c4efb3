"""``python -m tests.proof``: run the searches, go on where the last run ended, and keep count.

python -m tests.proof ci                 every search, in the size of CI; records nothing
python -m tests.proof night [NAME …]     goes on with the searches (or some of them) and records every part
python -m tests.proof page               makes the table of docs/proof/index.md from the recorded parts
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the tests import one another from

from proof import results
from proof.runs import RUNS, Run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what ``arguments`` (default: those of the process) say; return 1 if a search has found something."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description="Search for broken rules.")
    parser.add_argument("what", choices=("ci", "night", "page"))
    parser.add_argument("names", nargs="*", metavar="NAME", help="the beginning of a search's name; default: all")
    parser.add_argument("--seconds", type=int, default=1 << 30, help="begin no further part after so many")
    given = parser.parse_args(arguments)
    if given.what == "page":
        text = results.PAGE.read_text("utf-8")
        results.PAGE.write_text(results.page(RUNS, results.recorded(), text), "utf-8")
        return 0
    chosen = [run for run in RUNS if not given.names or run.name.startswith(tuple(given.names))]
    until = monotonic() + given.seconds
    clean = [_search(run, given.what == "night", until) for run in chosen]  # all of them, also after a finding
    return int(not all(clean))


def _search(run: Run, night: bool, until: float) -> bool:
    """Do the parts of a search; return whether nothing was found."""
    size = run.night if night else run.ci
    for first in range(results.reached(run.name, results.recorded()) if night else 0, size, run.part):
        numbers, began = range(first, min(first + run.part, size)), monotonic()
        if began > until:
            break
        try:
            count = run.work(numbers)
        except Exception:  # whatever comes out of a search is a finding
            print(f"{run.name} {numbers.start}:{numbers.stop} FOUND\n{traceback.format_exc()}", flush=True)  # noqa: T201
            return False
        took = monotonic() - began
        print(f"{run.name} {numbers.start}:{numbers.stop} {count} {run.unit} in {took:.0f} s", flush=True)  # noqa: T201
        if night:
            results.record(results.result(run.name, numbers, count, took))
    return True


if __name__ == "__main__":
    sys.exit(main())
