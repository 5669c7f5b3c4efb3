"""How a session lies in its row: one column a field, the threepid in two, enums by value, truth as 0 and 1."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

import attrs

from ...model.session import Session
from ...model.threepid import Medium, Purpose, Threepid
from .operation import Row


def _columns() -> Iterable[str]:
    for field in attrs.fields(Session):
        yield from ("medium", "address") if field.name == "threepid" else (field.name,)


COLUMNS = tuple(_columns())
_PLAIN = tuple(name for name in COLUMNS if name not in ("medium", "address"))
_READ: dict[str, Callable[[Any], object]] = {"purpose": Purpose, "ended": bool, "decoy": bool}


def row_of(session: Session) -> list[Any]:
    """Return the values of ``COLUMNS``."""
    values = {name: getattr(session, name) for name in _PLAIN}
    values["medium"], values["address"] = session.threepid.medium, session.threepid.address
    return [_stored(values[name]) for name in COLUMNS]


def session_of(row: Row) -> Session:
    """Return the session whose ``COLUMNS`` these are."""
    values = dict(zip(COLUMNS, row, strict=True))
    threepid = Threepid(Medium(values.pop("medium")), values.pop("address"))
    for name, read in _READ.items():
        values[name] = read(values[name])
    return Session(threepid=threepid, **values)


def _stored(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return int(value) if isinstance(value, bool) else value
