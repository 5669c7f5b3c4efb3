"""``SqlLimits``: rate limits in a database, so that all processes of a host count together (decision 24).

GCRA with one stored number a key: the time (ms) at which the key is completely refilled
(https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm).
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Sequence

from ...ports import Charge, merged
from ._columns import purging
from ._store import SqlStore
from .operation import Alone, Later, Operation, Statement

# The first row says the types, which PostgreSQL cannot know of parameters in a list of values.
_FIRST, _NEXT = "(CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT))", "(?, ?, ?, ?)"
# One statement decides and counts, so that charges at once cannot all read the old number and all be granted, at any
# isolation level. It returns a row for each charge that is granted. Rows are locked in the order of the values.
_GRANT = (
    "WITH asked (name, base, price, most) AS (VALUES {}) INSERT INTO matrix_threepid_limits AS held (name, full_at) "
    "SELECT name, base + price FROM asked WHERE base <= most {} ON CONFLICT (name) DO UPDATE SET full_at = "
    "(SELECT CASE WHEN held.full_at > base THEN held.full_at ELSE base END + price FROM asked WHERE name = held.name) "
    "WHERE held.full_at <= (SELECT most FROM asked WHERE name = held.name) RETURNING name"
)
# Corrects a number that a clock running ahead has left behind; conditional, for another process may have lowered it.
_LOWER = "UPDATE matrix_threepid_limits SET full_at = ? WHERE name = ? AND full_at > ?"
_GIVE_BACK = "UPDATE matrix_threepid_limits SET full_at = full_at - ? WHERE name = ?"
_GIVE_BACK_AT_ONCE = (
    "WITH back (name, price) AS (VALUES {}) UPDATE matrix_threepid_limits SET full_at = full_at - "
    "(SELECT price FROM back WHERE back.name = matrix_threepid_limits.name) WHERE name IN (SELECT name FROM back)"
)
_FORGET = "DELETE FROM matrix_threepid_limits WHERE name = ?"
_PURGE = {
    "sqlite": purging("matrix_threepid_limits", "name", "full_at <= ?", "full_at", "full_at + 0 <= ?"),
    # The oldest first is another order than that of charges, so no row is waited for that a transaction has locked.
    "postgresql": (
        "DELETE FROM matrix_threepid_limits WHERE name = ANY (ARRAY("
        "SELECT name FROM matrix_threepid_limits WHERE full_at <= ? ORDER BY full_at LIMIT ? FOR UPDATE SKIP LOCKED"
        ")) RETURNING name"
    ),
}


class SqlLimits(SqlStore):
    """A ``RateLimiter`` in the table ``matrix_threepid_limits``, one row a key.

    * ``db``: a database whose schema ``migrate`` has brought up to date.
    """

    def charge(self, charges: Sequence[Charge], now: int) -> Awaitable[int]:
        return self._db.run(lambda: charging(charges, now))

    def give_back(self, charges: Sequence[Charge], now: int) -> Awaitable[None]:
        return self._db.run(lambda: giving_back(merged(charges)))

    def used(self, charges: Sequence[Charge], now: int) -> Awaitable[Sequence[int]]:
        return self._db.run(lambda: _used(charges, now))

    def forget(self, keys: Sequence[str]) -> Awaitable[None]:
        return self._db.run(lambda: _forget(keys))

    def purge(self, now: int, limit: int) -> Awaitable[int]:
        return self._db.run(lambda: _purge(self._db.dialect, now, limit))


def charging(charges: Sequence[Charge], now: int) -> Operation[int]:
    """Make all charges or none; return 0, or the ms until all would be granted.

    * ``charges``: the charges.
    * ``now``: the time in ms.
    """
    asked = merged(charges)
    counted = [each for each in asked if each.cost]
    if len(asked) > 1 or not counted:
        # Read first: what is refused costs one statement and changes nothing, as often as it is asked for.
        wait = yield from _wait(asked, now)
        if wait or not counted:
            return wait
    sql, parameters = granting(counted, now)
    # Of several charges some may be granted and must be taken back, so they need a transaction.
    granted = {name for (name,) in (yield Alone(sql, *parameters) if len(counted) == 1 else (sql, parameters))}
    return (yield from unless_all(counted, granted, now))


def unless_all(charges: Sequence[Charge], granted: Collection[str], now: int) -> Operation[int]:
    """Take back what was granted unless all was; return 0, or the ms until all would be granted.

    * ``charges``: charges of different keys, each of a cost, that were tried in this transaction.
    * ``granted``: the keys of those that were granted.
    * ``now``: the time in ms.
    """
    if len(granted) == len(charges):
        return 0
    # Another process was faster. What was granted is locked by this transaction, so taking it back is exact.
    yield from giving_back([each for each in charges if each.key in granted])
    # At least 1, since 0 would mean "granted": the other process may have made room again meanwhile.
    return max((yield from _wait(charges, now)), 1)


def granting(charges: Sequence[Charge], now: int, condition: str = "") -> Statement:
    """Return the statement that makes those charges that are granted and returns their keys.

    * ``charges``: charges of different keys, in order, each of a cost.
    * ``now``: the time in ms.
    * ``condition``: without which none is made; it begins with ``AND`` and has no parameters.
    """
    values = ", ".join([_FIRST, *[_NEXT] * (len(charges) - 1)])
    rows = [(each.key, each.base(now), each.price, each.most(now)) for each in charges]
    return _GRANT.format(values, condition), [value for row in rows for value in row]


def _wait(charges: Sequence[Charge], now: int) -> Operation[int]:
    """Return the ms until all charges would be granted; 0 if they would be now."""
    stored = yield from _stored(charges)
    longest = 0
    for each in charges:
        before = stored.get(each.key)
        full_at, wait = each.counted(before, now)
        if wait and before is not None and full_at < before:
            yield _LOWER, (full_at, each.key, full_at)
        longest = max(longest, wait)
    return longest


def _stored(charges: Sequence[Charge]) -> Operation[dict[str, int]]:
    """Return the stored numbers by key."""
    if not charges:
        return {}
    marks = ", ".join("?" * len(charges))
    read = f"SELECT name, full_at FROM matrix_threepid_limits WHERE name IN ({marks})"  # noqa: S608  marks only
    rows = yield Alone(read, *[each.key for each in charges])
    return dict(rows)


def giving_back(charges: Sequence[Charge]) -> Operation[None]:
    """Take charges of different keys back, in order."""
    for each in charges:
        # The number may fall below that of an unused key, which counts as unused and is purged like one.
        yield _GIVE_BACK, (each.price, each.key)


def giving_back_at_once(charges: Sequence[Charge]) -> Operation[None]:
    """Take charges of different keys back, all of them charged before in the same transaction."""
    if charges:
        values = ", ".join(["(CAST(? AS TEXT), CAST(? AS BIGINT))", *["(?, ?)"] * (len(charges) - 1)])
        yield _GIVE_BACK_AT_ONCE.format(values), [value for each in charges for value in (each.key, each.price)]


def _used(charges: Sequence[Charge], now: int) -> Operation[Sequence[int]]:
    stored = yield from _stored(charges)
    return [each.used(stored.get(each.key), now) for each in charges]


def _forget(keys: Sequence[str]) -> Operation[None]:
    for key in sorted(keys):  # in the order in which charges lock them
        yield _FORGET, (key,)


def _purge(dialect: str, now: int, limit: int) -> Operation[int]:
    sql = _PURGE[dialect]
    return len((yield Later(sql, *[now] * (sql.count("?") - 1), limit)))
