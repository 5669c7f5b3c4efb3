"""A session changed and limits charged in one transaction: both, or what the caller allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from matrix_threepid import Limit, run_sync
from matrix_threepid.memory.limits import MemoryLimits
from matrix_threepid.ports import Charge
from matrix_threepid.stores import Sqlite, SqlLimits, SqlSessions
from matrix_threepid.testing import World
from matrix_threepid.testing.contracts.values import session

from .conftest import prepared
from .postgres import driver, place

NOW = 1_700_000_000_000
DATABASES = ("sqlite", "psycopg", "psycopg repeatable read", "psycopg async", "asyncpg serializable")
KEYS = [["a"], ["a", "b"]]


class Stores:
    """Both stores on one database, with a session and the charges of some keys, each granted twice."""

    def __init__(self, db: Any, run: Callable[[Any], Any], keys: list[str]) -> None:
        self.sessions, self.limits, self.run = SqlSessions(db), SqlLimits(db), run
        self.charges = [Charge(key, Limit(2, 1 / 86_400)) for key in keys]
        self.opened = run(self._done(self.sessions.open(session("sid"))))

    async def _done(self, awaitable: Any) -> Any:
        return await awaitable

    def replace(self, changed: Any, *, required: bool) -> Any:
        """Replace the session and charge."""
        return self.run(self._done(self.sessions.replace_charging(changed, self.charges, NOW, required=required)))

    def give_back(self, changed: Any) -> Any:
        """Replace the session and give the charges back."""
        return self.run(self._done(self.sessions.replace_giving_back(changed, self.charges)))

    def charge(self, key: str, cost: int) -> None:
        """Charge one key."""
        assert self.run(self._done(self.limits.charge([Charge(key, Limit(2, 1 / 86_400), cost)], NOW))) == 0

    def used(self) -> list[int]:
        """Return what is used of each key."""
        return list(self.run(self._done(self.limits.used(self.charges, NOW))))

    def stored(self) -> Any:
        """Return the session as it is stored."""
        return self.run(self._done(self.sessions.get("sid")))


@pytest.fixture(params=KEYS, ids=["one charge", "two charges"])
def keys(request: pytest.FixtureRequest) -> list[str]:
    return list(request.param)


@pytest.fixture(params=DATABASES)
def stores(request: pytest.FixtureRequest, keys: list[str], tmp_path: Path) -> Iterator[Stores]:
    if request.param == "sqlite":
        with closing(Sqlite(tmp_path / "threepid.db")) as db:
            run_sync(prepared(db))
            yield Stores(db, run_sync, keys)
        return
    with place(request.getfixturevalue("postgres")) as where, driver(where, request.param) as given:
        given.run(prepared(given.db))
        yield Stores(given.db, given.run, keys)


@pytest.mark.parametrize("required", [True, False])
def test_both_are_done(stores: Stores, required: bool) -> None:
    """A session of the right revision is stored, and every charge is made once."""
    changed = stores.opened.end()
    assert stores.replace(changed, required=required) == (True, True)
    assert (stores.stored(), set(stores.used())) == (changed, {1})


def test_a_charge_that_is_required_and_refused_changes_nothing(stores: Stores) -> None:
    """Above a limit the session stays as it is, and the other limits too."""
    stores.charge("a", 2)
    before = stores.used()
    assert stores.replace(stores.opened.end(), required=True) == (False, False)
    assert (stores.stored(), stores.used()) == (stores.opened, before)


def test_a_charge_that_is_not_required_may_be_refused(stores: Stores) -> None:
    """The session is stored above a limit as well; nothing is charged then."""
    stores.charge("a", 2)
    before = stores.used()
    assert stores.replace(stores.opened.end(), required=False) == (True, False)
    assert (stores.stored(), stores.used()) == (stores.opened.end(), before)


@pytest.mark.parametrize(("required", "used"), [(True, 1), (False, 0)])
def test_a_session_that_was_changed_meanwhile_is_not_stored(stores: Stores, required: bool, used: int) -> None:
    """Only a charge that the request had to pay stands then."""
    stores.replace(stores.opened.claim("somebody", NOW), required=False)
    before = stores.used()
    assert stores.replace(stores.opened.end(), required=required) == (False, required)
    assert stores.stored().claimed_by == "somebody"
    assert stores.used() == [count + used for count in before]


def test_charges_are_given_back_with_a_change(stores: Stores) -> None:
    """What is given back lowers each count once, and only if the session was stored."""
    stores.replace(stores.opened.claim("somebody", NOW), required=True)
    assert stores.give_back(stores.opened.end()) is False
    assert (stores.stored().claimed_by, set(stores.used())) == ("somebody", {1})
    changed = stores.stored().end()
    assert stores.give_back(changed) is True
    assert (stores.stored(), set(stores.used())) == (changed, {0})


def test_stores_in_two_places_are_asked_one_after_the_other(tmp_path: Path) -> None:
    """Only limits in the same database can be charged in the transaction of a session."""
    with closing(Sqlite(tmp_path / "a.db")) as one, closing(Sqlite(tmp_path / "b.db")) as other:
        sessions = SqlSessions(one)
        for limiter, found in ((SqlLimits(one), True), (SqlLimits(other), False), (MemoryLimits(), False)):
            role = World(sessions=sessions, limiter=limiter).homeserver
            assert (role.charging_sessions is not None) is found
        assert World().homeserver.charging_sessions is None
