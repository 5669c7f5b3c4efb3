"""What the searches have counted, line by line in a file of the repository, and the page made from it."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

from attrs import asdict, frozen

if TYPE_CHECKING:
    from .runs import Run

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "proof" / "results.jsonl"
PAGE = ROOT / "docs" / "proof" / "index.md"
BEGIN, END = "<!-- made by `python -m tests.proof page` -->", "<!-- end -->"


@frozen
class Result:
    """One part of a search in which nothing was found.

    * ``run``: its name; ``first``, ``end``: its numbers, the end left out.
    * ``count``: how many units there were; ``seconds``: how long it took.
    * ``commit``: the commit it ran on; ``python``: the version of Python; ``day``: the UTC day.
    """

    run: str
    first: int
    end: int
    count: int
    seconds: int
    commit: str
    python: str
    day: str


def result(run: str, numbers: range, count: int, seconds: float) -> Result:
    """Return the line of a part that has just run."""
    from datetime import datetime, timezone

    git = ("git", "-C", str(ROOT), "rev-parse", "--short=10", "HEAD")
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "unknown"  # noqa: S603
    day = datetime.fromtimestamp(time(), timezone.utc).date().isoformat()
    return Result(run, numbers.start, numbers.stop, count, round(seconds), commit, platform.python_version(), day)


def recorded(file: Path = FILE) -> list[Result]:
    """Return all lines of the file; none if there is no file."""
    return [Result(**json.loads(line)) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def record(line: Result, file: Path = FILE) -> None:
    """Add a line to the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(asdict(line)) + "\n")


def reached(run: str, lines: Iterable[Result]) -> int:
    """Return the number from which a search goes on."""
    return max((line.end for line in lines if line.run == run), default=0)


def table(runs: Sequence[Run], lines: Sequence[Result]) -> str:
    """Return the table of the page: what was looked for, how often in CI, how often at night so far."""
    rows = ["| search | what holds | in CI | at night, so far | last on |", "|---|---|---|---|---|"]
    for run in runs:
        mine = [line for line in lines if line.run == run.name]
        last = f"`{mine[-1].commit}`, {mine[-1].day}" if mine else "-"
        count = f"{sum(line.count for line in mine):,} {run.unit}" if mine else "-"
        rows.append(f"| `{run.name}` | {run.says} | {run.ci:,} of {run.night:,} numbers | {count} | {last} |")
    return "\n".join(rows)


def page(runs: Sequence[Run], lines: Sequence[Result], text: str) -> str:
    """Return the text of the page with its table made anew."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{table(runs, lines)}\n\n{END}{after}"
