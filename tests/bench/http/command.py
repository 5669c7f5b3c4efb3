"""``python -m tests.bench http``: interleaved rounds, JSON lines on standard output, progress on standard error.

Exit status 0; 2 if a request failed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from attrs import define, evolve, field, frozen

from ..report import about_machine
from .client import Connection, WrongError
from .figures import Line, figures, ratios, spreads
from .servers import SERVERS, Around, MissingProgramError, postgres
from .sinks import Identity, Mails
from .works import CYCLE, STORY, TOGETHER, Act, Person, Site

_log = logging.getLogger(__name__)
_REGISTERING = 16
_COMPARED = (
    ("ours", "synapse"),
    ("ours", "floor"),
    ("floor", "synapse"),
    ("ours-2", "ours"),
    ("ours-recorded", "ours"),
)


@frozen(kw_only=True)
class Options:
    """What the command line says. ``ops``: people a work, by the number of clients."""

    databases: Sequence[str] = ("sqlite", "postgresql")
    servers: Sequence[str] = ("ours", "ours-2", "floor", "synapse")
    clients: Sequence[int] = (1, 8, 32)
    together: int = 64
    rounds: int = 3
    scale: float = 1.0
    works: Sequence[str] = ()

    def people(self, clients: int) -> int:
        """Return how many people a work has at so many clients."""
        return max(clients, 4, round(self.scale * {1: 60}.get(clients, 240 if clients < 32 else 384)))


QUICK = Options(servers=("ours", "ours-2", "floor"), rounds=1, scale=0.03, clients=(1, 8))


@define
class Bench:
    """One run on one database. ``lines``: what was measured; ``failures``: requests that failed."""

    options: Options
    database: str
    emit: Callable[[Line], None]
    lines: list[Line] = field(factory=list)

    async def run(self, sites: Sequence[Site]) -> None:
        """Measure all works on all servers, by turns."""
        most = max(map(self.options.people, (*self.options.clients, self.options.together)))
        people = {site.server.name: await self._registered(site, most) for site in sites}
        for number in range(self.options.rounds):
            for clients in self.options.clients:
                await self._block(number, clients, sites, people, STORY)
                await self._block(number, clients, sites, people, CYCLE)
            if self.options.together:
                await self._block(number, self.options.together, sites, people, TOGETHER)

    async def _block(
        self, number: int, clients: int, sites: Sequence[Site], people: dict[str, list[Person]], works: dict[str, Act]
    ) -> None:
        size = self.options.people(clients) // (4 if works is CYCLE else 1)
        taking = {name: everybody[: max(size, clients)] for name, everybody in people.items()}
        for everybody in taking.values():
            for person in everybody:
                person.begins_anew()
        for work, act in works.items():
            if works is not STORY and self.options.works and work not in self.options.works:
                continue
            turn = number % len(sites)
            for site in (*sites[turn:], *sites[:turn]):
                if work == "page" and not site.server.page:
                    continue
                line = await self._measured(site, act, _part(work, taking[site.server.name]), clients)
                about = {"name": "http", "database": self.database, "work": work, "server": site.server.name}
                self.lines.append({**about, "clients": clients, "round": number, **line})
                self.emit(self.lines[-1])

    async def _measured(self, site: Site, act: Act, people: Sequence[Person], clients: int) -> Line:
        laps: list[int] = []
        failed: list[str] = []
        waiting = iter(people)

        async def client(connection: Connection) -> None:
            for person in waiting:
                began = perf_counter_ns()
                try:
                    await act(site, connection, person)
                except (WrongError, OSError, KeyError, ValueError) as error:
                    failed.append(f"{type(error).__name__}: {error}")
                laps.append(perf_counter_ns() - began)

        async with _connections(site, min(clients, len(people))) as connections:
            gc.collect()
            before, began = site.server.usage.read(), perf_counter_ns()
            await asyncio.gather(*map(client, connections))
            wall, after = perf_counter_ns() - began, site.server.usage.read()
        told = {"first_failure": failed[0]} if failed else {}
        return {**figures(laps, wall, (after[0] - before[0], after[1] - before[1])), "failures": len(failed), **told}

    async def _registered(self, site: Site, most: int) -> list[Person]:
        numbers, people = iter(range(most)), list[Person]()

        async def client(connection: Connection) -> None:
            for number in numbers:
                people.append(await site.register(connection, number))

        async with _connections(site, _REGISTERING) as connections:
            await asyncio.gather(*map(client, connections))
        return people


def _part(work: str, people: Sequence[Person]) -> Sequence[Person]:
    """Return those who do a work: half of all add their address one way, half the other."""
    half = len(people) // 2
    return {"add": people[:half], "add_by_old_post": people[half:]}.get(work, people)


@asynccontextmanager
async def _connections(site: Site, clients: int) -> AsyncIterator[list[Connection]]:
    """Open a connection a client, spread over the ports of the server."""
    ports = site.server.ports
    connections = [await Connection.to(ports[number % len(ports)]) for number in range(clients)]
    try:
        # A connection that was just accepted costs its first request more; every other is like it would be in use.
        await asyncio.gather(*(each.call("GET", "/_matrix/client/versions") for each in connections))
        yield connections
    finally:
        for each in connections:
            each.close()


async def _on(database: str, options: Options, emit: Callable[[Line], None]) -> list[Line]:
    """Run everything on one kind of database; return the lines."""
    with ExitStack() as stack, _certificates() as (ca_file, context):
        running = stack.enter_context(postgres()) if database == "postgresql" else None
        async with AsyncExitStack() as sinks:
            mails, identity = Mails(), Identity(context)
            await sinks.enter_async_context(mails.receiving())
            await sinks.enter_async_context(identity.serving())
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="threepid-bench-")))
            around = Around(
                folder=folder, smtp_port=mails.port, identity_port=identity.port, ca_file=ca_file, postgres=running
            )
            sites = []
            for name in options.servers:
                if name == "floor" and running:  # it has SQLite only
                    continue
                if name == "ours-2" and not running:  # several processes are for a database server
                    continue
                _log.info("starting %s on %s", name, database)
                try:
                    sites.append(Site(stack.enter_context(SERVERS[name](around)), mails, identity))
                except MissingProgramError as reason:
                    emit({"name": "skipped", "server": name, "reason": str(reason)})
            bench = Bench(options, database, emit)
            await bench.run(sites)
            return bench.lines


@contextmanager
def _certificates() -> Iterator[tuple[Path, ssl.SSLContext]]:
    from matrix_threepid.testing.parts import Certificates

    with tempfile.TemporaryDirectory(prefix="threepid-bench-") as folder:
        made = Certificates.at(Path(folder, "authority.pem"))
        yield made.file, made.context


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    asked = _parser().parse_args(arguments)
    options = _options(asked)
    with ExitStack() as opened:
        files = [sys.stdout, *([opened.enter_context(asked.json.open("w", encoding="utf-8"))] if asked.json else [])]

        def emit(line: dict[str, Any]) -> None:
            for file in files:
                file.write(f"{json.dumps(line)}\n")
                file.flush()

        emit(about_machine())
        lines = [line for each in options.databases for line in asyncio.run(_on(each, options, emit))]
        for line in spreads(lines):
            emit(line)
        for over, under in _COMPARED:
            for line in ratios(lines, over, under):
                emit(line)
    failures = sum(line["failures"] for line in lines)
    if failures:
        _log.error("%d requests failed", failures)
    return 2 if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench http", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few requests, without Synapse: does any fail?")
    parser.add_argument("--database", action="append", dest="databases", choices=("sqlite", "postgresql"))
    parser.add_argument("--server", action="append", dest="servers", choices=tuple(SERVERS))
    parser.add_argument("--clients", type=int, action="append")
    parser.add_argument("--together", type=int, help="clients that bind at one identity server at once; 0: none")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--scale", type=float, help="times as many people a work as usual")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the lines there as well")
    return parser


def _options(asked: argparse.Namespace) -> Options:
    names = ("databases", "servers", "clients", "together", "rounds", "scale")
    chosen = {name: value for name in names if (value := getattr(asked, name)) is not None}
    return evolve(QUICK if asked.quick else Options(), **chosen)
