"""The roles that a configuration file or a host's wiring describes, with open stores, for one command."""

from __future__ import annotations

import argparse
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from ...logs import LogListener
from ...observing import Listeners, SqlAudit
from ...ports._checked import given as port_given
from ...protocol.errors import ConfigurationError
from ...roles.base import Role
from ...settings import read_file, stored_peppers
from ...settings.documents import FORMATS
from ...stores.sql import check_schema
from ...stores.url import open_database, sqlite_file
from ..checking.loading import loaded
from ..files.config_file import synapse_document
from ..serving.parts import Parts, Stores, opened_stores
from ..serving.settings import DelegateSettings, IdentityServerRoleSettings, ServeSettings
from .synapse_role import database_of, role_of, secret_of


@frozen
class Operated:
    """One role.

    * ``name``: its class.
    * ``role``: the role.
    * ``audit``: its audit, which hears the events; ``None`` if the host's wiring has none.
    * ``acts``: whether it can do more than look; ``False`` for Synapse, whose accounts only Synapse changes.
    """

    name: str
    role: Role
    audit: SqlAudit | None
    acts: bool = True

    async def close(self) -> None:
        """Write what the audit has heard. Raises ``Unavailable``."""
        while self.audit is not None and await self.audit.write():
            pass


_SID = re.compile(r"-[0-9A-Za-z_.-]{19,254}")
"""A ``sid`` that begins like an option; options are shorter."""


def sids_last(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with each ``sid`` that begins with ``-`` behind ``--``, so that it is not read as an option.

    >>> sids_last(["-0123456789abcdefghijk", "--json"])
    ['--json', '--', '-0123456789abcdefghijk']
    """
    sids = [each for each in arguments if _SID.fullmatch(each)]
    return [*(each for each in arguments if each not in sids), *(["--", *sids] if sids else [])]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which host is meant."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--config", type=Path, metavar="FILE", help=f"the file of `serve` ({FORMATS}), or Synapse's")
    host = "a Homeserver, Delegate, IdentityServer or Service, or a callable that returns one"
    which.add_argument("--host", metavar="MODULE:NAME", help=host)


@asynccontextmanager
async def operated(given: argparse.Namespace) -> AsyncIterator[list[Operated]]:
    """Open the stores and return the roles; nothing is migrated or made. Raises ``ConfigurationError``."""
    if given.host is not None:
        role = loaded(given.host).role
        one = Operated(type(role).__name__, role, _audit_of(role))
        yield [one]
        await one.close()
        return
    synapse = synapse_document(given.config)
    if synapse is not None:
        async with _synapse(synapse) as one:
            yield [one]
        return
    settings = _settings(given.config)
    parts = Parts.of(settings)
    async with AsyncExitStack() as stack:
        found = []
        for each in (settings.delegate, settings.identity_server):
            if each is not None:
                stores = await stack.enter_async_context(opened_stores(each))
                await check_schema(stores.db)
                found.append(_of(parts, each, stores))
        yield found
        for one in found:
            await one.close()


@asynccontextmanager
async def _synapse(given: Mapping[str, Any]) -> AsyncIterator[Operated]:
    url, secret = database_of(given), secret_of(given)
    _check_files([secret, *filter(None, (sqlite_file(url),))])
    async with open_database(url) as db:
        await check_schema(db)
        audit = SqlAudit(db, stored_peppers(secret))
        role = role_of(given, db, Listeners(LogListener(), audit))
        one = Operated("Homeserver", role, audit, acts=False)
        yield one
        await one.close()


def _check_files(files: Sequence[Path]) -> None:
    for each in files:
        if not each.exists():
            raise ConfigurationError(f"{each.name}: there is no such file; it is made when the server starts first")


def _settings(file: Path) -> ServeSettings:
    """Return the settings of a program that has served before. Raises ``ConfigurationError``."""
    settings = read_file(ServeSettings, file)
    files = [Path(settings.secret_file)]
    roles = [each for each in (settings.delegate, settings.identity_server) if each is not None]
    files += [Path(name) for each in roles if (name := sqlite_file(each.database)) is not None]
    _check_files(files)
    return settings


def _of(parts: Parts, settings: DelegateSettings | IdentityServerRoleSettings, stores: Stores) -> Operated:
    def wired(listener: Listeners) -> Role:
        if isinstance(settings, DelegateSettings):
            return parts.delegate(stores, listener).role
        return parts.identity_server(settings, stores, listener).role

    audit = SqlAudit(stores.db, wired(Listeners()).peppers)
    role = wired(Listeners(LogListener(), audit))
    return Operated(type(role).__name__, role, audit)


def _audit_of(role: Role) -> SqlAudit | None:
    """Return the audit among the listeners of a host."""
    heard = port_given(role.listener)
    parts = heard.listeners if isinstance(heard, Listeners) else (heard,)
    return next((each for each in parts if isinstance(each, SqlAudit)), None)
