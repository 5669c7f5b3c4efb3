"""``python -m tests.mutation``: change the library's code in small ways, and look which changes no test notices.

python -m tests.mutation limits/ flows/submit_token.py      all mutants of these modules
python -m tests.mutation --draw 1500 --seed 1               so many of the core, drawn by a seed; goes on where it ended
python -m tests.mutation --changed main --seconds 60        those in the lines that differ from a commit

What survives is printed, and is 1 in the exit status unless ``docs/proof/mutants.json`` has a reason for it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the tests import one another from

from mutation.mutants import Mutant, mutants_of
from mutation.running import KILLED, PACKAGE, SLOW, SURVIVED, UNCHANGED, UNTESTED, draw, run

ROOT = PACKAGE.parent
CORE = ("model", "flows", "limits", "protocol", "endpoints", "memory", "stores", "identity", "uia.py")
REASONS = ROOT / "docs" / "proof" / "mutants.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say; return 1 if a mutant has survived for which no reason is known."""
    given = _parser().parse_args(arguments)
    found = [each for file in _files(given.paths or CORE) for each in mutants_of(PACKAGE, file)]
    if given.changed is not None:
        lines = _changed_lines(given.changed)
        found = [each for each in found if each.line in lines.get(each.file, ())]
    chosen, before = draw(found, given.seed, given.draw), _kept(given.results)
    fates = {each.name: before[each.name] for each in chosen if each.name in before}
    reasons = json.loads(REASONS.read_text("utf-8")) if REASONS.exists() else {}

    def told(mutant: Mutant, fate: str) -> None:
        fates[mutant.name] = fate
        if given.results:
            with given.results.open("a", encoding="utf-8") as out:
                out.write(json.dumps([mutant.name, fate]) + "\n")
        if fate in (SURVIVED, UNTESTED):
            why = reasons.get(mutant.name)
            print(f"{fate}: {mutant.name} (line {mutant.line}){f': {why}' if why else ''}", flush=True)  # noqa: T201

    run([each for each in chosen if each.name not in fates], told, given.seconds, given.map)
    counted = Counter(fates.values())
    tried = sum(counted.values()) - counted[UNCHANGED]
    excused = sum(name in reasons for name, fate in fates.items() if fate in (SURVIVED, UNTESTED))
    killed = counted[KILLED] + counted[SLOW]
    killing = f"{killed} killed ({counted[SLOW]} by time)"
    others = f"{counted[SURVIVED]} survived, {counted[UNTESTED]} untested, {excused} of both with a reason"
    print(f"{len(found)} mutants, {tried} tried: {killing}, {others}; {counted[UNCHANGED]} not to be run")  # noqa: T201
    return int(counted[SURVIVED] + counted[UNTESTED] > excused)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="folders and modules of the package; default: the core"
    )
    parser.add_argument("--seed", type=int, default=1, help="decides the order, and what is drawn")
    parser.add_argument("--draw", type=int, help="how many; default: all")
    parser.add_argument("--changed", metavar="COMMIT", help="only in lines that differ from a commit")
    parser.add_argument("--seconds", type=float, default=1 << 30, help="begin no further mutant after so many")
    parser.add_argument("--results", type=Path, help="a file to go on from, a line each")
    parser.add_argument("--map", type=Path, default=ROOT / ".mutation.json", help="keeps which test calls what")
    return parser


def _files(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        where = PACKAGE / path
        for file in [where] if where.is_file() else sorted(where.rglob("*.py")):
            yield str(file.relative_to(PACKAGE))


def _kept(file: Path | None) -> dict[str, str]:
    return dict(map(json.loads, file.read_text("utf-8").splitlines())) if file is not None and file.exists() else {}


def _changed_lines(commit: str) -> dict[str, set[int]]:
    """Return the lines of each module that a commit does not have."""
    git = ("git", "-C", str(ROOT), "diff", "-U0", commit, "--", str(PACKAGE))
    lines: dict[str, set[int]] = {}
    file = ""
    for line in subprocess.run(git, capture_output=True, text=True, check=True).stdout.splitlines():  # noqa: S603
        if line.startswith("+++ b/matrix_threepid/"):
            file = line.removeprefix("+++ b/matrix_threepid/")
        elif found := re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line):
            first, count = int(found[1]), int(found[2] or 1)
            lines.setdefault(file, set()).update(range(first, first + count))
    return lines


if __name__ == "__main__":
    sys.exit(main())
