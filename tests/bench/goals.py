"""Goals: the most a figure of a unit may be; ratios and sizes, never a bare time where a ratio will do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

BUILT_IN = Path(__file__).with_name("goals.json")
NOISE = 0.5
"""A spread above this says more about the machine than about the unit."""

Goals = Mapping[str, Mapping[str, float]]


def read_goals(path: Path, *, wider: bool = False) -> Goals:
    """Return the goals of a JSON file: pattern of unit names → field → the most it may be.

    ``wider``: twice as much is good enough, for runs too short to be exact.
    """
    goals: Goals = json.loads(path.read_text("utf-8"))
    factor = 2 if wider else 1
    return {unit: {name: factor * limit for name, limit in limits.items()} for unit, limits in goals.items()}


def of_unit(goals: Goals, unit: str) -> dict[str, float]:
    """Return a unit's goals by field."""
    return {
        field: limit
        for pattern, limits in goals.items()
        if fnmatchcase(unit, pattern)
        for field, limit in limits.items()
    }


def judge(goals: Goals, summary: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield one line a goal of a summary's unit. A noisy figure is reported, not failed."""
    unit, noisy = summary["unit"], (summary.get("spread") or 0) > NOISE
    for field, limit in of_unit(goals, unit).items():
        found = summary.get(field)
        value = len(found) if isinstance(found, list) else found
        ok = value is not None and value <= limit
        line = {"name": "goal", "goal": f"{unit}.{field}", "limit": limit, "value": value, "ok": ok}
        yield line if ok or not noisy else {**line, "ok": True, "noisy": True}
