"""A session changed and limits charged in one transaction: both, or what the caller allows."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from matrix_threepid import AccountThreepid, Limit, Medium, Owner, Threepid, run_sync
from matrix_threepid.memory.limits import MemoryLimits
from matrix_threepid.ports import Allow, Charge
from matrix_threepid.stores import Sqlite, SqlLimits, SqlSessions
from matrix_threepid.stores.sql import Statement
from matrix_threepid.testing import ALICE, BOB, GENEROUS, FakeAccounts, World
from matrix_threepid.testing.contracts.values import session
from tests.bench.plans import watched

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

    def open(self, opened: Any, resume: Callable[[Any], Any] = lambda _: None, unless: int = 0) -> Any:
        """Open a session and charge; ``unless``: how many of the charges are not made where nothing is resumed."""
        charging = self.sessions.open_charging(opened, self.charges, NOW, resume, self.charges[:unless])
        return self.run(self._done(charging))

    def charge(self, key: str, cost: int) -> None:
        """Charge one key."""
        assert self.run(self._done(self.limits.charge([Charge(key, Limit(2, 1 / 86_400), cost)], NOW))) == 0

    def used(self) -> list[int]:
        """Return what is used of each key."""
        return list(self.run(self._done(self.limits.used(self.charges, NOW))))

    def stored(self, sid: str = "sid") -> Any:
        """Return a session as it is stored."""
        return self.run(self._done(self.sessions.get(sid)))


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


def test_a_session_is_opened_with_its_charges(stores: Stores) -> None:
    """A session whose slot is free is stored, and every charge is made once."""
    new = session("new")
    assert stores.open(new) == (0, new, new)
    assert (stores.stored("new"), set(stores.used())) == (new, {1})


def test_no_session_is_opened_above_a_limit(stores: Stores) -> None:
    """Above one limit nothing is stored and nothing charged; the answer says how long to wait."""
    stores.charge(stores.charges[-1].key, 2)
    before = stores.used()
    wait, holder, changed = stores.open(session("new"))
    assert (0 < wait <= 86_400_000, holder, changed) == (True, session("new"), None)
    assert (stores.stored("new"), stores.used()) == (None, before)


@pytest.mark.parametrize("resumed", [True, False])
def test_the_session_that_has_the_slot_is_changed_with_the_charges(stores: Stores, resumed: bool) -> None:
    """An equal request is charged, and changes the session of the one before if it has anything to change."""
    changed = stores.opened.claim("somebody", NOW) if resumed else None
    equal = session("new", slot=stores.opened.slot)
    assert stores.open(equal, lambda _: changed) == (0, stores.opened, changed or stores.opened)
    assert (stores.stored(), stores.stored("new")) == (changed or stores.opened, None)
    assert set(stores.used()) == {1}


@pytest.mark.parametrize("resumed", [True, False])
def test_an_equal_request_that_changes_nothing_is_charged_less(stores: Stores, resumed: bool) -> None:
    """What is charged for a change alone is not charged where the session stays as it is."""
    equal = session("new", slot=stores.opened.slot)
    assert stores.open(session("other"), unless=1)[0] == 0
    before = stores.used()
    stores.open(equal, lambda held: held.guessed() if resumed else None, unless=1)
    assert stores.used() == [before[0] + resumed, *(count + 1 for count in before[1:])]
    assert before == [1] * len(before)


def test_a_change_that_comes_too_late_is_not_stored(stores: Stores) -> None:
    """If the session that has the slot has another revision than the change follows, the charge alone stands."""
    late = stores.opened.claim("somebody", NOW).end()
    assert stores.open(session("new", slot=stores.opened.slot), lambda _: late) == (0, stores.opened, None)
    assert (stores.stored(), set(stores.used())) == (stores.opened, {1})


class Noting:
    """A ``Database`` in front of another, that notes which tables statements change, in this order."""

    def __init__(self, db: Any) -> None:
        self._db, self.dialect, self.tables = db, db.dialect, list[str]()

    def run(self, operation: Any, /) -> Any:
        """Run one operation as one transaction."""
        return self._db.run(lambda: watched(operation(), self._note))

    def _note(self, statement: Statement, _: object) -> None:
        if not statement[0].startswith("SELECT"):
            self.tables += re.findall(r"(?:INTO|UPDATE|FROM) matrix_threepid_(sessions|limits)\b", statement[0])


def test_counts_are_locked_before_sessions(stores: Stores) -> None:
    """Two transactions that change a session and the same counts never wait for each other."""
    db: Any = stores.sessions.database
    noting = Noting(db)
    sessions, held = SqlSessions(noting), stores.opened

    def noted(awaitable: Awaitable[Any]) -> list[str]:
        noting.tables.clear()
        stores.run(stores._done(awaitable))
        return list(dict.fromkeys(noting.tables))

    equal, order = session("new", slot=held.slot), ["limits", "sessions"]
    assert noted(sessions.open_charging(equal, stores.charges, NOW, lambda stored: stored.guessed())) == order
    assert noted(sessions.replace_charging(held.guessed().end(), stores.charges, NOW, required=True)) == order
    assert noted(sessions.replace_giving_back(stores.stored().guessed(), stores.charges)) == order


class AsksMeanwhile(FakeAccounts):
    """Accounts that let others do something while they look up an owner for the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], Awaitable[Any]] | None = None

    async def owner(self, threepid: Threepid) -> Owner | None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return await super().owner(threepid)


