"""lookup.*: look-ups of 1,000 hashes among many associations, alone and while the pepper of the hashes is rotated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from time import perf_counter, perf_counter_ns, sleep, thread_time_ns
from typing import Any

from attrs import define, field

from matrix_threepid.flows.lookup import PART
from matrix_threepid.model.lookup import LookupPepper, hashed
from matrix_threepid.model.threepid import Medium, Threepid
from matrix_threepid.offload import run_sync
from matrix_threepid.policy import Limit
from matrix_threepid.ports import Charge, system_clock
from matrix_threepid.stores.sql import SqlAssociations, SqlLimits, associations

from ..holding import Holding
from ..places import Place
from ..setting import Setting

_HASHES, _KNOWN = 1_000, 500
"""The hashes of a look-up, and those of them that are of associations."""
_SECONDS = 60
"""For how long a pepper is rotated at most: the rest of a large store is hashed like its beginning."""
_OLD, _NOW, _NEXT = (LookupPepper(number, f"pepper{number}", number, ready=True) for number in (1, 2, 3))
_COLUMNS = ("address", "medium", "mxid", "ts", "hash_0", "hash_1", "hashed")
_INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes "
    "WHERE schemaname = current_schema() AND tablename = ? AND right(indexname, 5) <> '_pkey'",
}


def among_many(setting: Setting) -> dict[str, Any]:
    """Look up in a store of ``options.rows`` associations, then go on while they are hashed with a new pepper.

    The floor of a hold is a transaction that charges one limit, right after.
    """
    place, chance = setting.place(), Random(setting.options.seed)  # noqa: S311  test data
    people = _People(chance, setting.options.rows, most=setting.ops * _KNOWN)
    began = perf_counter()
    _fill(place, people)
    filled = perf_counter() - began
    store, holding, floor = SqlAssociations(place.db), Holding(place.db), Holding(place.db)
    laps, cpu, wrong = list[int](), list[int](), 0
    for _ in range(setting.ops):
        lap, used, right = _looked_up(store, people, _NOW)
        laps.append(lap)
        cpu.append(used)
        wrong += not right
    # As the job does it, by another connection.
    assert run_sync(store.add_pepper(_NEXT))
    meanwhile = list[int]()
    with ThreadPoolExecutor(1) as pool:
        rotating = pool.submit(_rotated, SqlAssociations(holding))
        while not meanwhile or not rotating.done():
            lap, _, right = _looked_up(store, people, _NOW)
            meanwhile.append(lap)
            wrong += not right
    _charge_one(floor)
    done, seconds = rotating.result()
    holds = {"longest_hold_ms": max(holding.holds) / 1e6, "hold_p99_ms": _at(holding.holds, 99) / 1e6}
    floors = {"longest_floor_ms": max(floor.holds) / 1e6, "floor_hold_p99_ms": _at(floor.holds, 99) / 1e6}
    return {
        "ops": len(laps),
        "cpu_us": _at(cpu, 50) / 1000,
        "p50_us": _at(laps, 50) / 1000,
        "p99_us": _at(laps, 99) / 1000,
        "probe_p50_us": _at(meanwhile, 50) / 1000,
        "probe_p99_us": _at(meanwhile, 99) / 1000,
        **holds,
        **floors,
        "rows_per_s": round(done / seconds),
        "fill_s": filled,
        "errors": wrong,
    }


@define
class _People:
    """Random addresses, some of which are kept to be looked up."""

    random: Random
    count: int
    most: int
    kept: list[str] = field(init=False, factory=list)

    def rows(self) -> Iterator[Sequence[Any]]:
        """Yield associations with hashes under both peppers, in no order."""
        every = max(1, self.count // self.most)
        old, now = (associations.column_of(each.number) for each in (_OLD, _NOW))
        for number in range(self.count):
            address = f"{self.random.getrandbits(60):015x}@mail{number % 100}.example.org"
            threepid = Threepid(Medium.EMAIL, address)
            by_column = {old: hashed(threepid, _OLD.text), now: hashed(threepid, _NOW.text)}
            if number % every == 0:
                self.kept.append(address)
            user = f"@u{number}:hs.example.org"
            yield address, "email", user, number, by_column["hash_0"], by_column["hash_1"], _NOW.number

    def hashes(self, pepper: LookupPepper) -> tuple[list[str], int]:
        """Return what a look-up names, and how many of it are associations."""
        known = self.random.sample(self.kept, min(_KNOWN, len(self.kept)))
        strangers = [f"{self.random.getrandbits(60):015x}@nowhere.example.org" for _ in range(_HASHES - len(known))]
        return [hashed(Threepid(Medium.EMAIL, each), pepper.text) for each in (*known, *strangers)], len(known)


def _fill(place: Place, people: _People) -> None:
    table = associations.TABLE.name
    peppers = [(each.number, each.text, each.since, 1) for each in (_OLD, _NOW)]
    place.bulk("matrix_threepid_lookup_peppers", ("number", "pepper", "since", "ready"), peppers)
    # Built afterwards: in ten million rows in no order that is ten times as fast, and the indexes are the same.
    with place.by_hand() as execute:
        indexes = execute(_INDEXES[place.db.dialect], (table,))
        for name, _ in indexes:
            execute(f"DROP INDEX {name}")
    place.bulk(table, _COLUMNS, people.rows())
    with place.by_hand() as execute:
        for _, sql in indexes:
            execute(sql)
    place.settle()


def _looked_up(store: SqlAssociations, people: _People, pepper: LookupPepper) -> tuple[int, int, bool]:
    """Return the ns that a look-up took, on the wall clock and of CPU, and whether it found all that there is."""
    hashes, known = people.hashes(pepper)
    began, used = perf_counter_ns(), thread_time_ns()
    found = run_sync(store.look_up(pepper.number, hashes))
    return perf_counter_ns() - began, thread_time_ns() - used, len(found) == known


def _rotated(store: SqlAssociations) -> tuple[int, float]:
    """Hash with the new pepper, with a pause as long as each part took; return rows and seconds."""
    began, done, part = perf_counter(), 0, PART
    while part == PART and perf_counter() < began + _SECONDS:
        turn = perf_counter()
        part = run_sync(store.rehash(PART))
        done += part
        sleep(perf_counter() - turn)
    return done, perf_counter() - began


def _charge_one(holding: Holding) -> None:
    limits, charge = SqlLimits(holding), Charge("floor", Limit(10**9, 1000))
    for _ in range(100):
        run_sync(limits.charge([charge], system_clock()))


def _at(times: Sequence[int], percent: int) -> int:
    """Return a percentile."""
    return sorted(times)[min(len(times) - 1, len(times) * percent // 100)]
