"""``SqlAudit``: what happened to whose identifiers, in a table, for a while."""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Sequence
from secrets import token_hex
from threading import Lock

from attrs import frozen

from ..events import Event, LimitReached, WrongToken
from ..housekeeping import Job
from ..logs import fields_of
from ..model.keys import Peppers
from ..model.threepid import Threepid
from ..ports import Clock, system_clock
from ..protocol.errors import ConfigurationError
from ..stores.sql.operation import Database, Operation

DAY = 86_400_000
_WAITING, _AT_ONCE = 10_000, 200
_COLUMNS = "id, at, event, user_id, caller, address_mac, details"
_log = logging.getLogger("matrix_threepid.audit")


@frozen
class Audited:
    """One entry.

    * ``at``: when it happened, in ms of the wall clock.
    * ``event``: the name of the event, such as ``ThreepidAdded``.
    * ``user_id``: the user whom it concerns; ``None`` if it names none.
    * ``caller``: the user whose access token the request carried; ``None`` without one.
    * ``details``: the other values of the event, addresses masked.
    """

    at: int
    event: str
    user_id: str | None
    caller: str | None
    details: dict[str, object]


class SqlAudit:
    """A ``Listener`` that keeps events in the table ``matrix_threepid_audit``.

    * ``db``: a database whose schema ``migrate`` has brought up to date.
    * ``peppers``: the peppers of the role: an address is stored masked, and as a MAC by which it is found.
    * ``keep``: days that an entry is kept, from 1; 90 by default.
    * ``refusals``: whether ``LimitReached`` and ``WrongToken`` are kept too, which strangers can cause; ``False`` by
      default.
    * ``clock``: returns the time in ms; the system's by default.

    Entries are written by a job (``jobs``), at most a second late; up to 10,000 wait in memory, and what is more is
    left out and logged. A crash loses what waits. Raises ``ConfigurationError`` for a ``keep`` below 1.
    """

    def __init__(
        self, db: Database, peppers: Peppers, *, keep: int = 90, refusals: bool = False, clock: Clock = system_clock
    ) -> None:
        if type(keep) is not int or keep < 1:
            raise ConfigurationError("keep: must be a whole number of days from 1")
        self._db, self._peppers, self._clock = db, peppers, clock
        self._keep, self._refusals = keep * DAY, refusals
        self._waiting: deque[tuple[object, ...]] = deque()
        self._left_out = 0
        self._recorded: deque[Event] = deque(maxlen=_AT_ONCE)
        self._lock = Lock()

    def on(self, event: Event) -> None:
        """Remember an event for the next run of the job."""
        if isinstance(event, LimitReached | WrongToken) and not self._refusals:
            return
        row = self._row(event)
        with self._lock:
            if event in self._recorded:  # written already, by ``record``
                self._recorded.remove(event)
            elif len(self._waiting) < _WAITING:
                self._waiting.append(row)
            else:
                self._left_out += 1

    async def record(self, event: Event) -> None:
        """Write one event now, for what must be written down before it is done. Raises ``Unavailable``.

        Should the role then tell the audit of it as a listener, it is not written twice.
        """
        row = self._row(event)
        await self._db.run(lambda: _insert([row]))
        with self._lock:
            self._recorded.append(event)

    def jobs(self, *, write_every: int = 1_000, purge_every: int = 3_600_000) -> tuple[Job, ...]:
        """Return the jobs that write entries and delete old ones, with their pauses in ms."""
        return (
            Job(name="write audit", every=write_every, work=self.write, limit=_AT_ONCE, clock=self._clock),
            Job(name="purge audit", every=purge_every, work=self.purge, limit=_AT_ONCE, clock=self._clock),
        )

    async def write(self) -> int:
        """Write what waits, up to 200 entries; return how many. Raises ``Unavailable``, and they wait on."""
        with self._lock:
            rows = [self._waiting[place] for place in range(min(_AT_ONCE, len(self._waiting)))]
            left_out, self._left_out = self._left_out, 0
        if left_out:
            _log.warning("%d entries were left out of the audit: they came faster than they are written", left_out)
        if rows:
            await self._db.run(lambda: _insert(rows))
            with self._lock:
                for _ in rows:
                    self._waiting.popleft()
        return len(rows)

    async def purge(self) -> int:
        """Delete entries older than ``keep``, up to 200; return how many."""
        before = self._clock() - self._keep
        return await self._db.run(lambda: _purge(before))

    async def list(
        self,
        *,
        user_id: str | None = None,
        threepid: Threepid | None = None,
        since: int = 0,
        limit: int = 100,
    ) -> Sequence[Audited]:
        """Return the newest entries, newest first.

        * ``user_id``: only those that concern or were caused by a user; ``None``, the default: of all.
        * ``threepid``: only those of an address; ``None``, the default: of all.
        * ``since``: ms of the wall clock, only those from then on.
        * ``limit``: the most entries, up to 1,000.
        """
        macs = None if threepid is None else self._macs(threepid)
        rows = await self._db.run(lambda: _select(user_id, macs, since, max(1, min(limit, 1000))))
        return [Audited(at, event, user, caller, json.loads(details)) for at, event, user, caller, details in rows]

    async def erase(self, *, user_id: str | None = None, threepid: Threepid | None = None) -> int:
        """Delete all entries of a user or of an address, also those that wait; return how many were in the table.

        Raises ``ConfigurationError`` unless exactly one of both is given.
        """
        if (user_id is None) is (threepid is None):
            raise ConfigurationError("erase: give user_id or threepid")
        macs = None if threepid is None else self._macs(threepid)
        with self._lock:
            kept = [row for row in self._waiting if not _concerns(row, user_id, macs)]
            self._waiting = deque(kept)
        return await self._db.run(lambda: _erase(user_id, macs))

    def _row(self, event: Event) -> tuple[object, ...]:
        threepid = getattr(event, "threepid", None)
        mac = self._peppers.current.mac("audit", *_parts(threepid)) if isinstance(threepid, Threepid) else None
        details = fields_of(event)
        user = details.pop("user_id", None)
        details.pop("caller", None)
        context = event.context
        return (
            token_hex(16),
            context.at or self._clock(),
            type(event).__name__,
            user,
            context.caller,
            mac,
            json.dumps(details, separators=(",", ":")),
        )

    def _macs(self, threepid: Threepid) -> Sequence[str]:
        """Return the MACs of an address under every pepper that is live."""
        return [pepper.mac("audit", *_parts(threepid)) for pepper in self._peppers.live]


