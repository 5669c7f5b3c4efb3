"""import.* and cold.serve: what a fresh interpreter pays before it can answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from attrs import frozen

from ..setting import Options

ROOT = Path(__file__).parents[3]
NEVER = ("twilio", "nacl", "twisted", "sqlite3", "smtplib")
"""What neither imports nor first requests load."""
EARLY = (*NEVER, "asyncio", "email_validator", "jsonschema", "phonenumbers")
"""What waits for the first request that needs it."""

PACKAGE = "import matrix_threepid"
PUBLIC = "from matrix_threepid import *"
READY = """
import matrix_threepid.testing
world = matrix_threepid.testing.World()
world.prove()
world.post("/register/email/requestToken", {"email": 5})
"""
_PROBE = """
import json, mmap, sys, time

def rss():
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * mmap.PAGESIZE // 1024
    except OSError:
        return 0

known, held = set(sys.modules), rss()
wall, cpu = time.perf_counter_ns(), time.process_time_ns()
{statement}
cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
modules = sorted(set(sys.modules) - known)
print(json.dumps({{"cpu": cpu, "wall": wall, "rss": rss() - held, "modules": modules}}))
"""


@frozen(kw_only=True)
class Import:
    """A statement in fresh interpreters, beside the import of what nobody can do without."""

    statement: str
    floor: str
    forbidden: tuple[str, ...]

    kind = "start"

    def floor_name(self, options: Options) -> str:
        """Return what a line calls the floor."""
        return self.floor

    def reps(self, options: Options) -> int:
        """Return how many interpreters are started."""
        return options.interpreters

    def repeat(self, options: Options, name: str, rep: int) -> dict[str, Any]:
        """Run once and return the fields of its line."""
        floor, unit = _probe(self.floor), _probe(self.statement)
        early = [module for module in self.forbidden if module in unit["modules"]]
        return {
            "ops": 1,
            "p50_us": unit["wall"] / 1000,
            "cpu_us": unit["cpu"] / 1000,
            "errors": len(early),
            "floor_us": floor["cpu"] / 1000,
            "floor_ratio": unit["cpu"] / floor["cpu"],
            "modules": len(unit["modules"]),
            "rss_delta_kb": unit["rss"],
            "forbidden": early,
        }


def _probe(statement: str) -> dict[str, Any]:
    """Run a statement in an interpreter of its own; return its cost and what it loaded."""
    command = [sys.executable, "-c", _PROBE.format(statement=statement)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)  # noqa: S603  our own code
    found: dict[str, Any] = json.loads(done.stdout)
    return found
