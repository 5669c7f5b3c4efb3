"""What becomes of a message is recorded, where a host has a store for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest

from matrix_threepid import ConfigurationError, Medium, erase_threepids, run_sync
from matrix_threepid.memory.messages import MemoryMessages
from matrix_threepid.memory.suppressions import MemorySuppressions
from matrix_threepid.model.delivery import DeliveryStatus, read_message_id
from matrix_threepid.model.message import Accepted, MessageKind, RefusedForever, RefusedForNow, Unknown
from matrix_threepid.model.outbound import OutboundMessage, address_keys
from matrix_threepid.model.threepid import Threepid
from matrix_threepid.protocol.errors import Unavailable
from matrix_threepid.stores.sql import SqlLimits, SqlMessages, SqlSessions, migrate
from matrix_threepid.stores.sqlite import Sqlite
from matrix_threepid.testing import ALICE, BOB, World

ADDRESS = "new@example.org"
ASKED = {"email": ADDRESS, "client_secret": "secret", "send_attempt": 1}
MakeWorld = Callable[..., World]
Ports = dict[str, Any]


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


@pytest.fixture(params=["in memory", "one database", "messages elsewhere"])
def ports(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ports]:
    """Stores of sessions, limits and messages, in one transaction or apart."""
    if request.param == "in memory":
        yield {"messages": MemoryMessages()}
        return
    with closing(Sqlite(str(tmp_path / "threepid.db"))) as db:
        run_sync(_awaited(migrate(db)))
        messages = SqlMessages(db) if request.param == "one database" else MemoryMessages()
        yield {"sessions": SqlSessions(db), "limiter": SqlLimits(db), "messages": messages}


def _rows(world: World) -> list[OutboundMessage]:
    return sorted(world.homeserver.messages.dump(), key=lambda row: row.written_at)  # type: ignore[union-attr]


def _seen_while_sending(world: World) -> list[list[OutboundMessage]]:
    """Return a list to which what is stored is added whenever a sender is handed a message."""
    seen: list[list[OutboundMessage]] = []

    async def look() -> None:
        seen.append(_rows(world))

    world.outbox.before = look
    return seen


@pytest.mark.answers_5xx(503)
@pytest.mark.parametrize(
    ("outcome", "status", "reason"),
    [
        (Accepted(), DeliveryStatus.HANDED_OVER, ""),
        (Unknown("no answer"), DeliveryStatus.HANDED_OVER, "no answer"),
        (RefusedForever("RCPT was answered 550 5.1.1"), DeliveryStatus.REFUSED, "RCPT was answered 550 5.1.1"),
        (RefusedForNow("answer 451"), DeliveryStatus.REFUSED, "answer 451"),
    ],
    ids=str,
)
def test_a_message_has_what_its_sender_answered(
    make_world: MakeWorld, ports: Ports, outcome: Any, status: DeliveryStatus, reason: str
) -> None:
    """A message is written down before it is handed over, and gets the sender's answer as its first event."""
    world = make_world(**ports)
    seen = _seen_while_sending(world)
    world.outbox.outcomes.append(outcome)
    world.post("/account/3pid/email/requestToken", ASKED, ALICE)
    [[before]], [after] = seen, _rows(world)
    assert (before.status, before.events) == (DeliveryStatus.WRITTEN, ())
    assert (after.status, [event.reason for event in after.events]) == (status, [reason])
    assert after.events[0].permanent_address_failure is ("5.1.1" in reason)
    assert read_message_id(world.homeserver.peppers, world.outbox.last.message_id or "") == after.id
    assert (after.kind, after.user_id, after.provider) == (MessageKind.TOKEN, ALICE, "outbox")
    assert after.address_key == address_keys(world.homeserver.peppers, Threepid(Medium.EMAIL, ADDRESS))[0]
    assert ADDRESS not in str(attrs.asdict(after))


def test_each_send_attempt_is_a_message(make_world: MakeWorld, ports: Ports) -> None:
    """A repeated request has no message of its own, and a new attempt has one; both are of the same session."""
    world = make_world(**ports)
    for attempt in (1, 1, 2):
        world.ask(ADDRESS, attempt=attempt)
        world.clock.advance(1)
    rows = _rows(world)
    assert [row.status for row in rows] == [DeliveryStatus.HANDED_OVER] * 2
    assert len({row.id for row in rows}) == 2
    assert len({row.sid for row in rows}) == 1


