"""A session and its message stored in one transaction: both, or neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from matrix_threepid import Limit, run_sync
from matrix_threepid.model.delivery import DeliveryEvent, DeliveryStatus, new_message_id
from matrix_threepid.model.message import MessageKind
from matrix_threepid.model.outbound import OutboundMessage
from matrix_threepid.model.session import Session
from matrix_threepid.model.threepid import Medium, Purpose
from matrix_threepid.ports import Charge
from matrix_threepid.stores import MemoryMessages, Sqlite, SqlLimits, SqlMessages, SqlSessions
from matrix_threepid.testing.contracts.values import session

from .conftest import prepared
from .postgres import driver, place

NOW = 1_700_000_000_000
DATABASES = ("sqlite", "psycopg", "psycopg repeatable read", "psycopg async", "asyncpg serializable")


def _message_of(stored: Session) -> OutboundMessage | None:
    """Return a message for each revision of a session."""
    return OutboundMessage(
        id=new_message_id(f"{stored.sid}{stored.revision}".ljust(16).encode()),
        sid=stored.sid,
        medium=Medium.EMAIL,
        kind=MessageKind.TOKEN,
        purpose=Purpose.ADD,
        address_key="address:key",
        provider="smtp",
        written_at=NOW + stored.revision,
        expires_at=NOW + 1,
    )


class Stores:
    """Sessions, limits and messages on one database."""

    def __init__(self, db: Any, run: Callable[[Any], Any]) -> None:
        self.sessions, self.limits, self.messages, self._run = SqlSessions(db), SqlLimits(db), SqlMessages(db), run
        self.writing = self.sessions.writing(_message_of)

    def do(self, method: Callable[..., Any], *values: Any, **named: Any) -> Any:
        """Call a method of a store and return its result."""

        async def call() -> Any:
            return await method(*values, **named)

        return self._run(call())

    def written(self) -> list[OutboundMessage]:
        """Return the messages of the session."""
        return list(self.do(self.messages.of_session, "sid"))

    def told(self) -> list[str]:
        """Return the events of the first message."""
        return [event.status.value for event in self.written()[0].events]


@pytest.fixture(params=DATABASES)
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    if request.param == "sqlite":
        with closing(Sqlite(tmp_path / "threepid.db")) as db:
            run_sync(prepared(db))
            yield Stores(db, run_sync)
        return
    with place(request.getfixturevalue("postgres")) as where, driver(where, request.param) as given:
        given.run(prepared(given.db))
        yield Stores(given.db, given.run)


def _event(status: DeliveryStatus) -> DeliveryEvent:
    first = _message_of(session("sid"))
    assert first is not None
    return DeliveryEvent(message_id=first.id, status=status, at=NOW, provider="smtp")


def test_a_session_and_its_message_are_stored_together(stores: Stores) -> None:
    """Whoever takes the slot has its message written, and nobody else; so has a change, and a stale one has not."""
    opened = stores.do(stores.writing.open, session("sid"))
    assert stores.do(stores.writing.open, session("other", slot=opened.slot)) == opened
    assert stores.do(stores.messages.of_session, "other") == []
    assert stores.do(stores.writing.replace, opened.guessed()) is True
    assert stores.do(stores.writing.replace, opened.guessed()) is False
    assert stores.written() == [_message_of(opened), _message_of(opened.guessed())]


def test_a_message_is_written_with_its_charges(stores: Stores) -> None:
    """A session that is opened, resumed or changed with charges has its message written, if the charges are granted."""
    charge = [Charge("key", Limit(3, 1 / 86_400))]
    opened = session("sid")
    assert stores.do(stores.writing.open_charging, opened, charge, NOW, lambda _: None)[0] == 0
    again = session("again", slot=opened.slot)
    assert stores.do(stores.writing.open_charging, again, charge, NOW, Session.guessed)[2] == opened.guessed()
    changed = opened.guessed().guessed()
    assert stores.do(stores.writing.replace_charging, changed, charge, NOW, required=True) == (True, True)
    assert [row.written_at - NOW for row in stores.written()] == [0, 1, 2]
    assert stores.do(stores.writing.open_charging, session("late"), charge, NOW, lambda _: None)[0] > 0
    assert stores.do(stores.writing.replace_charging, changed.guessed(), charge, NOW, required=True) == (False, False)
    assert (len(stores.written()), stores.do(stores.messages.of_session, "late")) == (3, [])


def test_an_event_is_recorded_with_its_session(stores: Stores) -> None:
    """A message has the event of each change of its session that was stored, also after other events."""
    opened = stores.do(stores.writing.open, session("sid"))
    handed_over = stores.sessions.telling(_event(DeliveryStatus.HANDED_OVER))
    assert stores.do(handed_over.replace, evolve(opened, revision=5)) is False
    assert stores.told() == []
    assert stores.do(handed_over.replace, opened.guessed()) is True
    assert stores.told() == ["handed_over"]
    deferred = stores.sessions.telling(_event(DeliveryStatus.DEFERRED))
    assert stores.do(deferred.replace_giving_back, opened.guessed().guessed(), []) is True
    stores.do(stores.messages.record, _event(DeliveryStatus.DELIVERED))
    assert stores.do(handed_over.replace, opened.guessed().guessed().guessed()) is True
    assert stores.told() == ["handed_over", "deferred", "delivered"]


def test_a_report_may_come_before_the_answer_of_the_sender(stores: Stores) -> None:
    """What a provider reports while the sender still waits for its answer stays; the answer is recorded after it."""
    opened = stores.do(stores.writing.open, session("sid"))
    stores.do(stores.messages.record, _event(DeliveryStatus.DELIVERED))
    assert stores.do(stores.sessions.telling(_event(DeliveryStatus.HANDED_OVER)).replace, opened.guessed()) is True
    assert stores.told() == ["delivered", "handed_over"]
    assert stores.written()[0].status is DeliveryStatus.DELIVERED


def test_only_a_store_in_the_same_database_is_written_to(stores: Stores) -> None:
    """Messages in memory or in another database are no part of a transaction of this one."""
    assert stores.sessions.records_in(stores.messages)
    assert not stores.sessions.records_in(MemoryMessages())