def _parts(threepid: Threepid) -> tuple[str, str]:
    return threepid.medium.value, threepid.address


def _concerns(row: tuple[object, ...], user_id: str | None, macs: Sequence[str] | None) -> bool:
    return row[5] in macs if macs is not None else user_id in (row[3], row[4])


def _insert(rows: Sequence[tuple[object, ...]]) -> Operation[None]:
    marks = "(?, ?, ?, ?, ?, ?, ?)"
    for row in rows:
        yield f"INSERT INTO matrix_threepid_audit ({_COLUMNS}) VALUES {marks} ON CONFLICT (id) DO NOTHING", row  # noqa: S608


def _purge(before: int) -> Operation[int]:
    oldest = "SELECT id FROM matrix_threepid_audit WHERE at < ? ORDER BY at LIMIT ?"
    rows = yield f"DELETE FROM matrix_threepid_audit WHERE id IN ({oldest}) RETURNING id", (before, _AT_ONCE)  # noqa: S608
    return len(rows)


def _select(
    user_id: str | None, macs: Sequence[str] | None, since: int, limit: int
) -> Operation[Sequence[tuple[int, str, str | None, str | None, str]]]:
    where, parameters = _where(user_id, macs)
    found = (
        f"SELECT at, event, user_id, caller, details FROM matrix_threepid_audit WHERE at >= ? AND {where} "  # noqa: S608
        "ORDER BY at DESC, id LIMIT ?"
    )
    rows = yield found, (since, *parameters, limit)
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]


def _erase(user_id: str | None, macs: Sequence[str] | None) -> Operation[int]:
    where, parameters = _where(user_id, macs)
    rows = yield f"DELETE FROM matrix_threepid_audit WHERE {where} RETURNING id", parameters  # noqa: S608
    return len(rows)


def _where(user_id: str | None, macs: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    conditions, parameters = ["1 = 1"], list[str]()
    if user_id is not None:
        conditions.append("(user_id = ? OR caller = ?)")
        parameters += [user_id, user_id]
    if macs is not None:
        conditions.append(f"address_mac IN ({', '.join('?' * len(macs))})")
        parameters += macs
    return " AND ".join(conditions), tuple(parameters)
