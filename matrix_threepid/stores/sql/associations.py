"""``SqlAssociations``: the ``AssociationStore`` of identity servers with a database."""

from __future__ import annotations

from collections.abc import Awaitable

from ...model.association import Association
from ...model.threepid import Threepid
from ._columns import SqlTable
from .operation import Alone, Database, Operation
from .schema import check_schema

# The primary key is (address, medium); the key of the table's own statements is not used here, as nothing is replaced.
TABLE = SqlTable("matrix_threepid_associations", Association, "address")
_OF_ADDRESS = "address = ? AND medium = ?"
_PUT = f"{TABLE.insert} ON CONFLICT (address, medium) DO UPDATE SET mxid = excluded.mxid, ts = excluded.ts"
_REMOVE = f"DELETE FROM matrix_threepid_associations WHERE {_OF_ADDRESS} AND mxid = ? RETURNING mxid"  # noqa: S608  constants


class SqlAssociations:
    """An ``AssociationStore`` in the table ``matrix_threepid_associations``.

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

    def put(self, association: Association) -> Awaitable[None]:
        return self._db.run(lambda: _put(association))

    def get(self, threepid: Threepid) -> Awaitable[Association | None]:
        return self._db.run(lambda: TABLE.one(_OF_ADDRESS, *_key(threepid)))

    def remove(self, threepid: Threepid, mxid: str) -> Awaitable[bool]:
        return self._db.run(lambda: _remove(threepid, mxid))

    def dump(self) -> list[Association]:
        """Return all associations, for tests and tools; ``run_sync`` has to be able to drive the database."""
        return TABLE.dump(self._db)


def _key(threepid: Threepid) -> tuple[str, str]:
    return threepid.address, threepid.medium.value


def _put(association: Association) -> Operation[None]:
    yield Alone(_PUT, *TABLE.row(association))


def _remove(threepid: Threepid, mxid: str) -> Operation[bool]:
    return bool((yield Alone(_REMOVE, *_key(threepid), mxid)))
