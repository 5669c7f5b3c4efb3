"""Takes back what users still have who were deactivated while the module was not there."""

from __future__ import annotations

from functools import partial

from ..deactivate import deactivate_threepids
from ..housekeeping import Job
from ..roles.homeserver import Homeserver
from ..stores.sql import Database, Operation

_DAY = 86_400_000
_AT_ONCE = 100
_LEFT = (
    "SELECT b.user_id FROM matrix_threepid_bindings b JOIN users u ON u.name = b.user_id "
    "WHERE u.deactivated = 1 AND b.unwanted_since IS NULL AND b.user_id > ? "
    "UNION SELECT t.user_id FROM user_threepids t JOIN users u ON u.name = t.user_id "
    "WHERE u.deactivated = 1 AND t.user_id > ? ORDER BY 1 LIMIT ?"
)


def sweep(homeserver: Homeserver, db: Database) -> Job:
    """Return the job that unbinds and removes identifiers of deactivated users, when Synapse starts and every day.

    * ``homeserver``: the role that serves Synapse's users.
    * ``db``: Synapse's database.

    Unbinds that are in the queue, or were given up, are left as they are.
    """
    return Job(name="deactivated_users", every=_DAY, work=partial(_swept, homeserver, db), clock=homeserver.clock)


async def _swept(homeserver: Homeserver, db: Database) -> int:
    swept, last = 0, ""
    while users := await db.run(partial(_left, last)):
        for last in users:
            await deactivate_threepids(homeserver, last)
        swept += len(users)
    return swept


def _left(last: str) -> Operation[list[str]]:
    """Return the next users after ``last`` who are deactivated, and have identifiers or bindings that are wanted."""
    return [str(user_id) for (user_id,) in (yield _LEFT, (last, last, _AT_ONCE))]
