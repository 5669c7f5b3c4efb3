"""``python -m tests.bench.at_once URL [REQUESTS [CLIENTS]]``: requests for a token over one store, many at once.

* ``URL``: ``sqlite:///FILE``, ``postgresql://…`` or ``valkey://…``; of a cluster all primaries, for their figures.
* ``REQUESTS``: how many, each for a new address. Default 4,000.
* ``CLIENTS``: how many at once. Default 64.

* ``--pid PID``: the main process of a PostgreSQL on this machine, for its CPU time.

Prints one line of JSON: requests a second and the median and 99th percentile of their times in ms; the CPU time of the
servers for each request in us, and the bytes that a Valkey holds for each.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from os import sysconf
from pathlib import Path
from time import perf_counter
from typing import Any

from matrix_threepid.stores import (
    SqlLimits,
    SqlSessions,
    ValkeyLimits,
    ValkeySessions,
    migrate,
    open_database,
    open_valkey,
)
from matrix_threepid.testing import ALICE, World

PATH = "/account/3pid/email/requestToken"


@asynccontextmanager
async def stores(url: str) -> AsyncIterator[tuple[Any, Any]]:
    """Give the stores of sessions and limits at a URL."""
    if url.startswith("valkey"):
        async with open_valkey(url) as valkey:
            yield ValkeySessions(valkey), ValkeyLimits(valkey)
        return
    async with open_database(url) as db:
        await migrate(db)
        yield SqlSessions(db), SqlLimits(db)


async def used(url: str, pid: int | None) -> tuple[float, int]:
    """Return the s of CPU and the bytes that servers have used: of a Valkey, or of a process and its children."""
    if not url.startswith("valkey"):
        return (0 if pid is None else sum(map(_seconds, [pid, *_children(pid)]))), 0
    from redis.asyncio import Redis

    seconds, held = 0.0, 0
    for place in url.removeprefix("valkey://").partition("?")[0].partition("/")[0].split(","):
        async with Redis.from_url(f"redis://{place}") as client:
            known = await client.info()
            seconds += known["used_cpu_user"] + known["used_cpu_sys"]
            held += known["used_memory_dataset"]
    return seconds, held


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _seconds(pid: int) -> float:
    """Return the CPU time of a process, with that of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / sysconf("SC_CLK_TCK")


async def measured(url: str, requests: int, clients: int, pid: int | None = None) -> dict[str, Any]:
    """Make the requests; return the figures."""
    async with stores(url) as (sessions, limiter):
        world, numbers, times = World(sessions=sessions, limiter=limiter), count(), list[float]()

        async def client() -> None:
            while (number := next(numbers)) < requests:
                body = {"email": f"u{number}@example.org", "client_secret": "secret", "send_attempt": 1}
                begun = perf_counter()
                answer = await world.acall("POST", PATH, body, ALICE)
                times.append(perf_counter() - begun)
                if answer.status != 200:
                    raise RuntimeError(f"answered {answer.status}")

        await asyncio.gather(*(client() for _ in range(clients)))  # connections are made, caches filled
        numbers, before, begun = count(requests), await used(url, pid), perf_counter()
        requests *= 2
        times.clear()
        await asyncio.gather(*(client() for _ in range(clients)))
        took, after = perf_counter() - begun, await used(url, pid)
    done, times = len(times), sorted(times)
    figures: dict[str, Any] = {
        "requests_per_s": round(done / took),
        "p50_ms": round(times[done // 2] * 1000, 1),
        "p99_ms": round(times[done * 99 // 100] * 1000, 1),
    }
    if after[0]:
        figures["server_cpu_us"] = round((after[0] - before[0]) / done * 1e6)
    if after[1]:
        figures["bytes"] = round((after[1] - before[1]) / done)
    return figures


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.at_once", description=__doc__)
    parser.add_argument("url", metavar="URL")
    parser.add_argument("requests", metavar="REQUESTS", type=int, nargs="?", default=4_000)
    parser.add_argument("clients", metavar="CLIENTS", type=int, nargs="?", default=64)
    parser.add_argument("--pid", metavar="PID", type=int)
    given = parser.parse_args()
    figures = asyncio.run(measured(given.url, given.requests, given.clients, given.pid))
    sys.stdout.write(f"{json.dumps(figures)}\n")


if __name__ == "__main__":
    main()
