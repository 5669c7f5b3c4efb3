"""``SqlLimits``: the ``RateLimiter`` whose counts all processes on one database share."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from ...ports import Charge
from ._columns import purging
from .operation import Database, Operation

# One statement decides and counts; it returns a row exactly if the take is granted.
_GRANT = (
    "INSERT INTO threepid_limits AS held (name, full_at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE "
    "SET full_at = CASE WHEN held.full_at > ? THEN held.full_at ELSE ? END + ? WHERE held.full_at <= ? RETURNING name"
)
_READ = "SELECT full_at FROM threepid_limits WHERE name = ?"
_LOWER = "UPDATE threepid_limits SET full_at = ? WHERE name = ? AND full_at > ?"
_FORGET = "DELETE FROM threepid_limits WHERE name = ?"
_PURGE = purging("threepid_limits", "name", "full_at <= ?", "full_at", "full_at + 0 <= ?")


class SqlLimits:
    """A ``RateLimiter`` in the table ``threepid_limits``: one row a key, one number a row."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @property
    def database(self) -> Database:
        """The database it was given."""
        return self._db

    def charge(self, charges: Sequence[Charge], now: int) -> Awaitable[int]:
        return self._db.run(lambda: _charge(charges, now))

    def forget(self, keys: Sequence[str]) -> Awaitable[None]:
        return self._db.run(lambda: _forget(keys))

    def purge(self, now: int, limit: int) -> Awaitable[int]:
        return self._db.run(lambda: _purge(now, limit))


def _charge(charges: Sequence[Charge], now: int) -> Operation[int]:
    for wanted in charges:
        granted = yield from _granted(wanted, now)
        wait = 0 if granted else (yield from _wait(wanted, now))
        if wait:
            return wait
    return 0


def _granted(wanted: Charge, now: int) -> Operation[bool]:
    """Count a take if there is room for it. What only asks, or never fits, counts nothing."""
    price = wanted.limit.interval * wanted.cost
    if not 0 < price <= wanted.limit.span:
        return False
    row = (wanted.key, now + price, now, now, price, now + wanted.limit.span - price)
    return bool((yield _GRANT, row))


def _wait(wanted: Charge, now: int) -> Operation[int]:
    """Return the ms until a take that was not counted would be granted; 0 for one that only asks and may."""
    rows = yield _READ, (wanted.key,)
    held = rows[0][0] if rows else None
    full_at, wait = wanted.limit.charge(held, wanted.cost, now)
    if held is not None and full_at < held:
        yield _LOWER, (full_at, wanted.key, full_at)
    return max(wait, 1) if wanted.cost else wait  # refused it was, even if there is room by now


def _forget(keys: Sequence[str]) -> Operation[None]:
    for key in keys:
        yield _FORGET, (key,)


def _purge(now: int, limit: int) -> Operation[int]:
    return len((yield _PURGE, (now, now, limit)))
