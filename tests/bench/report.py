"""The lines of a run: what it ran on, one line a repetition, one a unit."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from matrix_threepid._version import __version__

from .registry import Unit
from .setting import Options

_PACKAGES = ("attrs", "canonicaljson", "email-validator", "jsonschema", "phonenumbers")
_MEASURES = ("floor_ratio", "ratio_to_empty", "probe_ratio", "cpu_us", "p50_us", "bytes")
"""What the repetition in the middle is chosen by."""
_CPU = Path("/proc/cpuinfo")


def meta(options: Options) -> dict[str, Any]:
    """Return the first line of a run in process."""
    return {**about_machine(), "seed": options.seed}


def about_machine() -> dict[str, Any]:
    """Return the first line: versions and the machine's kind, nothing that names the machine."""
    return {
        "name": "meta",
        "version": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load1": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "packages": {package: _version(package) for package in _PACKAGES},
    }


def line(name: str, unit: Unit, options: Options, rep: int) -> dict[str, Any]:
    """Run one repetition and return its line."""
    about = {"name": name, "kind": unit.kind, "store": options.kind_of_store, "driver": options.driver}
    fields = {**unit.repeat(options, name, rep), "floor": unit.floor_name(options)}
    return {
        **about,
        "sender": "null",
        "identity": None,
        "conc": 1,
        "rows": options.rows,
        "rep": rep,
        **_rounded(fields),
    }


def summary(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the median repetition by CPU time (or by its own figure), and how far the repetitions lay apart."""
    measure = next(field for field in _MEASURES if field in lines[0])
    ordered = sorted(lines, key=lambda each: float(each[measure]))
    middle = {name: value for name, value in ordered[len(ordered) // 2].items() if name not in ("name", "rep")}
    spread = _spread([float(each.get("cpu_us", each[measure])) for each in lines])
    errors = sum(each["errors"] for each in lines)
    return {
        "name": "summary",
        "unit": lines[0]["name"],
        **middle,
        "errors": errors,
        "reps": len(lines),
        "spread": spread,
    }


def _spread(values: Sequence[float]) -> float:
    return round((max(values) - min(values)) / median(values), 3)


def _rounded(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in fields.items()}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu() -> str:
    """Return the processor's name where the system tells it."""
    lines = _CPU.read_text("utf-8").splitlines() if _CPU.is_file() else []
    return next((text.partition(":")[2].strip() for text in lines if text.startswith("model name")), platform.machine())


def _commit() -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or None  # noqa: S603
