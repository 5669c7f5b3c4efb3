"""Outages of a minute, in virtual time: each part with each fault, and a sample of pairs; broken parts are found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest
from stores.accounts import SqlAccounts
from stores.conftest import prepared
from tools.outages import SHOWN, column, documented

from matrix_threepid import Medium, run_sync
from matrix_threepid.model.message import TokenMessage
from matrix_threepid.stores.sql import SqlBindings, SqlLimits, SqlSessions
from matrix_threepid.stores.sqlite import Sqlite
from matrix_threepid.testing import PAIRS, FakeAccounts, Fault, OutageFailed, Outages, OutagesContract, Part

T = TypeVar("T")


@cache
def of_memory() -> Outages:
    """Return a town with ports in memory, which knows how long everything takes usually."""
    return Outages()


@pytest.mark.rule("SEC-245")
@pytest.mark.parametrize("part", Part, ids=lambda part: part.value)
def test_a_part_fails(part: Part) -> None:
    """What needs nothing of a part goes on as usual while it fails, nothing is lost, and the docs say what works."""
    town = of_memory()
    ran = {fault: town.run({part: fault}) for fault in Fault}
    assert column([ran[fault] for fault in SHOWN]) == documented(part)


@pytest.mark.rule("SEC-245")
class TestPairs(OutagesContract):
    """Two parts fail at once; ``python -m tests.proof`` has all pairs."""

    outages = Random(1).sample(PAIRS, 6)  # noqa: S311  a choice, no secret
    people = 18

    @pytest.fixture
    def make_ports(self) -> Callable[[], dict[str, Any]]:
        return dict


@pytest.mark.rule("SEC-245")
class TestDeferred(OutagesContract):
    """With deferred sending nobody waits for a mail server or SMS provider."""

    outages = ({Part.MAIL: Fault.SILENT, Part.SMS: Fault.REFUSING},)
    policy = {"deferred_sending": True}  # noqa: RUF012
    people = 18

    @pytest.fixture
    def make_ports(self) -> Callable[[], dict[str, Any]]:
        return dict


@pytest.mark.rule("SEC-245")
class TestOnSqlite(OutagesContract):
    """The stores in SQL, in a database that does what it was asked for and denies it."""

    outages = ({Part.DATABASE: Fault.LYING},)
    people = 18

    @pytest.fixture
    def make_ports(self, tmp_path: Path) -> Any:
        opened = list[Sqlite]()

        def make() -> dict[str, Any]:
            opened.append(db := Sqlite(tmp_path / f"{len(opened)}.db", at_once))
            run_sync(prepared(db))
            stores = {"sessions": SqlSessions, "limiter": SqlLimits, "bindings": SqlBindings, "accounts": SqlAccounts}
            return {name: store(db) for name, store in stores.items()}

        yield make
        for db in opened:
            db.close()


async def at_once(work: Callable[[], T]) -> T:
    """Do work in the loop, whose time does not pass meanwhile."""
    return work()


class Raises:
    """A sender that raises when its server refuses."""

    def __init__(self) -> None:
        self.told = 0

    async def send(self, message: TokenMessage) -> Any:
        self.told += 1
        if self.told > 3:
            raise OSError("no connection")
        return None


class Forgets(FakeAccounts):
    """Accounts that forget every third address."""

    async def add(self, user_id: str, threepid: Any) -> Any:
        answer = await super().add(user_id, threepid)
        if len(self.on) % 3 == 0:
            self.on.pop()
        return answer


class Lingers(FakeAccounts):
    """Accounts that take a minute to list addresses."""

    async def list(self, user_id: str) -> Any:
        await asyncio.sleep(60)
        return await super().list(user_id)


@pytest.mark.parametrize(
    ("ports", "word"),
    [
        (lambda: {"senders": {Medium.EMAIL: Raises()}}, "500"),
        (lambda: {"accounts": Forgets()}, "has 0 addresses"),
        (lambda: {"accounts": Lingers()}, "after its deadline"),
    ],
    ids=["raises", "forgets", "lingers"],
)
def test_a_broken_part_is_found(ports: Any, word: str) -> None:
    """A port that raises, loses what it was given, or takes for ever fails, with words that say which."""
    with pytest.raises(OutageFailed, match=word):
        Outages(ports, people=18).run({Part.KEYS: Fault.SILENT})
