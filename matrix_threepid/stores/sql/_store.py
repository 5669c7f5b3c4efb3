"""What the stores in SQL have in common: their database, and the check of its schema."""

from __future__ import annotations

from collections.abc import Awaitable

from .operation import Database, checked_database
from .schema import check_schema


class SqlStore:
    """The base of the stores in a database.

    * ``db``: a database whose schema ``migrate`` has brought up to date.

    Raises ``ConfigurationError`` for anything that is no ``Database``.
    """

    def __init__(self, db: Database) -> None:
        self._db = checked_database(db)

    @property
    def database(self) -> Database:
        """The database of the constructor."""
        return self._db

    def check(self) -> Awaitable[int]:
        """Return the version of the schema, if this release can work with it and write. Raises as ``check_schema``."""
        return check_schema(self._db)
