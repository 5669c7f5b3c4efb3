"""purge.*, disk.*: housekeeping with nothing to do, and under load with everything to do; what rows take on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from random import Random
from time import perf_counter, perf_counter_ns, sleep
from typing import Any

from attrs import evolve, frozen

from matrix_threepid.offload import run_sync
from matrix_threepid.policy import Limit
from matrix_threepid.ports import Charge, system_clock
from matrix_threepid.service import Service
from matrix_threepid.stores.sql import SqlLimits
from matrix_threepid.testing import World

from ..filling import Strangers, fill
from ..holding import Holding
from ..plans import Recording, told
from ..setting import Options, People, Setting
from .journeys import ask_request

_LONG_AGO = 4 * 86_400_000
_IDLE = 50
_STINT, _NORMAL = 1, 0.5
"""How long (s) is purged and not purged by turns."""
_MOST = 60
"""How often by turns: the rest of a large store is purged like its beginning."""
_PART = 100
_FAILED = 10**12


@frozen(kw_only=True)
class Housekeeping:
    """A unit over ``options.rows`` sessions and what comes with them. ``once``: repeating it is too long or no use."""

    run: Callable[[Setting], dict[str, Any]]
    once: bool = True

    kind = "growth"

    def floor_name(self, options: Options) -> str | None:
        """There is none to time."""
        return None

    def reps(self, options: Options) -> int:
        """Return how often the unit runs."""
        return 1 if self.once else options.reps

    def repeat(self, options: Options, name: str, rep: int) -> dict[str, Any]:
        """Run once and return the fields of its line."""
        with ExitStack() as cleanup:
            return self.run(Setting(options, People(f"{options.seed} {name} {rep}"), options.ops, cleanup))


def disk(setting: Setting) -> dict[str, Any]:
    """Tell what a session takes on disk, indexes included, in a store filled in random order."""
    options = setting.options
    return {"bytes": options.shared.grown(options.store, options.rows, options.seed).session_bytes, "errors": 0}


def idle(setting: Setting) -> dict[str, Any]:
    """Purge a grown store in which nothing is over."""
    options = setting.options
    recording = Recording(options.shared.grown(options.store, options.rows, options.seed).place.db)
    service, laps, gone = evolve(setting, db=recording).world().service, list[int](), 0
    while run_sync(service.purge()):  # what other units have left
        continue
    for _ in range(_IDLE):
        began = perf_counter_ns()
        gone += run_sync(service.purge())
        laps.append(perf_counter_ns() - began)
    laps.sort()
    times = {"p50_us": laps[_IDLE // 2] / 1000, "max_us": laps[-1] / 1000}
    return {**times, "errors": gone, **told(recording, recording.statements)}


def expired(setting: Setting) -> dict[str, Any]:
    """Purge a store in which everything is over, by turns with nothing, while a client asks for mails without pause.

    The floor of a hold is a transaction that charges one limit, while the same client asks.
    """
    place, count = setting.place(), setting.options.rows
    fill(place, count, Strangers(Random(setting.options.seed), system_clock() - _LONG_AGO))  # noqa: S311  to be deleted
    world, holding, floor = evolve(setting, db=place.db).world(), Holding(place.db), Holding(place.db)
    stints, normal, meanwhile = [Stint()], list[int](), list[int]()
    list(_asked_for(_NORMAL, setting, world))
    with ThreadPoolExecutor(1) as pool:
        while not stints[-1].over and len(stints) <= _MOST:
            purging = pool.submit(_stint, evolve(setting, db=holding).world().service)
            meanwhile += _asked_until(purging.done, setting, world)
            normal += _asked_for(_NORMAL, setting, world)
            list(_asked_until(pool.submit(_charge_one, floor).done, setting, world))
            stints.append(purging.result())
    gone, seconds = sum(stint.gone for stint in stints), sum(stint.seconds for stint in stints)
    holds = {"longest_hold_ms": max(holding.holds) / 1e6, "hold_p99_ms": _worst(holding.holds) / 1e6}
    floors = {"floor_hold_p99_ms": _worst(floor.holds) / 1e6, "rows_per_s": round(gone / seconds), "seconds": seconds}
    return {**holds, **floors, **_probes(normal, meanwhile), "errors": int(stints[-1].over and gone < count)}


def _charge_one(holding: Holding) -> None:
    """Charge one limit again and again, with a pause as long as each charge took."""
    until, limits, charge = perf_counter() + _NORMAL, SqlLimits(holding), Charge("floor", Limit(10**9, 1000))
    while (turn := perf_counter()) < until:
        run_sync(limits.charge([charge], system_clock()))
        sleep(perf_counter() - turn)


@frozen
class Stint:
    """Some purging. ``over``: nothing was left but what the client has used up meanwhile."""

    gone: int = 0
    seconds: float = 0
    over: bool = False


def _stint(service: Service) -> Stint:
    """Purge as the documentation says, with a pause as long as each part took."""
    began, gone, part = perf_counter(), 0, _PART
    while part >= _PART and perf_counter() < began + _STINT:
        turn = perf_counter()
        part = run_sync(service.purge(_PART))
        gone += part
        sleep(perf_counter() - turn)
    return Stint(gone, perf_counter() - began, part < _PART)


def _asked_for(seconds: float, setting: Setting, world: World) -> list[int]:
    until = perf_counter() + seconds
    return list(_asked_until(lambda: perf_counter() > until, setting, world))


def _asked_until(done: Callable[[], bool], setting: Setting, world: World) -> Iterator[int]:
    """Ask for mails until it is done; yield the ns until each answer."""
    while not done():
        request = ask_request(setting, world)
        began = perf_counter_ns()
        answer = run_sync(world.service.handle(request))
        yield perf_counter_ns() - began if answer.status == 200 else _FAILED


def _probes(normal: Sequence[int], meanwhile: Sequence[int]) -> dict[str, Any]:
    before, during = sorted(normal), sorted(meanwhile)
    worst, usual = _worst(during), _worst(before)
    return {
        "ops": len(during),
        "p50_us": during[len(during) // 2] / 1000,
        "normal_p50_us": before[len(before) // 2] / 1000,
        "probe_p99_us": worst / 1000,
        "normal_p99_us": usual / 1000,
        "probe_ratio": worst / usual,
    }


def _worst(times: Sequence[int]) -> int:
    """Return the 99th percentile."""
    return sorted(times)[len(times) * 99 // 100]