def _asked_at_once(sqlite: Sqlite, address: str, **limits: Any) -> tuple[World, list[int]]:
    """Return a world in which two users have asked at once, and the answers: that of the one who was faster first."""
    accounts = AsksMeanwhile()
    taken = "taken@example.org"
    held = AccountThreepid(medium=Medium.EMAIL, address=taken, validated_at=1, added_at=1, spelling=taken)
    accounts.on.append((BOB, held))
    stores = {"sessions": SqlSessions(sqlite), "limiter": SqlLimits(sqlite)}
    world = World({"limits": evolve(GENEROUS, **limits)}, accounts=accounts, **stores)
    answers: list[int] = []

    async def ask(user: str) -> None:
        body = {"email": address, "client_secret": "secret", "send_attempt": 1}
        answer = await world.acall("POST", "/account/3pid/email/requestToken", body, user)
        answers.append(answer.status)

    accounts.meanwhile = lambda: ask(BOB)
    run_sync(ask(ALICE))
    return world, answers


@pytest.mark.rule("SEC-26", "REQ-REQTOK-8")
@pytest.mark.parametrize(("address", "status", "opened"), [("new@example.org", 200, 1), ("taken@example.org", 400, 0)])
def test_of_requests_at_once_no_more_are_answered_than_the_limit(
    sqlite: Sqlite, address: str, status: int, opened: int
) -> None:
    """Who is refused because others used the limit up meanwhile hears that alone, whoever has the address."""
    world, answers = _asked_at_once(sqlite, address, per_client=Limit(1, 1 / 86_400))
    assert answers == [status, 429]
    assert (len(SqlSessions(sqlite).dump()), len(world.outbox.messages)) == (opened, opened)


def test_who_finds_one_way_used_up_goes_another(sqlite: Sqlite) -> None:
    """The first message of an asker on a day does not wait for others who used the rate up meanwhile."""
    world, answers = _asked_at_once(sqlite, "new@example.org", per_address=Limit(1, 1 / 86_400))
    assert answers == [200, 200]
    assert (len(SqlSessions(sqlite).dump()), len(world.outbox.messages)) == (2, 2)


def test_a_gate_is_asked_by_what_is_charged(sqlite: Sqlite) -> None:
    """Of requests at once no more reach the gate than the limits allow, since it may cost money to ask it."""
    stores = {"sessions": SqlSessions(sqlite), "limiter": SqlLimits(sqlite)}

    class Counting:
        asked = 0

        async def allows(self, asked: Any) -> Allow:
            Counting.asked += 1
            if Counting.asked == 1:
                answer = await world.acall("POST", "/account/3pid/email/requestToken", body, BOB)
                assert answer.status == 429
            return Allow()

    limits = evolve(GENEROUS, per_client=Limit(1, 1 / 86_400))
    world = World({"limits": limits}, gate=Counting(), **stores)
    body = {"email": "new@example.org", "client_secret": "secret", "send_attempt": 1}
    assert world.post("/account/3pid/email/requestToken", body, ALICE).status == 200
    assert Counting.asked == 1


def test_stores_in_two_places_are_asked_one_after_the_other(tmp_path: Path) -> None:
    """Only limits in the same database can be charged in the transaction of a session."""
    with closing(Sqlite(tmp_path / "a.db")) as one, closing(Sqlite(tmp_path / "b.db")) as other:
        sessions = SqlSessions(one)
        for limiter, found in ((SqlLimits(one), True), (SqlLimits(other), False), (MemoryLimits(), False)):
            role = World(sessions=sessions, limiter=limiter).homeserver
            assert (role.charging_sessions is not None) is found
        assert World().homeserver.charging_sessions is None
