"""One life of a host's process: where its things lie, how far it gets, and when it dies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar, cast

from attrs import evolve, frozen
from stores.postgres import DRIVERS, Driver, Place, driver

from matrix_threepid.stores.sql import Database, Operation
from matrix_threepid.stores.sqlite import Sqlite

from .fate import Fate
from .journey import Cast, Travel
from .outside import Ledger

T = TypeVar("T")


@frozen(kw_only=True)
class Life:
    """What a process is to do. ``home``: the directory of its ledger, and of its SQLite file unless ``place`` is given.

    ``driver``: how it reaches PostgreSQL, one of ``DRIVERS``; ``dies_at``: the boundary at which it is killed;
    ``steps``: how many it takes at most; ``volatile``: see ``Travel``.
    """

    home: Path
    deferred: bool
    number: int = 0
    place: Place | None = None
    driver: str = DRIVERS[0]
    dies_at: int | None = None
    steps: int | None = None
    volatile: str | None = None

    def after(self) -> Life:
        """Return the life that follows: it ends well."""
        return evolve(self, dies_at=None, steps=None)

    @contextmanager
    def begun(self) -> Iterator[Travel]:
        """Give the journey where the life before was cut off."""
        ledger, cast = Ledger(self.home / "ledger"), Cast(self.number)
        with self._database() as db:
            yield Travel(db, ledger, Fate(self.dies_at), cast=cast, deferred=self.deferred, volatile=self.volatile)

    def lead(self) -> None:
        """Recover from the life before, then go on."""
        with self.begun() as travel:
            travel.recover()
            travel.go(self.steps)

    @contextmanager
    def _database(self) -> Iterator[Database]:
        if self.place is None:
            with closing(Sqlite(self.home / "threepid.db")) as db:
                yield db
        else:
            with driver(self.place, self.driver) as given:
                yield given.db if given.loop is None else Waiting(given)


class Waiting:
    """A ``Database`` in front of one on a loop, for those who do not wait for it themselves."""

    def __init__(self, behind: Driver) -> None:
        self._behind, self.dialect = behind, behind.db.dialect

    async def run(self, operation: Callable[[], Operation[T]], /) -> T:
        return cast("T", self._behind.run(self._behind.db.run(operation)))
