"""``MessagesContract``: the promises of the port ``Messages``."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from ...model.delivery import DeliveryEvent, DeliveryStatus, new_message_id
from ...model.message import MessageKind
from ...model.outbound import COUNTED_DAYS, MOST_OF_ADDRESS, MessageCount, OutboundMessage, day_of
from ...model.threepid import Medium, Purpose
from ...ports import Messages
from .base import Contract
from .values import NOW

ALICE, BOB = "@alice:hs.example.org", "@bob:hs.example.org"
_THREADS = 8
_DAY = 86_400_000
_WRITTEN = OutboundMessage(
    id=new_message_id(b"m" * 16),
    sid="a session",
    user_id=ALICE,
    medium=Medium.EMAIL,
    kind=MessageKind.TOKEN,
    purpose=Purpose.ADD,
    address_key="address:key",
    provider="smtp",
    written_at=NOW,
    expires_at=NOW + _DAY,
)
_CHANGES: tuple[dict[str, Any], ...] = (
    {"sid": None},
    {"user_id": None},
    {"user_id": "@zoë'?%s:x"},
    *({"medium": medium} for medium in Medium),
    *({"kind": kind} for kind in MessageKind),
    *({"purpose": purpose} for purpose in Purpose),
    *({"status": status} for status in DeliveryStatus),
    {"provider": ""},
    {"written_at": 0},
    {"expires_at": 2**53 - 1},
    {"spelled_otherwise": True},
)


def _event(status: DeliveryStatus, message: OutboundMessage = _WRITTEN, **more: Any) -> DeliveryEvent:
    return DeliveryEvent(**{"message_id": message.id, "status": status, "at": NOW, "provider": "smtp", **more})


def _message(number: int, **changes: Any) -> OutboundMessage:
    return evolve(_WRITTEN, id=new_message_id(number.to_bytes(16, "big")), **changes)


class MessagesContract(Contract):
    """The contract of ``Messages``.

    * ``store`` (fixture): an empty port ``Messages``.
    """

    @pytest.mark.parametrize("changed", [{}, *_CHANGES], ids=str)
    def test_a_message_comes_back_as_it_was_written(self, store: Messages, changed: dict[str, Any]) -> None:
        """Every field is stored, and found by id."""
        wanted = evolve(_WRITTEN, **changed)
        assert self.do(store.write, wanted) is True
        assert self.do(store.get, wanted.id) == wanted

    def test_a_message_is_written_once(self, store: Messages) -> None:
        """A second message with the same id changes nothing."""
        assert self.do(store.write, _WRITTEN) is True
        assert self.do(store.write, evolve(_WRITTEN, provider="other")) is False
        assert self.do(store.get, _WRITTEN.id) == _WRITTEN

    def test_absence_is_none(self, store: Messages) -> None:
        """What is not stored is not found, and gets no event."""
        self.do(store.write, _WRITTEN)
        other = _message(1)
        assert self.do(store.get, other.id) is None
        assert self.do(store.record, _event(DeliveryStatus.HANDED_OVER, other)) is None
        assert self.do(store.get, other.id) is None

    def test_events_are_recorded_in_order(self, store: Messages) -> None:
        """The message that ``record`` returns has the event and its status, and is what is stored."""
        self.do(store.write, _WRITTEN)
        told = [
            _event(DeliveryStatus.HANDED_OVER),
            _event(DeliveryStatus.BOUNCED, provider="dsn", reason="5.1.1", permanent_address_failure=True),
            _event(DeliveryStatus.DELIVERED, at=NOW - 5, reason="zoë'?%s \"\\"),
        ]
        for number, event in enumerate(told, 1):
            changed = self.do(store.record, event)
            assert changed is not None
            assert changed == self.do(store.get, _WRITTEN.id)
            assert list(changed.events) == told[:number]
        assert [each.status for each in self.do(store.of_session, "a session")] == [DeliveryStatus.BOUNCED]

    def test_an_event_that_comes_again_does_nothing(self, store: Messages) -> None:
        """The same event, at whatever time, is recorded once."""
        self.do(store.write, _WRITTEN)
        stored = self.do(store.record, _event(DeliveryStatus.HANDED_OVER))
        assert self.do(store.record, _event(DeliveryStatus.HANDED_OVER)) is None
        assert self.do(store.record, _event(DeliveryStatus.HANDED_OVER, at=NOW + 1)) is None
        assert self.do(store.get, _WRITTEN.id) == stored

    def test_the_messages_of_a_session_come_in_order(self, store: Messages) -> None:
        """The messages of a session are those with its id, compared character by character, the oldest first."""
        rows = [_message(number, written_at=NOW - number) for number in range(3)]
        for row in [*rows, _message(3, sid="A session"), _message(4, sid=None)]:
            self.do(store.write, row)
        assert list(self.do(store.of_session, "a session")) == rows[::-1]
        assert list(self.do(store.of_session, "")) == []

    def test_the_newest_messages_of_an_address_come_first(self, store: Messages) -> None:
        """The messages of an address are found by its keys, the newest first, up to a number."""
        rows = [
            _message(number, written_at=NOW + number, address_key=("one", "two")[number % 2])
            for number in range(MOST_OF_ADDRESS + 1)
        ]
        for row in [*rows, _message(1000, address_key="One", written_at=NOW + 1000)]:
            self.do(store.write, row)
        assert list(self.do(store.of_address, ["one", "two"])) == rows[:0:-1]
        assert list(self.do(store.of_address, ["two"])) == rows[::-1][1::2]
        assert list(self.do(store.of_address, ["three"])) == []

    def test_a_user_is_erased(self, store: Messages) -> None:
        """All messages of a user are deleted, and those to the addresses that belong to nobody."""
        rows = [
            _message(0, address_key="other"),
            _message(1, user_id=None),
            _message(2, user_id=None, address_key="other"),
            _message(3, user_id=BOB),
        ]
        for row in rows:
            self.do(store.write, row)
        assert self.do(store.erase, ALICE, [_WRITTEN.address_key]) == 2
        assert [self.do(store.get, row.id) for row in rows] == [None, None, *rows[2:]]
        assert self.do(store.erase, ALICE, []) == 0

    def test_a_purge_counts_what_it_deletes(self, store: Messages) -> None:
        """Messages that expired before a time are deleted, up to a number, and counted by day and fate."""
        ends = [NOW - 2, NOW - 1, NOW - 1, NOW]
        for number, end in enumerate(ends):
            self.do(store.write, _message(number, expires_at=end))
        self.do(store.record, _event(DeliveryStatus.BOUNCED, _message(0)))
        assert list(self.do(store.counts, 0)) == []
        assert [self.do(store.purge, NOW, 2) for _ in range(3)] == [2, 1, 0]
        assert [self.do(store.get, _message(number).id) is not None for number in range(4)] == [False] * 3 + [True]
        common = (day_of(NOW), "email", "add", "smtp")
        assert list(self.do(store.counts, NOW)) == [
            MessageCount(*common, "bounced", 1),
            MessageCount(*common, "written", 2),
        ]
        assert list(self.do(store.counts, NOW + _DAY)) == []

    def test_counts_end(self, store: Messages) -> None:
        """Counts of days that are long over are deleted by later purges, and no others."""
        self.do(store.write, _message(0, expires_at=0))
        self.do(store.write, _message(1, expires_at=0, written_at=NOW + _DAY))
        assert self.do(store.purge, NOW, 10) == 2
        for number, days in enumerate((COUNTED_DAYS, COUNTED_DAYS + 1), 2):
            later = NOW + days * _DAY
            self.do(store.write, _message(number, expires_at=0, written_at=later))
            assert self.do(store.purge, later, 10) == 1
            counted = [each.day for each in self.do(store.counts, 0)]
            assert counted[:2] == [day_of(NOW) + number - 2, day_of(NOW) + (1, COUNTED_DAYS)[number - 2]]

    def test_parallel_writes_have_one_winner(self, store: Messages) -> None:
        """Of several parallel messages with one id one is written."""
        rows = [evolve(_WRITTEN, provider=f"p{number}") for number in range(_THREADS)]
        done = self.together([(store.write, row) for row in rows])
        assert [row for row, written in zip(rows, done, strict=True) if written] == [self.do(store.get, _WRITTEN.id)]

    def test_parallel_events_are_all_recorded(self, store: Messages) -> None:
        """Of several parallel events none is lost, and none is recorded twice."""
        self.do(store.write, _WRITTEN)
        told = [_event(DeliveryStatus.DEFERRED, reason=f"4.0.{number // 2}") for number in range(_THREADS)]
        done = self.together([(store.record, event) for event in told])
        assert len([each for each in done if each is not None]) == _THREADS // 2
        stored = self.do(store.get, _WRITTEN.id)
        assert stored is not None
        assert {each.reason for each in stored.events} == {event.reason for event in told}
