"""What is measured: CPU time of other processes, percentiles, and ratios within a round."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from attrs import frozen

Line = dict[str, Any]
_SCHED = 2  # CPUCLOCK_SCHED: the clock that counts user and system time of all threads, in ns
_ABOUT = ("database", "work", "clients")


def cpu_ns(pid: int) -> int:
    """Return the CPU time a process has used; 0 if it is gone. Linux only."""
    try:
        return time.clock_gettime_ns((~pid << 3) | _SCHED)
    except OSError:
        return 0


def children(pid: int) -> list[int]:
    """Return the processes a process has started."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


@frozen
class Usage:
    """CPU time of the processes of a server and of its database."""

    server: Callable[[], Sequence[int]]
    database: Callable[[], Sequence[int]]

    def read(self) -> tuple[int, int]:
        """Return both, in ns."""
        return sum(map(cpu_ns, self.server())), sum(map(cpu_ns, self.database()))


def figures(laps: Sequence[int], wall: int, cpu: tuple[int, int]) -> Line:
    """Return the fields of a line; all arguments in ns."""
    ordered, ops = sorted(laps), len(laps)
    return {
        "ops": ops,
        "requests_per_s": round(ops / wall * 1e9, 1),
        "p50_ms": round(ordered[ops // 2] / 1e6, 3),
        "p99_ms": round(ordered[ops * 99 // 100] / 1e6, 3),
        "server_cpu_ms": round(cpu[0] / ops / 1e6, 3),
        "database_cpu_ms": round(cpu[1] / ops / 1e6, 3),
    }


def ratios(lines: Sequence[Line], over: str, under: str) -> Iterator[Line]:
    """Yield, for each work, the medians of one server's figures over another's of the same round."""
    keys = dict.fromkeys(tuple(line[name] for name in _ABOUT) for line in lines)
    for key in keys:
        rounds: dict[int, dict[str, Line]] = {}
        for line in lines:
            if tuple(line[name] for name in _ABOUT) == key:
                rounds.setdefault(line["round"], {})[line["server"]] = line
        pairs = [(each[over], each[under]) for each in rounds.values() if over in each and under in each]
        if not pairs:
            continue
        figures = {
            name: round(median(measure(a) / measure(b) for a, b in pairs), 3)
            for name, measure in _MEASURES.items()
            if all(measure(b) for _, b in pairs)
        }
        yield {"name": "ratio", **dict(zip(_ABOUT, key, strict=True)), "of": over, "over": under, **figures}


def spreads(lines: Sequence[Line]) -> Iterator[Line]:
    """Yield, for each work and server, the medians of its figures over the rounds, and p99 over p50."""
    groups: dict[tuple[Any, ...], list[Line]] = {}
    for line in lines:
        groups.setdefault((*(line[name] for name in _ABOUT), line["server"]), []).append(line)
    for key, group in groups.items():
        middle = {name: round(median(measure(each) for each in group), 3) for name, measure in _MEASURES.items()}
        tail = round(median(each["p99_ms"] / each["p50_ms"] for each in group), 2)
        failures = sum(each["failures"] for each in group)
        about = dict(zip((*_ABOUT, "server"), key, strict=True))
        yield {"name": "median", **about, **middle, "p99_over_p50": tail, "failures": failures}


_MEASURES: dict[str, Callable[[Line], float]] = {
    "requests_per_s": lambda line: float(line["requests_per_s"]),
    "p50_ms": lambda line: float(line["p50_ms"]),
    "p99_ms": lambda line: float(line["p99_ms"]),
    "server_cpu_ms": lambda line: float(line["server_cpu_ms"]),
    "database_cpu_ms": lambda line: float(line["database_cpu_ms"]),
}
