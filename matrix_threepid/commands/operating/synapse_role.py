"""The module for Synapse as its ``homeserver.yaml`` and its database describe it, for looking only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlencode

from attrs import evolve, frozen

from ...model.threepid import AccountThreepid, AddOutcome, Medium, Owner, Threepid
from ...ports import Caller, Listener
from ...protocol.errors import ConfigurationError, Unavailable
from ...protocol.wire import Request
from ...roles.homeserver import Homeserver
from ...settings import stored_peppers
from ...stores import SqlBindings, SqlLimits, SqlMessages, SqlReversals, SqlSessions, SqlSuppressions
from ...stores.sql import Database
from ...stores.url import SQLITE
from ...synapse import tables
from ...synapse.host import spellings
from ..files.configured import Configured
from ..files.synapse_file import module_of, of_synapse


def database_of(given: Mapping[str, Any]) -> str:
    """Return the URL of Synapse's database. Raises ``ConfigurationError``."""
    section = given.get("database")
    found = section if isinstance(section, Mapping) else {}
    args = found.get("args")
    values = {name: value for name, value in (args if isinstance(args, Mapping) else {}).items() if value is not None}
    if found.get("name") == "sqlite3" and isinstance(values.get("database"), str):
        return f"{SQLITE}{values['database']}"
    if found.get("name") != "psycopg2":
        raise ConfigurationError("database: must be one of sqlite3 and psycopg2, with args, in this file")
    values["dbname"] = values.pop("database", values.get("dbname", ""))
    # Synapse gives these to its pool, and the others to libpq.
    libpq = {name: str(value) for name, value in values.items() if not name.startswith("cp_")}
    return f"postgresql://?{urlencode(libpq)}"


def secret_of(given: Mapping[str, Any]) -> Path:
    """Return the file of the module's secret. Raises ``ConfigurationError``."""
    return Path(module_of(given)[0].secret_file)


def role_of(given: Mapping[str, Any], db: Database, listener: Listener) -> Homeserver:
    """Return the module's homeserver over its tables and Synapse's; nothing can be changed by it.

    Raises ``ConfigurationError``.
    """
    settings, around = module_of(given)
    described: Configured = of_synapse(given)
    policy = described.role.policy
    return Homeserver(
        server_name=around.server_name,
        peppers=stored_peppers(Path(settings.secret_file)),
        policy=evolve(policy, lifetimes=evolve(policy.lifetimes, claim=policy.lifetimes.validated)),
        senders=described.role.senders,
        sessions=SqlSessions(db),
        limiter=SqlLimits(db),
        bindings=SqlBindings(db),
        reversals=SqlReversals(db),
        messages=None if settings.delivery is None else SqlMessages(db),
        suppressions=None if settings.delivery is None else SqlSuppressions(db),
        accounts=Rows(db),
        callers=Nobody(),
        uia=Nobody(),
        listener=listener,
    )


@frozen
class Rows:
    """``Accounts`` that reads Synapse's table."""

    _db: Database

    async def owner(self, threepid: Threepid) -> Owner | None:
        found = await self._db.run(partial(tables.owner, threepid.medium.value, spellings(threepid)))
        return None if found is None else Owner(found)

    async def list(self, user_id: str) -> Sequence[AccountThreepid]:
        rows = await self._db.run(partial(tables.listed, user_id))
        return [
            AccountThreepid(medium=Medium(medium), address=address, validated_at=validated_at, added_at=added_at)
            for medium, address, validated_at, added_at in rows
            if medium in set(Medium)
        ]

    async def add(self, user_id: str, threepid: AccountThreepid) -> AddOutcome:
        _only_looks()

    async def remove(self, user_id: str, threepid: Threepid) -> bool:
        _only_looks()


class Nobody:
    """``Callers`` and ``Uia`` for nobody."""

    async def identify(self, request: Request) -> Caller | None:
        return None

    async def require(self, request: Request, caller: Caller, body: Mapping[str, object], action: str) -> None:
        _only_looks()


def _only_looks() -> NoReturn:
    raise Unavailable("Only Synapse itself changes its accounts: use administration_path")
