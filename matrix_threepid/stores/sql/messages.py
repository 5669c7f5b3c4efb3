"""``SqlMessages``: the messages that were written down, in a database that all processes of a host share."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from ...model.delivery import DeliveryEvent
from ...model.outbound import (
    MOST_OF_ADDRESS,
    MessageCount,
    OutboundMessage,
    counted,
    day_of,
    first_counted,
    recorded_first,
)
from ...protocol.errors import Unavailable
from ._columns import SqlTable, purging
from ._store import SqlStore
from .operation import TRIES, Alone, Later, Operation, Statement

TABLE = SqlTable("matrix_threepid_messages", OutboundMessage, "id")
# Without an event a message has the revision 0, so neither the row nor its events have to be read before.
_FIRST_EVENT = (
    "UPDATE matrix_threepid_messages SET status = ?, recorded = ?, revision = 1 "
    "WHERE id = ? AND revision = 0 RETURNING id"
)
_WRITE = f"{TABLE.insert} ON CONFLICT (id) DO NOTHING RETURNING id"
_OF_SESSION = "sid = ? ORDER BY written_at"
_OF_ADDRESS = "address_key = ? ORDER BY written_at DESC LIMIT ?"
# Messages that other users have caused to the same address stay: they are data of those users.
_ERASE_OWNED = "DELETE FROM matrix_threepid_messages WHERE user_id = ? RETURNING id"
_ERASE_UNOWNED = "DELETE FROM matrix_threepid_messages WHERE address_key = ? AND user_id IS NULL RETURNING id"
_PURGE = purging("matrix_threepid_messages", "id", "expires_at < ?", "expires_at", "expires_at + 0 < ?").replace(
    " RETURNING id", f" RETURNING {', '.join(TABLE.columns)}"
)
_EXPIRED = "SELECT id FROM matrix_threepid_messages WHERE expires_at < ? ORDER BY expires_at LIMIT 1"
_GROUP = "day, medium, purpose, provider, status"
_COUNT = (
    f"INSERT INTO matrix_threepid_message_counts AS held ({_GROUP}, number) VALUES (?, ?, ?, ?, ?, ?) "  # noqa: S608
    f"ON CONFLICT ({_GROUP}) DO UPDATE SET number = held.number + excluded.number"
)
_COUNTS = f"SELECT {_GROUP}, number FROM matrix_threepid_message_counts WHERE day >= ? ORDER BY {_GROUP}"  # noqa: S608
_FORGET_COUNTS = "DELETE FROM matrix_threepid_message_counts WHERE day < ?"


class SqlMessages(SqlStore):
    """A port ``Messages`` in the tables ``matrix_threepid_messages`` and ``matrix_threepid_message_counts``.

    * ``db``: a database whose schema ``migrate`` has brought up to date.
    """

    def write(self, message: OutboundMessage) -> Awaitable[bool]:
        return self._db.run(lambda: writing(message))

    def record(self, event: DeliveryEvent) -> Awaitable[OutboundMessage | None]:
        return self._db.run(lambda: _record(event))

    def get(self, message_id: str) -> Awaitable[OutboundMessage | None]:
        return self._db.run(lambda: TABLE.one("id = ?", message_id))

    def of_session(self, sid: str) -> Awaitable[Sequence[OutboundMessage]]:
        return self._db.run(lambda: TABLE.many(_OF_SESSION, sid))

    def of_address(self, keys: Sequence[str]) -> Awaitable[Sequence[OutboundMessage]]:
        return self._db.run(lambda: _of_address(keys))

    def erase(self, user_id: str, keys: Sequence[str]) -> Awaitable[int]:
        return self._db.run(lambda: _erase(user_id, keys))

    def counts(self, since: int) -> Awaitable[Sequence[MessageCount]]:
        return self._db.run(lambda: _counts(since))

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        return self._db.run(lambda: _purge(before, limit))

    def dump(self) -> list[OutboundMessage]:
        """Return all messages, for tests and tools; ``run_sync`` has to be able to drive the database."""
        return TABLE.dump(self._db)


def writing(message: OutboundMessage) -> Operation[bool]:
    """Insert a message unless it is there; return whether it was inserted."""
    return bool((yield Alone(_WRITE, *TABLE.row(message))))


def writing_if(message: OutboundMessage, condition: str) -> Statement:
    """Return the statement that inserts a message under a condition without parameters, unless it is there."""
    return f"{TABLE.insert_if} {condition} ON CONFLICT (id) DO NOTHING RETURNING id", TABLE.row(message)


def first_event(event: DeliveryEvent, condition: str = "") -> Statement:
    """Return the statement that gives a message its first event, without reading it; it returns the id if it did.

    * ``condition``: without which nothing is changed; it begins with ``AND`` and has no parameters.
    """
    status, recorded = recorded_first(event)
    sql = _FIRST_EVENT.replace("RETURNING", f"{condition} RETURNING") if condition else _FIRST_EVENT
    return sql, (status.value, recorded, event.message_id)


def recording(event: DeliveryEvent) -> Operation[None]:
    """Record an event within a transaction."""
    if not (yield first_event(event)):
        yield from _record(event)


def _record(event: DeliveryEvent) -> Operation[OutboundMessage | None]:
    # Reading and replacing need no transaction: the revision decides between events that come at once.
    for _ in range(TRIES):
        stored = yield from TABLE.one("id = ?", event.message_id)
        changed = None if stored is None else stored.with_event(event)
        if changed is None or changed is stored:
            return None
        if (yield from TABLE.replace(changed)):
            return changed
    raise Unavailable


def _of_address(keys: Sequence[str]) -> Operation[Sequence[OutboundMessage]]:
    found: list[OutboundMessage] = []
    for key in dict.fromkeys(keys):
        found += yield from TABLE.many(_OF_ADDRESS, key, MOST_OF_ADDRESS)
    return sorted(found, key=lambda row: row.written_at, reverse=True)[:MOST_OF_ADDRESS]


def _erase(user_id: str, keys: Sequence[str]) -> Operation[int]:
    count = len((yield _ERASE_OWNED, (user_id,)))
    for key in keys:
        count += len((yield _ERASE_UNOWNED, (key,)))
    return count


def _counts(since: int) -> Operation[Sequence[MessageCount]]:
    rows = yield Alone(_COUNTS, day_of(since))
    return [MessageCount(*row) for row in rows]


def _purge(before: int, limit: int) -> Operation[int]:
    # Asked first: most purges find nothing, and need no transaction.
    if not (yield Later(_EXPIRED, before)):
        return 0
    gone = yield _PURGE, (before, before, limit)
    # In order, so that two purges at once never wait for each other.
    for each in counted(map(TABLE.value, gone)):
        yield _COUNT, (*each.group, each.number)
    if gone:
        yield _FORGET_COUNTS, (first_counted(before),)
    return len(gone)
