"""Runs the parts of the module on versions of Synapse, and makes the table of ``docs/hosts/synapse.md`` from that.

python -m tests.interop.versions run [NAME …]    the parts on these environments (default: all), recorded
python -m tests.interop.versions page            makes the table anew from what is recorded

``INTEROP_VERSIONS=1 tests/interop/prepare.sh`` makes the environments.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from functools import cache, partial
from pathlib import Path

from attrs import asdict, frozen

from matrix_threepid.synapse.used import ENDPOINTS, EVERY, IDENTITY_SERVERS, OLDEST

from .programs import ROOT, WORK, version_of

HERE = Path(__file__).parent
RECORDS = HERE / "versions.jsonl"
PAGE = ROOT / "docs" / "hosts" / "synapse.md"
_BEGIN, _END = "<!-- made by `python -m tests.interop.versions page` -->\n", "<!-- end -->"
_COUNTED = re.compile(r' (tests|failures|errors|skipped)="(\d+)"')
_REFUSED = ("tests/interop/test_module_fit.py", "-k", "too_old")


@frozen
class Part:
    """What is run on each version.

    * ``title``: the column of the table.
    * ``uses``: what it uses of Synapse, which decides the oldest version.
    * ``tests``: what pytest is given.
    """

    title: str
    uses: str
    tests: tuple[str, ...]


_JOURNEYS = "tests/interop/test_module.py"
_LIFE = "tests/interop/test_module_life.py"
PARTS = {
    "sms": Part("`delegate_path`", EVERY, ("tests/interop/test_delegate.py", "-k", "module")),
    "unbind": Part("`identity_servers`", IDENTITY_SERVERS, (_LIFE, "-k", "guard_alone or names_no_identity_server")),
    "client": Part("`endpoints: client`", ENDPOINTS, (_JOURNEYS, "-k", "in-front-sqlite")),
    "separate": Part("`separate`", ENDPOINTS, (_JOURNEYS, "-k", "nginx-sqlite")),
    "postgresql": Part("on PostgreSQL", ENDPOINTS, (_JOURNEYS, "-k", "in-front-postgresql")),
    "workers": Part("with workers", ENDPOINTS, (_JOURNEYS, "-k", "workers-postgresql")),
    "shadow": Part("`shadow`", ENDPOINTS, ("tests/interop/test_module_shadow.py", "-k", "chosen")),
    "mas": Part("beside an authentication service", IDENTITY_SERVERS, ("tests/interop/test_module_mas.py",)),
    "settings": Part(
        "settings, misuse, coming and going",
        ENDPOINTS,
        (_LIFE, "tests/interop/test_module_settings.py", "tests/interop/test_module_misuse.py"),
    ),
    "js-sdk": Part("matrix-js-sdk", ENDPOINTS, ("tests/interop/js/test_stories.py", "-k", "synapse")),
}


@frozen(kw_only=True)
class Record:
    """What came of a part on one version: how many tests passed and failed.

    * ``refused``: whether the version is older than the oldest for the part, and Synapse said so and did not start.
    """

    synapse: str
    part: str
    passed: int
    failed: int
    refused: bool = False
    day: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked; return 1 if a part fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.interop.versions")
    parser.add_argument("what", choices=("run", "page"))
    parser.add_argument("names", nargs="*", metavar="NAME", help="an environment; default: all of them")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS), metavar="PART")
    given = parser.parse_args(arguments)
    failed = 0
    if given.what == "run":
        for record in _run(given.names or _environments(), given.parts):
            failed += record.failed
            print(record, flush=True)  # noqa: T201
            _write({**recorded(), (record.synapse, record.part): record})
    PAGE.write_text(page(recorded(), PAGE.read_text("utf-8")), "utf-8")
    return int(failed > 0)


def _environments() -> list[str]:
    return sorted(each.name for each in WORK.glob("synapse*") if (each / "complete").exists())


def _run(names: Sequence[str], parts: Sequence[str]) -> Iterator[Record]:
    for name in names:
        version, refusals = version_of(name), cache(partial(_tested, name, _REFUSED))
        for part in parts:
            old = _key(version)[:2] < OLDEST[PARTS[part].uses]
            passed, failed = refusals("refused") if old else _tested(name, PARTS[part].tests, part)
            day = datetime.now(timezone.utc).date().isoformat()
            yield Record(synapse=version, part=part, passed=passed, failed=failed, refused=old, day=day)


def _tested(name: str, tests: Sequence[str], part: str) -> tuple[int, int]:
    environment = {**os.environ, "MATRIX_THREEPID_INTEROP": "1", "MATRIX_THREEPID_SYNAPSE": name}
    report, output = (WORK / f"{name}-{part}.{ending}" for ending in ("xml", "txt"))
    command = [sys.executable, "-m", "pytest", "-n", "0", "--show-capture=no", f"--junit-xml={report}", *tests]
    with output.open("w") as written:
        subprocess.run(command, cwd=ROOT, env=environment, stdout=written, stderr=written, check=False)  # noqa: S603
    counted = {name: int(number) for name, number in _COUNTED.findall(report.read_text("utf-8"))}
    failed = counted["failures"] + counted["errors"]
    return counted["tests"] - failed - counted["skipped"], failed


def recorded() -> dict[tuple[str, str], Record]:
    """Return the records, by version and part."""
    lines = RECORDS.read_text("utf-8").splitlines() if RECORDS.exists() else []
    records = [Record(**json.loads(line)) for line in lines]
    return {(each.synapse, each.part): each for each in records}


def _write(records: Mapping[tuple[str, str], Record]) -> None:
    names = list(PARTS)
    kept = [each for each in records.values() if each.part in PARTS]
    kept.sort(key=lambda each: (_key(each.synapse), names.index(each.part)))
    RECORDS.write_text("".join(f"{json.dumps(asdict(each))}\n" for each in kept), "utf-8")


def page(records: Mapping[tuple[str, str], Record], text: str) -> str:
    """Return the page with its table made from the records."""
    parts = [part for part in PARTS if any(part == run for _, run in records)]
    rows = [["Synapse", *(PARTS[part].title for part in parts)], ["---"] * (1 + len(parts))]
    versions = sorted({version for version, _ in records}, key=_key)
    rows += [[version, *(_cell(records.get((version, part))) for part in parts)] for version in versions]
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    before, mark, after = text.partition(_BEGIN)
    return f"{before}{mark}\n{table}\n{_END}{after.partition(_END)[2]}"


def _cell(record: Record | None) -> str:
    if record is None:
        return ""
    if record.failed:
        return f"{record.failed} of {record.passed + record.failed} fail"
    return "refused" if record.refused else str(record.passed or "-")


def _key(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", version))


if __name__ == "__main__":
    sys.exit(main())
