"""What a message remembers of its delivery."""

from __future__ import annotations

import pytest

from matrix_threepid import Medium, Purpose
from matrix_threepid.model.delivery import DeliveryEvent, DeliveryStatus, new_message_id
from matrix_threepid.model.message import MessageKind
from matrix_threepid.model.outbound import MOST_EVENTS, OutboundMessage

NOW = 1_700_000_000_000
WRITTEN = OutboundMessage(
    id=new_message_id(b"m" * 16),
    sid="a session",
    medium=Medium.EMAIL,
    kind=MessageKind.TOKEN,
    purpose=Purpose.ADD,
    address_key="address:key",
    provider="smtp",
    written_at=NOW,
    expires_at=NOW + 1,
)


def _event(status: DeliveryStatus, reason: str = "", at: int = NOW) -> DeliveryEvent:
    return DeliveryEvent(message_id=WRITTEN.id, status=status, at=at, provider="smtp", reason=reason)


def test_a_late_event_is_recorded_and_undoes_nothing() -> None:
    """An event of an earlier stage than the status is listed, and the status stays."""
    message = WRITTEN.with_event(_event(DeliveryStatus.DELIVERED)).with_event(_event(DeliveryStatus.HANDED_OVER))
    assert message.status is DeliveryStatus.DELIVERED
    assert [each.status.value for each in message.events] == ["delivered", "handed_over"]
    assert message.revision == 2


def test_the_same_failure_of_each_try_is_one_event() -> None:
    """A message that is tried a hundred times for the same reason has one event of it, with the first time."""
    message = WRITTEN
    for number in range(100):
        message = message.with_event(_event(DeliveryStatus.DEFERRED, "4.4.1", NOW + number))
    assert [each.at for each in message.events] == [NOW]


def test_events_are_bounded() -> None:
    """A message has so many events at most, and what changes its status is still recorded."""
    message = WRITTEN
    for number in range(100):
        message = message.with_event(_event(DeliveryStatus.DEFERRED, f"reason {number}"))
    assert len(message.events) == MOST_EVENTS
    bounced = message.with_event(_event(DeliveryStatus.BOUNCED, "5.1.1"))
    assert bounced.status is DeliveryStatus.BOUNCED
    assert [each.reason for each in bounced.events][-2:] == [f"reason {MOST_EVENTS - 2}", "5.1.1"]


@pytest.mark.parametrize("status", list(DeliveryStatus))
def test_an_event_comes_back_as_it_was_recorded(status: DeliveryStatus) -> None:
    """Every status is kept, with its reason as the event has it."""
    event = _event(status, "zoë \"' 5.1.1")
    assert WRITTEN.with_event(event).events == (event,)
