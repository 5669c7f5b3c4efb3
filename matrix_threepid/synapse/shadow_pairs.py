"""The sessions of the shadow, each paired with the one of Synapse that the same request opened; in the database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from attrs import asdict, fields, frozen

from ..model.session import Session
from ..model.threepid import Medium, Purpose, Threepid
from ..stores.sql import Database, Operation

_WEEK = 7 * 86_400_000
_KEEP = (
    "INSERT INTO matrix_threepid_shadow_pairs (sid, session, paired_at) VALUES (?, ?, ?) "
    "ON CONFLICT (sid) DO UPDATE SET session = excluded.session, paired_at = excluded.paired_at"
)
_FIND = "SELECT session FROM matrix_threepid_shadow_pairs WHERE sid = ?"
_PURGE = (
    "DELETE FROM matrix_threepid_shadow_pairs WHERE sid IN "
    "(SELECT sid FROM matrix_threepid_shadow_pairs WHERE paired_at < ? ORDER BY paired_at LIMIT ?) RETURNING sid"
)
_NAMES = frozenset(each.name for each in fields(Session))


@frozen
class ShadowPairs:
    """Sessions of the module by the session id of Synapse's; all processes share them, and a restart loses none.

    * ``db``: Synapse's database.

    They are in a table of their own, since nothing may send, count or confirm what only a shadow has opened.
    """

    _db: Database

    async def keep(self, sid: str, session: Session, now: int) -> None:
        """Store a pair; ``sid``: of Synapse's session."""
        await self._db.run(partial(_kept, sid, _written(session), now))

    async def find(self, sid: str) -> Session | None:
        """Return the session of the module as it was opened; ``None`` for a session of Synapse's without a pair."""
        found = await self._db.run(partial(_found, sid))
        return None if found is None else _read(found)

    async def purge(self, now: int, limit: int) -> int:
        """Delete the oldest pairs that are older than seven days; return how many, at most ``limit``."""
        return await self._db.run(partial(_purged, now - _WEEK, limit))


def _written(session: Session) -> str:
    return json.dumps(asdict(session))  # enumerations of strings are written as strings


def _read(text: str) -> Session | None:
    """Return a session that this release can read; ``None`` for one of a release with other fields."""
    values: Mapping[str, Any] = {name: value for name, value in json.loads(text).items() if name in _NAMES}
    try:
        threepid = Threepid(Medium(values["threepid"]["medium"]), values["threepid"]["address"])
        return Session(**{**values, "purpose": Purpose(values["purpose"]), "threepid": threepid})
    except (KeyError, TypeError, ValueError):
        return None


def _kept(sid: str, session: str, now: int) -> Operation[None]:
    yield _KEEP, (sid, session, now)


def _found(sid: str) -> Operation[str | None]:
    rows = yield _FIND, (sid,)
    return str(rows[0][0]) if rows else None


def _purged(before: int, limit: int) -> Operation[int]:
    return len((yield _PURGE, (before, limit)))
