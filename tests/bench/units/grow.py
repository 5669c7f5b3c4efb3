"""grow.*: the same operation on an empty store and on a grown one, in turns, so that noise meets both."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median
from time import perf_counter_ns, process_time_ns
from typing import Any

from attrs import evolve, frozen

from matrix_threepid import Medium
from matrix_threepid.limits.counting import keys_of
from matrix_threepid.model.session import Session
from matrix_threepid.offload import run_sync
from matrix_threepid.ports import Charge
from matrix_threepid.stores.sql import Database, Operation

from ..latency import Prepare
from ..measure import Work
from ..plans import Recording, told
from ..setting import Options, People, Setting, at_once
from .memory import fresh_session

_WARM_UP = 20
_SAMPLE = 3
_JOURNAL = 8_000_000
_LEASE = 86_400_000
_KINDS = ("address", "client", "user")


@frozen(kw_only=True)
class Growth:
    """A unit of two stores: fresh ones, and those that hold ``options.rows`` sessions and what comes with them."""

    prepare: Prepare

    kind = "growth"

    def floor_name(self, options: Options) -> str:
        """Return what a line calls the floor."""
        return "the same at rows 0"

    def reps(self, options: Options) -> int:
        """Return how often the unit runs."""
        return options.reps

    def repeat(self, options: Options, name: str, rep: int) -> dict[str, Any]:
        """Run once and return the fields of its line; ``p50_us`` are those of the grown store."""
        seed = f"{options.seed} {name} {rep} {options.rows}"
        with ExitStack() as cleanup:
            alike = Setting(options, People(f"{seed} a"), options.ops + _WARM_UP, cleanup)
            empty, grown = alike.place().db, _grown(options)
            run_sync(_heat((empty, grown)))
            settings = (evolve(alike, db=empty), evolve(alike, db=grown, people=People(f"{seed} b")))
            works = [self.prepare(setting) for setting in settings]
            laps, results = _in_turns(works)
            wrong = sum(work.wrong(result) for work, result in zip(works, results, strict=True))
            return {**_figures(*laps), "errors": wrong, **self._plans(evolve(settings[1], ops=_SAMPLE))}

    def _plans(self, setting: Setting) -> dict[str, Any]:
        """Run a few operations more, and say how the database goes about their statements."""
        recording = Recording(_grown(setting.options))
        work = self.prepare(evolve(setting, db=recording))
        recording.statements.clear()
        for argument in work.arguments:
            run_sync(work.act(argument))
        return told(recording, recording.statements)


def _grown(options: Options) -> Database:
    return options.shared.grown(options.store, options.rows, options.seed).place.db


async def _heat(databases: Sequence[Database]) -> None:
    """Let journals have their size: one that is still being extended is slower than one that is written over."""
    for db in databases:
        await db.run(_fill_journal)
        await db.run(_free)


def _fill_journal() -> Operation[None]:
    yield "CREATE TABLE bench_heat (filler TEXT)", ()
    yield "INSERT INTO bench_heat (filler) VALUES (?)", ("x" * _JOURNAL,)


def _free() -> Operation[None]:
    yield "DROP TABLE bench_heat", ()


@frozen
class Lap:
    """What one operation took, in ns: on the wall clock, and of this process's CPU."""

    wall: int
    cpu: int


def _in_turns(works: Sequence[Work]) -> tuple[list[list[Lap]], list[list[Any]]]:
    """Act on one store and the other, the first of a pair by turns; return laps and results of each."""
    laps: list[list[Lap]] = [[] for _ in works]
    results: list[list[Any]] = [[] for _ in works]
    for number in range(len(works[0].arguments)):
        for which in (0, 1) if number % 2 else (1, 0):
            wall, cpu = perf_counter_ns(), process_time_ns()
            result = run_sync(works[which].act(works[which].arguments[number]))
            laps[which].append(Lap(perf_counter_ns() - wall, process_time_ns() - cpu))
            results[which].append(result)
    return [each[_WARM_UP:] for each in laps], results


def _figures(empty: Sequence[Lap], grown: Sequence[Lap]) -> dict[str, Any]:
    before, after = sorted(lap.wall for lap in empty), sorted(lap.wall for lap in grown)
    half, most = len(grown) // 2, len(grown) * 99 // 100
    empty_cpu, cpu = (median(lap.cpu for lap in laps) for laps in (empty, grown))
    return {
        "ops": len(grown),
        "p50_us": after[half] / 1000,
        "p99_us": after[most] / 1000,
        "empty_p50_us": before[half] / 1000,
        "empty_p99_us": before[most] / 1000,
        "ratio_to_empty": after[half] / before[half],
        "cpu_us": cpu / 1000,
        "empty_cpu_us": empty_cpu / 1000,
        "cpu_ratio": cpu / empty_cpu,
    }


# -- operations of the stores themselves ------------------------------------------------------------


def limit_check(setting: Setting) -> Work:
    """Count a message for an address, a client and a user, none of them seen before."""
    hs, people = setting.world().homeserver, setting.people
    limit = hs.policy.limits.per_address
    charges = [[Charge(keys_of(hs, kind, people.secret())[0], limit) for kind in _KINDS] for _ in range(setting.ops)]

    async def charge(three: Sequence[Charge]) -> int:
        return await hs.limiter.charge(three, hs.clock())

    return Work(arguments=charges, act=charge, wrong=lambda waits: sum(wait != 0 for wait in waits))


def lease_due(setting: Setting) -> Work:
    """Take the message that has waited longest from the queue."""
    world = setting.world()
    hs, waiting = world.homeserver, [fresh_session(world, setting.people) for _ in range(setting.ops)]
    for session in waiting:
        at_once(hs.sessions.open(evolve(session, due_attempt=1, due_at=session.created_at)))

    async def take(_: object) -> Session | None:
        return await hs.sessions.lease_due(hs.clock(), hs.clock() + _LEASE, Medium.EMAIL)

    return Work(arguments=waiting, act=take, wrong=_not_taken)


def _not_taken(taken: Sequence[Session | None]) -> int:
    """Every take gets a session of its own."""
    return len(taken) - len({session.sid for session in taken if session is not None})
