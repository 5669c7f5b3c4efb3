"""What the drivers of PostgreSQL have in common: the markers of parameters and the meaning of error codes."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import count

from ...protocol.errors import Unavailable
from .operation import Again

_BEGIN_AGAIN = ("40001", "40P01")  # serialization failure, deadlock
_CLASSES_THAT_PASS = ("08", "53", "55", "57")  # connection, resources, locks, operator


def raised_for(sqlstate: str | None) -> type[Exception] | None:
    """Return what to raise for an error code (none: the connection was lost); ``None`` for a bug."""
    if sqlstate in _BEGIN_AGAIN:
        return Again
    return Unavailable if sqlstate is None or sqlstate.startswith(_CLASSES_THAT_PASS) else None


@lru_cache(1024)
def with_percent(sql: str) -> str:
    """Return a statement with its parameters marked ``%s``."""
    return sql.replace("?", "%s")


@lru_cache(1024)
def with_numbers(sql: str) -> str:
    """Return a statement with its parameters numbered from ``$1``."""
    numbers = count(1)
    return re.sub(r"\?", lambda _: f"${next(numbers)}", sql)