def test_a_deferred_message_keeps_its_id(make_world: MakeWorld, ports: Ports) -> None:
    """A message that is tried again is one message: written with its session, deferred, and handed over."""
    world = make_world({"deferred_sending": True}, **ports)
    world.ask(ADDRESS)
    assert [row.status for row in _rows(world)] == [DeliveryStatus.WRITTEN]
    world.outbox.outcomes += [RefusedForNow("answer 451"), RefusedForNow("answer 451")]
    for _ in range(3):
        run_sync(world.service.deliver_due())
        world.clock.advance(600_000)
    [row] = _rows(world)
    assert [event.status.value for event in row.events] == ["deferred", "handed_over"]
    assert {message.message_id for message in world.outbox.messages} == {world.outbox.last.message_id}


def test_a_message_whose_token_is_over_has_expired(make_world: MakeWorld, ports: Ports) -> None:
    """A message that could not be handed over before its link had ended is expired."""
    world = make_world({"deferred_sending": True}, **ports)
    world.ask(ADDRESS)
    world.clock.advance(3_600_000)
    run_sync(world.service.deliver_due())
    assert [row.status for row in _rows(world)] == [DeliveryStatus.EXPIRED]
    assert world.outbox.messages == []


def test_a_notice_is_a_message(make_world: MakeWorld, ports: Ports) -> None:
    """A notice to another address of the account is written down with its session, and handed over by the job."""
    world = make_world(**ports)
    assert world.add(world.prove("first@example.org", "s1"), "s1").status == 200
    assert world.add(world.prove("second@example.org", "s2"), "s2").status == 200
    run_sync(world.service.deliver_due())
    notices = [row for row in _rows(world) if row.kind is MessageKind.ADDED]
    assert [(row.status, row.user_id) for row in notices] == [(DeliveryStatus.HANDED_OVER, ALICE)]


@pytest.mark.answers_5xx(503)
def test_nothing_is_sent_that_could_not_be_written(make_world: MakeWorld) -> None:
    """While the store of messages does not answer, a request is answered with 503 and nothing is handed over."""

    class Down(MemoryMessages):
        async def write(self, message: OutboundMessage) -> bool:
            raise Unavailable

    world = make_world(messages=Down())
    assert world.ask(ADDRESS).status == 503
    assert world.outbox.messages == []


def test_an_erased_user_leaves_no_message(make_world: MakeWorld, ports: Ports) -> None:
    """Erasing a user deletes what is recorded of messages the user has caused, and of those to the user's addresses."""
    world = make_world(**ports)
    world.post("/account/3pid/email/requestToken", ASKED, ALICE)
    world.post("/account/3pid/email/requestToken", {**ASKED, "email": "other@example.org"}, BOB)
    assert world.add(world.prove("first@example.org", "s1"), "s1").status == 200
    run_sync(_awaited(erase_threepids(world.homeserver, ALICE)))
    assert [row.user_id for row in _rows(world)] == [BOB]
    world.outbox.messages.clear()  # their sessions are gone


def test_a_purge_leaves_counts(make_world: MakeWorld, ports: Ports) -> None:
    """Two days after it was sent a message is deleted with its session, and counted."""
    world = make_world(**ports)
    world.ask(ADDRESS)
    world.clock.advance(2 * 86_400_000 + 1)
    run_sync(world.service.purge())
    assert _rows(world) == []
    world.outbox.messages.clear()  # its session is gone
    [count] = run_sync(_awaited(world.homeserver.messages.counts(0)))  # type: ignore[union-attr]
    assert (count.status, count.number) == ("handed_over", 1)


def test_suppressions_need_messages(make_world: MakeWorld) -> None:
    """A store of suppressions without one of messages is refused when the role is made."""
    with pytest.raises(ConfigurationError, match=r"^suppressions: need messages="):
        make_world(suppressions=MemorySuppressions())
