"""``SqlAssociations``: the ``AssociationStore`` of identity servers with a database."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping, Sequence

from ...model.association import Association
from ...model.lookup import KEPT, LookupPepper, hashed
from ...model.threepid import Medium, Threepid
from ._columns import SqlTable
from ._store import SqlStore
from .operation import Alone, Operation

# ruff: noqa: S608  statements are made of constants of this module; values go in as parameters
# The primary key is (address, medium); the key of the table's own statements is not used here, as nothing is replaced.
TABLE = SqlTable("matrix_threepid_associations", Association, "address")
_OF_ADDRESS = "address = ? AND medium = ?"
# A pepper's hashes are in the column of its parity: those of a new one replace those of the one before the current.
_HASHES = ("hash_0", "hash_1")
_WRITTEN = ("mxid", "ts", *_HASHES, "hashed")
_PUT = (
    f"INSERT INTO matrix_threepid_associations (address, medium, {', '.join(_WRITTEN)}) VALUES (?, ?, ?, ?, ?, ?, ?) "
    f"ON CONFLICT (address, medium) DO UPDATE SET {', '.join(f'{each} = excluded.{each}' for each in _WRITTEN)}"
)
_REMOVE = f"DELETE FROM matrix_threepid_associations WHERE {_OF_ADDRESS} AND mxid = ? RETURNING mxid"
_PEPPERS = (
    "SELECT number, pepper, since, ready FROM matrix_threepid_lookup_peppers WHERE number > 0 ORDER BY number DESC"
)
_ADD_PEPPER = (
    "INSERT INTO matrix_threepid_lookup_peppers (number, pepper, since, ready) VALUES (?, ?, ?, 0) "
    "ON CONFLICT (number) DO NOTHING RETURNING number"
)
_DROP_PEPPERS = "DELETE FROM matrix_threepid_lookup_peppers WHERE number <= ?"
_READY = "UPDATE matrix_threepid_lookup_peppers SET ready = 1 WHERE number = ?"
_TO_HASH = "SELECT address, medium FROM matrix_threepid_associations WHERE hashed < ? ORDER BY hashed LIMIT ?"
_FIRST, _NEXT = "(CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT))", "(?, ?, ?)"
_HASH = {
    column: "WITH asked (address, medium, hash) AS (VALUES {}) UPDATE matrix_threepid_associations AS held "
    f"SET {column} = asked.hash, hashed = ? FROM asked "
    "WHERE held.address = asked.address AND held.medium = asked.medium AND held.hashed < ?"
    for column in _HASHES
}
_LOOK_UP = {column: f"SELECT {column}, mxid FROM matrix_threepid_associations WHERE {column} IN " for column in _HASHES}
_SIZES = (1, 10, 100, 1000)
"""The numbers of hashes in one statement: few, so that databases need to plan few statements."""


class SqlAssociations(SqlStore):
    """An ``AssociationStore`` in the tables ``matrix_threepid_associations`` and ``matrix_threepid_lookup_peppers``.

    * ``db``: a database whose schema ``migrate`` has brought up to date.
    """

    def put(self, association: Association) -> Awaitable[None]:
        return self._db.run(lambda: _put(association))

    def get(self, threepid: Threepid) -> Awaitable[Association | None]:
        return self._db.run(lambda: TABLE.one(_OF_ADDRESS, *_key(threepid)))

    def get_many(self, threepids: Sequence[Threepid]) -> Awaitable[Sequence[Association]]:
        return self._db.run(lambda: _get_many(threepids))

    def remove(self, threepid: Threepid, mxid: str) -> Awaitable[bool]:
        return self._db.run(lambda: _remove(threepid, mxid))

    def peppers(self) -> Awaitable[Sequence[LookupPepper]]:
        return self._db.run(peppers_of)

    def add_pepper(self, pepper: LookupPepper) -> Awaitable[bool]:
        return self._db.run(lambda: _add_pepper(pepper))

    def rehash(self, limit: int) -> Awaitable[int]:
        return self._db.run(lambda: _rehash(limit))

    def look_up(self, number: int, hashes: Sequence[str]) -> Awaitable[Mapping[str, str]]:
        return self._db.run(lambda: _look_up(number, hashes))

    def dump(self) -> list[Association]:
        """Return all associations, for tests and tools; ``run_sync`` has to be able to drive the database."""
        return TABLE.dump(self._db)


def _key(threepid: Threepid) -> tuple[str, str]:
    return threepid.address, threepid.medium.value


def _put(association: Association) -> Operation[None]:
    # In the same transaction as the row; what another process adds meanwhile, ``rehash`` makes good.
    peppers = yield from peppers_of()
    threepid, by_column = association.threepid, dict.fromkeys(_HASHES, "")
    for each in peppers:
        by_column[column_of(each.number)] = hashed(threepid, each.text)
    newest = peppers[0].number if peppers else 0
    yield _PUT, (*_key(threepid), association.mxid, association.ts, *by_column.values(), newest)


def _get_many(threepids: Sequence[Threepid]) -> Operation[Sequence[Association]]:
    found: list[Association] = []
    for medium in Medium:
        addresses = [each.address for each in threepids if each.medium is medium]
        for part, marks in _parts(addresses):
            found += yield from TABLE.many(f"medium = ? AND address IN ({marks})", medium.value, *part)
    return found


def _remove(threepid: Threepid, mxid: str) -> Operation[bool]:
    return bool((yield Alone(_REMOVE, *_key(threepid), mxid)))


def peppers_of() -> Operation[Sequence[LookupPepper]]:
    """Return the peppers in force, the newest first."""
    rows = yield Alone(_PEPPERS)
    return [LookupPepper(number, text, since, bool(ready)) for number, text, since, ready in rows][:KEPT]


def _add_pepper(pepper: LookupPepper) -> Operation[bool]:
    known = yield from peppers_of()
    if known and not known[0].ready:
        return False
    if pepper.number != (known[0].number if known else 0) + 1:
        return False
    added = bool((yield _ADD_PEPPER, (pepper.number, pepper.text, pepper.since)))
    yield _DROP_PEPPERS, (pepper.number - KEPT,)
    return added


def _rehash(limit: int) -> Operation[int]:
    peppers = yield from peppers_of()
    if not peppers:
        return 0
    newest = peppers[0]
    rows = yield _TO_HASH, (newest.number, limit)
    if rows:
        values = ", ".join([_FIRST, *[_NEXT] * (len(rows) - 1)])
        parameters: list[object] = []
        for address, medium in rows:
            parameters += [address, medium, hashed(Threepid(Medium(medium), address), newest.text)]
        yield _HASH[column_of(newest.number)].format(values), (*parameters, newest.number, newest.number)
    if len(rows) < limit and not newest.ready:
        yield _READY, (newest.number,)
    return len(rows)


def _look_up(number: int, hashes: Sequence[str]) -> Operation[Mapping[str, str]]:
    column = column_of(number)
    found: dict[str, str] = {}
    # A row without a hash for this pepper has an empty text.
    for part, marks in _parts([each for each in hashes if each]):
        rows = yield Alone(f"{_LOOK_UP[column]}({marks})", *part)
        found.update(dict(rows))
    return found


def _parts(values: Sequence[str]) -> Iterator[tuple[Sequence[str], str]]:
    """Yield values in parts of a few sizes, the last one filled up with its last value, and the marks for each."""
    most = _SIZES[-1]
    for at in range(0, len(values), most):
        part = list(values[at : at + most])
        size = next(size for size in _SIZES if size >= len(part))
        yield part + part[-1:] * (size - len(part)), ", ".join("?" * size)


def column_of(number: int) -> str:
    """Return the column of the hashes under the pepper with this number."""
    return _HASHES[number % KEPT]
