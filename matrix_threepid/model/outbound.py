"""A message that was handed to a sender, and what is known of its delivery: one row a message, no text and no token.

It lives as long as its session; afterwards it is counted, and nobody can be found in a count. Its address is a MAC, so
a stolen table tells of no address. See ``model.delivery`` for the events.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from attrs import evolve, field, frozen

from .delivery import DeliveryEvent, DeliveryStatus
from .keys import Pepper, Peppers
from .message import MessageKind
from .threepid import Medium, Purpose, Threepid

MOST_EVENTS = 12
"""The events that a message has at most."""
MOST_OF_ADDRESS = 100
"""The messages of one address that are looked at."""
COUNTED_DAYS = 400
"""The days for which counts are kept."""
_DAY = 86_400_000


@frozen(kw_only=True)
class OutboundMessage:
    """One message: when it was written down, to whom it went, and what became of it.

    * ``id``: its id, 26 characters of base32, by which reports find it.
    * ``sid``: the id of its session; ``None`` for a message without one.
    * ``user_id``: the user whom the session or notice belongs to; ``None`` without one.
    * ``medium``: the medium.
    * ``kind``: what it is about; ``SILENCE`` for one that only looks as if it were sent.
    * ``purpose``: the purpose of its session.
    * ``address_key``: the key of its address, a MAC under the pepper that was current.
    * ``provider``: the name of its sender; empty if there was none.
    * ``written_at``: when it was written down, before it was handed over.
    * ``expires_at``: when its session ends; a day later it is only counted.
    * ``status``: how far it has come.
    * ``recorded``: JSON of its events in the order in which they were recorded, ``MOST_EVENTS`` at most.
    * ``revision``: the number of changes of the row; a store replaces a row only by one with the next revision.
    * ``spelled_otherwise``: whether it went to a spelling of the address that another mailbox may have.

    Times are in ms of the wall clock.
    """

    id: str
    sid: str | None = None
    user_id: str | None = None
    medium: Medium
    kind: MessageKind
    purpose: Purpose
    address_key: str
    provider: str
    written_at: int
    expires_at: int
    status: DeliveryStatus = DeliveryStatus.WRITTEN
    recorded: str = field(default="[]", repr=False)
    revision: int = 0
    spelled_otherwise: bool = False

    @property
    def events(self) -> tuple[DeliveryEvent, ...]:
        """What was recorded, the oldest record first."""
        return tuple(
            DeliveryEvent(
                message_id=self.id,
                status=DeliveryStatus(status),
                at=at,
                provider=provider,
                reason=reason,
                permanent_address_failure=bool(permanent),
            )
            for status, at, provider, reason, permanent in json.loads(self.recorded)
        )

    def with_event(self, event: DeliveryEvent) -> OutboundMessage:
        """Return the message with an event; unchanged if it tells nothing new.

        Nothing new is what was recorded before, at whatever time: a callback that is sent again, and the same failure
        of each try. Of more than ``MOST_EVENTS`` only what changes the status is recorded, in place of the last one.
        """
        known, told = json.loads(self.recorded), _told(event)
        if any(_but_time(each) == _but_time(told) for each in known):
            return self
        further = event.status.may_follow(self.status)
        if len(known) >= MOST_EVENTS and not further:
            return self
        return evolve(
            self,
            status=event.status if further else self.status,
            recorded=_json([*known[: MOST_EVENTS - 1], told]),
            revision=self.revision + 1,
        )


def recorded_first(event: DeliveryEvent) -> tuple[DeliveryStatus, str]:
    """Return the status and ``recorded`` of a message whose first event this is."""
    return event.status, _json([_told(event)])


def _json(told: list[list[object]]) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _told(event: DeliveryEvent) -> list[object]:
    return [event.status.value, event.at, event.provider, event.reason, int(event.permanent_address_failure)]


def _but_time(told: list[object]) -> list[object]:
    return [*told[:1], *told[2:]]


@frozen(order=True)
class MessageCount:
    """How many messages of one kind had one fate, after their rows were deleted.

    * ``day``: the number of the day (UTC) on which they were written down, counted from 1970.
    * ``medium``, ``purpose``, ``provider``, ``status``: what they have in common, as text.
    * ``number``: how many there were.
    """

    day: int
    medium: str
    purpose: str
    provider: str
    status: str
    number: int

    @property
    def group(self) -> tuple[int, str, str, str, str]:
        """All but the number; a store has one count for each."""
        return self.day, self.medium, self.purpose, self.provider, self.status


def counted(messages: Iterable[OutboundMessage]) -> Sequence[MessageCount]:
    """Return the counts of messages, in order."""
    groups = Counter(
        (day_of(each.written_at), each.medium.value, each.purpose.value, each.provider, each.status.value)
        for each in messages
    )
    return [MessageCount(*group, number) for group, number in sorted(groups.items())]


def address_key(pepper: Pepper, threepid: Threepid) -> str:
    """Return the key of an address under a pepper: that of its limit, from which the address cannot be read."""
    return f"address:{pepper.mac('address', threepid.medium.value, threepid.address)}"


def address_keys(peppers: Peppers, threepid: Threepid) -> list[str]:
    """Return the keys of an address, under the current pepper and then under the previous one."""
    return [address_key(pepper, threepid) for pepper in peppers.live]


def day_of(at: int) -> int:
    """Return the number of the day (UTC) of a time (ms), counted from 1970."""
    return at // _DAY


def first_counted(before: int) -> int:
    """Return the first day whose counts are kept by a purge of what expired before a time (ms)."""
    return day_of(before) - COUNTED_DAYS
