"""``SqlSessions``: sessions in a database that all processes of a host share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from copy import copy

from attrs import evolve

from ...model.delivery import DeliveryEvent
from ...model.outbound import OutboundMessage
from ...model.session import Session
from ...model.threepid import Medium, Purpose, Threepid
from ...ports import Charge, merged
from ...protocol.errors import Unavailable
from ._beside import Beside, T, with_changed, with_stored
from ._columns import SqlTable, purging
from ._store import SqlStore
from .limits import SqlLimits, charging, giving_back, giving_back_at_once, granting, unless_all
from .messages import SqlMessages, first_event, recording, writing, writing_if
from .operation import TRIES, Alone, Later, Operation, within

# ruff: noqa: S608  statements are made of constants of this package; values go in as parameters
TABLE = SqlTable("matrix_threepid_sessions", Session, "sid")
_NOT_OVER = "ended = 0 AND consumed_at IS NULL"
# The condition repeats that of the partial unique index, without which the database does not take it for the arbiter.
_UNLESS_HELD = "ON CONFLICT (slot) WHERE slot IS NOT NULL DO NOTHING RETURNING sid"
_OPEN = f"{TABLE.insert} {_UNLESS_HELD}"
# The last parameter is a number of charges: nothing is stored unless so many were granted.
_GRANT_AND_OPEN = (
    f"WITH granted AS ({{}}), opened AS ({TABLE.insert_if} (SELECT count(*) FROM granted) = ? {_UNLESS_HELD}) "
    "SELECT name, (SELECT count(*) FROM opened) FROM granted"
)
# Sessions that other users have opened for the same address stay: they are data of those users.
_ERASE_OWNED = "DELETE FROM matrix_threepid_sessions WHERE owner = ? RETURNING sid"
_ERASE_UNOWNED = "DELETE FROM matrix_threepid_sessions WHERE address = ? AND medium = ? AND owner IS NULL RETURNING sid"
_BOTH = "WITH {} SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM granted)"
_CHANGE_AND_TELL = (
    "WITH changed AS ({}), told AS ({}) SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM told)"
)
_PURGE = purging("matrix_threepid_sessions", "sid", "expires_at < ?", "expires_at", "expires_at + 0 < ?")


class SqlSessions(SqlStore):
    """A ``SessionStore`` in the table ``matrix_threepid_sessions``.

    * ``db``: a database whose schema ``migrate`` has brought up to date.

    A class made of this one that overrides ``open`` or ``replace`` has to override ``open_charging``,
    ``replace_charging`` and ``replace_giving_back`` as well, or ``counts_in`` to return ``False``: with limits in the
    same database the library stores sessions by these.
    """

    _message_of: Callable[[Session], OutboundMessage | None] | None = None
    _event: DeliveryEvent | None = None

    def open(self, session: Session) -> Awaitable[Session]:
        message = None if self._message_of is None else self._message_of(session)
        if message is not None and self._db.dialect == "postgresql":
            return self._db.run(lambda: _open(session, _opening_with(session, message)))
        return self._store(session, lambda: _open(session), lambda holder: holder is session)

    def get(self, sid: str) -> Awaitable[Session | None]:
        return self._db.run(lambda: TABLE.one("sid = ?", sid))

    def find(self, slot: str) -> Awaitable[Session | None]:
        return self._db.run(lambda: TABLE.one("slot = ?", slot))

    def replace(self, session: Session) -> Awaitable[bool]:
        if self._event is not None and self._db.dialect == "postgresql":
            return self._replace_and_tell(session, self._event)
        return self._store(session, lambda: TABLE.replace(session), bool)

    def records_in(self, messages: object) -> bool:
        return isinstance(messages, SqlMessages) and messages.database is self._db

    def writing(self, message_of: Callable[[Session], OutboundMessage | None]) -> SqlSessions:
        view = copy(self)  # of the class that a host may have made of this one
        view._message_of = message_of
        return view

    def telling(self, event: DeliveryEvent) -> SqlSessions:
        view = copy(self)  # of the class that a host may have made of this one
        view._event = event
        return view

    def counts_in(self, limiter: object) -> bool:
        return isinstance(limiter, SqlLimits) and limiter.database is self._db

    def open_charging(
        self,
        session: Session,
        charges: Sequence[Charge],
        now: int,
        resume: Callable[[Session], Session | None],
        unless: Sequence[Charge] = (),
    ) -> Awaitable[tuple[int, Session, Session | None]]:
        opening = _granted_and_opened if self._db.dialect == "postgresql" else _granted_then_opened

        def operation() -> Operation[tuple[int, Session, Session | None]]:
            return _open_charging(session, merged(charges), now, resume, merged(unless), opening)

        recorded = self._message_of is not None or self._event is not None
        return self._db.run((lambda: with_changed(operation(), self._beside)) if recorded else operation)

    def replace_charging(
        self, session: Session, charges: Sequence[Charge], now: int, *, required: bool
    ) -> Awaitable[tuple[bool, bool]]:
        asked = merged(charges)
        one = self._db.dialect == "postgresql" and len(asked) == 1
        return self._store(
            session,
            lambda: (
                _replace_charging_one(session, asked[0], now, required=required)
                if one
                else _replace_charging(session, asked, now, required=required)
            ),
            lambda done: done[0],
        )

    def replace_giving_back(self, session: Session, charges: Sequence[Charge]) -> Awaitable[bool]:
        return self._store(session, lambda: _replace_giving_back(session, merged(charges)), bool)

    def lease_due(self, now: int, until: int, medium: Medium) -> Awaitable[Session | None]:
        return self._db.run(lambda: TABLE.lease_due(self._db.dialect, now, until, "AND medium = ?", (medium.value,)))

    def of_owner(self, user_id: str) -> Awaitable[Sequence[Session]]:
        return self._db.run(lambda: TABLE.many(f"owner = ? AND {_NOT_OVER}", user_id))

    def of_threepid(self, threepid: Threepid, purpose: Purpose) -> Awaitable[Sequence[Session]]:
        where = f"address = ? AND medium = ? AND purpose = ? AND {_NOT_OVER}"
        return self._db.run(lambda: TABLE.many(where, threepid.address, threepid.medium.value, purpose.value))

    def erase(self, user_id: str, threepids: Sequence[Threepid]) -> Awaitable[int]:
        return self._db.run(lambda: _erase(user_id, threepids))

    def purge(self, before: int, limit: int) -> Awaitable[int]:
        return self._db.run(lambda: _purge(before, limit))

    def dump(self) -> list[Session]:
        """Return all sessions, for tests and tools; ``run_sync`` has to be able to drive the database."""
        return TABLE.dump(self._db)

    def _beside(self, session: Session) -> Beside | None:
        """Return what is done in the transaction in which a session is stored; ``None`` for nothing."""
        event = self._event
        if event is not None:
            return lambda: recording(event)
        message = None if self._message_of is None else self._message_of(session)
        return None if message is None else lambda: writing(message)

    async def _replace_and_tell(self, session: Session, event: DeliveryEvent) -> bool:
        stored, told = await self._db.run(lambda: _replace_telling(session, event))
        if stored and not told:  # it has other events already, which have to be read
            await self._db.run(lambda: recording(event))
        return stored

    def _store(
        self, session: Session, operation: Callable[[], Operation[T]], stored: Callable[[T], bool]
    ) -> Awaitable[T]:
        """Run an operation that stores a session, with what is done beside it.

        * ``stored``: returns whether a result says that it was stored.
        """
        beside = self._beside(session)
        return self._db.run(operation if beside is None else lambda: with_stored(operation, stored, beside))


def _open(session: Session, opening: Alone | None = None) -> Operation[Session]:
    # One insert decides between equal requests (SEC-36). Between it and the look-up the session that had the slot may
    # end and give it up, so that both find nothing; then the insert is tried again.
    for _ in range(TRIES):
        if (yield opening or Alone(_OPEN, *TABLE.row(session))):
            return session
        holder = yield from TABLE.one("slot = ?", session.slot)
        if holder is not None:
            return holder
    raise Unavailable


def _opening_with(session: Session, message: OutboundMessage) -> Alone:
    """Return the statement that stores a session and its message, in a dialect in which a part may change rows."""
    write, values = writing_if(message, "EXISTS (SELECT FROM opened)")
    sql = f"WITH opened AS ({_OPEN}), written AS ({write}) SELECT sid FROM opened"
    return Alone(sql, *TABLE.row(session), *values)


def _replace_telling(session: Session, event: DeliveryEvent) -> Operation[tuple[bool, bool]]:
    """Replace a session and give its message its first event, in one statement of such a dialect.

    Returns whether the session was stored, and whether it was the first event.
    """
    change, changing = TABLE.replacing(session)
    tell, telling = first_event(event, "AND EXISTS (SELECT FROM changed)")
    ((stored, told),) = yield Alone(_CHANGE_AND_TELL.format(change, tell), *changing, *telling)
    return bool(stored), bool(told)


def _open_charging(
    session: Session,
    charges: Sequence[Charge],
    now: int,
    resume: Callable[[Session], Session | None],
    unless: Sequence[Charge],
    opening: Callable[[Session, Sequence[Charge], int], Operation[tuple[set[str], bool]]],
) -> Operation[tuple[int, Session, Session | None]]:
    granted, opened = yield from opening(session, charges, now)
    if wait := (yield from within(unless_all(charges, granted, now))):
        return wait, session, None
    for _ in range(TRIES):
        if opened:
            return 0, session, session
        holder = yield from within(TABLE.one("slot = ?", session.slot))
        if holder is not None:
            changed = resume(holder)
            if changed is None:
                # Locked by this transaction, so taking it back is exact.
                yield from giving_back_at_once(unless)
                return 0, holder, holder
            return 0, holder, changed if (yield from within(TABLE.replace(changed))) else None
        opened = bool((yield _OPEN, TABLE.row(session)))
    raise Unavailable


def _granted_then_opened(session: Session, charges: Sequence[Charge], now: int) -> Operation[tuple[set[str], bool]]:
    """Charge and open; return the keys of the charges that were granted, and whether the session was stored."""
    granted = {name for (name,) in (yield granting(charges, now))}
    return granted, len(granted) == len(charges) and bool((yield _OPEN, TABLE.row(session)))


def _granted_and_opened(session: Session, charges: Sequence[Charge], now: int) -> Operation[tuple[set[str], bool]]:
    """Do the same in one statement, in a dialect in which a part of a statement may change rows."""
    grant, values = granting(charges, now)
    rows = yield _GRANT_AND_OPEN.format(grant), [*values, *TABLE.row(session), len(charges)]
    return {name for name, _ in rows}, any(opened for _, opened in rows)


def _replace_charging(
    session: Session, charges: Sequence[Charge], now: int, *, required: bool
) -> Operation[tuple[bool, bool]]:
    if required:
        if (yield from within(charging(charges, now))):
            return False, False
        return (yield from within(TABLE.replace(session))), True
    stored = yield from within(TABLE.replace(session))
    return stored, stored and not (yield from within(charging(charges, now)))


def _replace_charging_one(
    session: Session, charge: Charge, now: int, *, required: bool
) -> Operation[tuple[bool, bool]]:
    """Do ``_replace_charging`` of one charge in one statement, which PostgreSQL commits by itself.

    The first part is run first, since the second asks for its rows
    (https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING).
    """
    grant, granting_values = granting([charge], now, "" if required else "AND EXISTS (SELECT FROM changed)")
    change, changing_values = TABLE.replacing(session)
    if required:
        change = change.replace(" RETURNING", " AND EXISTS (SELECT FROM granted) RETURNING")
        sql, values = _BOTH.format(f"granted AS ({grant}), changed AS ({change})"), [*granting_values, *changing_values]
    else:
        sql, values = _BOTH.format(f"changed AS ({change}), granted AS ({grant})"), [*changing_values, *granting_values]
    ((stored, charged),) = yield Alone(sql, *values)
    return bool(stored), bool(charged)


def _replace_giving_back(session: Session, charges: Sequence[Charge]) -> Operation[bool]:
    # Counts are locked before sessions, so that no operation waits for one that waits for it. Only `_replace_charging`
    # without `required` locks the session first: what it counts are validations, which are never given back.
    yield from giving_back(charges)
    stored = yield from within(TABLE.replace(session))
    if not stored:
        # Locked by this transaction, so making the charges again is exact.
        yield from giving_back([evolve(each, cost=-each.cost) for each in charges])
    return stored


def _erase(user_id: str, threepids: Sequence[Threepid]) -> Operation[int]:
    count = len((yield _ERASE_OWNED, (user_id,)))
    for threepid in threepids:
        count += len((yield _ERASE_UNOWNED, (threepid.address, threepid.medium.value)))
    return count


def _purge(before: int, limit: int) -> Operation[int]:
    return len((yield Later(_PURGE, before, before, limit)))
