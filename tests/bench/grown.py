"""Grown stores: filled once a run, shared by all units that ask for their size."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from attrs import define, field, frozen

from matrix_threepid.offload import run_sync
from matrix_threepid.ports import system_clock
from matrix_threepid.stores.sql import Operation, migrate

from .filling import Strangers, fill
from .places import Place, PostgresPlace, SqlitePlace
from .skipped import Skipped

_NOTE = "CREATE TABLE IF NOT EXISTS bench_filled (entries BIGINT NOT NULL, bytes BIGINT NOT NULL)"


@frozen
class Grown:
    """A store of many rows. ``session_bytes``: what a session takes on disk, indexes included."""

    place: Place
    session_bytes: float


def opened(store: str, name: str) -> Place:
    """Return a place of its own for a store of the command line, with our tables. Raises ``Skipped`` for memory."""
    kind, _, where = store.partition(":")
    if kind == "memory":
        raise Skipped("needs a database: --store sqlite:PATH or postgres:DSN")
    place: Place = (
        SqlitePlace(Path(f"{where}-{name}.db")) if kind == "sqlite" else PostgresPlace(where, f"bench_{name}")
    )
    run_sync(_migrated(place))
    return place


async def _migrated(place: Place) -> None:
    await migrate(place.db)


@define
class Shared:
    """The grown stores of one run. ``keep``: leave them there, for the next run to find."""

    keep: bool = False
    _grown: dict[int, Grown] = field(init=False, factory=dict)

    def __enter__(self) -> Shared:
        return self

    def __exit__(self, *_: object) -> None:
        while self._grown:
            place = self._grown.popitem()[1].place
            (place.close if self.keep else place.remove)()

    def grown(self, store: str, entries: int, seed: int) -> Grown:
        """Return the store of so many sessions, filling it if this is the first to ask."""
        if entries not in self._grown:
            place = opened(store, f"grown_{entries}")
            self._grown[entries] = Grown(place, 0)  # to be removed even if filling it fails
            self._grown[entries] = Grown(place, run_sync(_filled(place, entries, seed)) / max(entries, 1))
        return self._grown[entries]


async def _filled(place: Place, entries: int, seed: int) -> int:
    """Return the bytes of the sessions of a store that an earlier run has kept, or fill it."""
    noted = await place.db.run(_noted)
    if not noted:
        size = fill(place, entries, Strangers(Random(seed), system_clock()))  # noqa: S311  rows for a benchmark
        await place.db.run(lambda: _note(entries, size))
        noted = [(entries, size)]
    return int(noted[0][1])


def _noted() -> Operation[list[Any]]:
    yield _NOTE, ()
    return (yield "SELECT entries, bytes FROM bench_filled", ())


def _note(entries: int, size: int) -> Operation[None]:
    yield "INSERT INTO bench_filled (entries, bytes) VALUES (?, ?)", (entries, size)
