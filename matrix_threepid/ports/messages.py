"""The ports of stores for what becomes of messages, and for the addresses to which none are sent.

No operation has an optional filter, since one that is forgotten would let every row through (SEC-104).
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from ..model.delivery import DeliveryEvent
from ..model.outbound import MessageCount, OutboundMessage
from ..model.suppression import Suppression


class Messages(Protocol):
    """The messages that were written down, by ``id``, which is unique; with this store their delivery is recorded.

    The rules about messages are methods of ``OutboundMessage``.
    """

    def write(self, message: OutboundMessage) -> Awaitable[bool]:
        """Insert a message unless one with its ``id`` is stored; return whether it was inserted. Atomic."""

    def record(self, event: DeliveryEvent) -> Awaitable[OutboundMessage | None]:
        """Store what ``OutboundMessage.with_event`` makes of a message and an event, and return it. Atomic.

        ``None``: there is no such message, or the event tells nothing new of it, so that nothing was stored.
        """

    def get(self, message_id: str) -> Awaitable[OutboundMessage | None]:
        """Return the message with this id; ``None`` if there is none."""

    def of_session(self, sid: str) -> Awaitable[Sequence[OutboundMessage]]:
        """Return the messages of a session, the oldest first."""

    def of_address(self, keys: Sequence[str]) -> Awaitable[Sequence[OutboundMessage]]:
        """Return the newest 100 messages to an address, the newest first.

        * ``keys``: the keys of one address, one for each pepper in force: one or two.
        """

    def erase(self, user_id: str, keys: Sequence[str]) -> Awaitable[int]:
        """Delete the messages of a user, and those to some addresses without a ``user_id``; return how many.

        * ``user_id``: the user.
        * ``keys``: the keys of the addresses. Messages to them with another ``user_id`` stay.
        """

    def counts(self, since: int) -> Awaitable[Sequence[MessageCount]]:
        """Return the counts of messages that ``purge`` has deleted, from the day of a time (ms) on, in order."""

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        """Delete up to ``limit`` messages that expired before a time, and count them; return how many. Atomic.

        * ``before``: the time in ms. Counts of days more than ``COUNTED_DAYS`` earlier are deleted.
        * ``limit``: the largest number to delete.
        """


class Suppressions(Protocol):
    """The suppressions of addresses, by ``key``, which is unique. The rules are methods of ``Suppression``."""

    def of_address(self, keys: Sequence[str]) -> Awaitable[Sequence[Suppression]]:
        """Return the suppressions of an address, in any order.

        * ``keys``: the keys of one address, one for each pepper in force: one or two.
        """

    def put(self, suppression: Suppression) -> Awaitable[bool]:
        """Store a suppression if the stored revision is its own less 1; that of none is 0. Atomic.

        Returns whether it was stored.
        """

    def lift(self, keys: Sequence[str]) -> Awaitable[int]:
        """Delete the suppressions under the keys of an address, one or two; return how many there were."""

    def listed(self, after: str, limit: int) -> Awaitable[Sequence[Suppression]]:
        """Return suppressions in the order of their keys.

        * ``after``: the key after which to begin; empty for the first.
        * ``limit``: the largest number to return.
        """

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        """Delete up to ``limit`` suppressions that expired before a time (ms); return how many."""
