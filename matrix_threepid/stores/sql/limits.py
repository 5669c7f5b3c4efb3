"""``SqlLimits``: rate limits in a database, so that all processes of a host count together (decision 24).

GCRA with one stored number a key: the time (ms) at which the key is completely refilled
(https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm).
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from ...ports import Charge
from ._columns import purging
from .operation import Database, Later, Operation
from .schema import check_schema

# One statement decides and counts, so that charges at once cannot all read the old number and all be granted, at any
# isolation level. It returns a row exactly if the charge is granted.
_GRANT = (
    "INSERT INTO matrix_threepid_limits AS held (name, full_at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE "
    "SET full_at = CASE WHEN held.full_at > ? THEN held.full_at ELSE ? END + ? WHERE held.full_at <= ? RETURNING name"
)
_READ = "SELECT full_at FROM matrix_threepid_limits WHERE name = ?"
# Corrects a number that a clock running ahead has left behind; conditional, for another process may have lowered it.
_LOWER = "UPDATE matrix_threepid_limits SET full_at = ? WHERE name = ? AND full_at > ?"
_FORGET = "DELETE FROM matrix_threepid_limits WHERE name = ?"
_PURGE = purging("matrix_threepid_limits", "name", "full_at <= ?", "full_at", "full_at + 0 <= ?")


class SqlLimits:
    """A ``RateLimiter`` in the table ``matrix_threepid_limits``, one row a key.

    * ``db``: a database whose schema ``migrate`` has brought up to date.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    @property
    def database(self) -> Database:
        """The database of the constructor."""
        return self._db

    def check(self) -> Awaitable[int]:
        """Return the version of the schema, if this release can work with it and write. Raises as ``check_schema``."""
        return check_schema(self._db)

    def charge(self, charges: Sequence[Charge], now: int) -> Awaitable[int]:
        return self._db.run(lambda: _charge(charges, now))

    def forget(self, keys: Sequence[str]) -> Awaitable[None]:
        return self._db.run(lambda: _forget(keys))

    def purge(self, now: int, limit: int) -> Awaitable[int]:
        return self._db.run(lambda: _purge(now, limit))


def _charge(charges: Sequence[Charge], now: int) -> Operation[int]:
    # What was charged before a refusal stays charged (decision 30): the transaction is committed, not undone.
    for charge in charges:
        granted = yield from _granted(charge, now)
        wait = 0 if granted else (yield from _wait(charge, now))
        if wait:
            return wait
    return 0


def _granted(charge: Charge, now: int) -> Operation[bool]:
    """Count a charge if the limit grants it; return whether it was counted.

    A cost of 0 asks without counting, and a cost above the burst is never granted: neither needs the statement.
    """
    price = charge.limit.interval * charge.cost  # the ms that the charge takes to refill
    if not 0 < price <= charge.limit.span:
        return False
    row = (charge.key, now + price, now, now, price, now + charge.limit.span - price)
    return bool((yield _GRANT, row))


def _wait(charge: Charge, now: int) -> Operation[int]:
    """Return the ms until a charge that was not counted would be granted; 0 if its cost is 0 and the limit has room."""
    rows = yield _READ, (charge.key,)
    stored = rows[0][0] if rows else None
    full_at, wait = charge.limit.charge(stored, charge.cost, now)
    if stored is not None and full_at < stored:
        yield _LOWER, (full_at, charge.key, full_at)
    # At least 1 where something was to be counted: 0 would mean "granted", and the statement has refused it, even if
    # another process has made room between the two statements.
    return max(wait, 1) if charge.cost else wait


def _forget(keys: Sequence[str]) -> Operation[None]:
    for key in keys:
        yield _FORGET, (key,)


def _purge(now: int, limit: int) -> Operation[int]:
    return len((yield Later(_PURGE, now, now, limit)))
