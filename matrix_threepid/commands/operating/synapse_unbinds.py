"""The unbinds that the module for Synapse has left behind, sent from a command in place of a running Synapse."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from secrets import token_bytes
from typing import Any

from attrs import evolve

from ...flows.binding_access import LEASE
from ...flows.unbind_retry import send_leased
from ...identity.client import HttpIdentityClient
from ...identity.signed_requests import RequestSigner
from ...identity.signing import SigningKey, read_signing_key
from ...memory.limits import MemoryLimits
from ...memory.sessions import MemorySessions
from ...model.keys import MIN_BYTES, Peppers
from ...ports import system_clock
from ...protocol.errors import ConfigurationError
from ...roles.homeserver import Homeserver
from ...settings import IdentityServerSettings
from ...stores.sql import Database, Operation
from ...synapse.bindings import SharedBindings
from ..files.synapse_file import unbinding_of
from .synapse_role import Nobody, Rows

_LEFT = (
    "SELECT id FROM matrix_threepid_bindings "
    "WHERE unwanted_since IS NOT NULL AND medium IS NOT NULL ORDER BY id_server, user_id"
)


def unbinding_role(given: Mapping[str, Any], db: Database, folder: Path) -> Homeserver:
    """Return the homeserver that unbinds, whether or not the module is still in Synapse's file.

    * ``given``: what ``homeserver.yaml`` holds.
    * ``db``: Synapse's database.
    * ``folder``: where that file is.

    Without the module's section its defaults count, and those of Synapse's own settings that it follows. Raises
    ``ConfigurationError``.
    """
    settings, around = unbinding_of(given)
    policy = settings.library_policy(around.base_url)
    servers = settings.identity_servers or IdentityServerSettings()
    signer = RequestSigner(around.server_name, _signing_key(given, folder, around.server_name))
    return Homeserver(
        server_name=around.server_name,
        peppers=Peppers.of(token_bytes(MIN_BYTES)),
        policy=evolve(policy, identity_server_refusal="queue"),
        senders={},
        sessions=MemorySessions(),
        limiter=MemoryLimits(),
        bindings=SharedBindings(db, system_clock),
        accounts=Rows(db),
        callers=Nobody(),
        uia=Nobody(),
        identity=HttpIdentityClient(servers.fetch(allowed=policy.identity_servers), signer),
    )


async def finish_unbinds(hs: Homeserver, db: Database) -> int:
    """Send each unbind that is not confirmed once; return how many are confirmed now.

    These are those that are due, those that wait for their next time, and those that were given up.

    * ``hs``: the homeserver whose bindings are in ``db``.
    * ``db``: Synapse's database.

    An unbind that Synapse is sending at this moment may be sent twice, which changes nothing.
    """
    confirmed = 0
    for binding_id in await db.run(_left):
        row = await hs.bindings.get(binding_id)
        if row is None or row.unwanted_since is None:
            continue  # confirmed or wanted again meanwhile
        leased = row.lease(hs.clock() + LEASE * hs.policy.identity_deadline)
        confirmed += await hs.bindings.replace(leased) and await send_leased(hs, leased)
    return confirmed


def _left() -> Operation[list[str]]:
    return [binding_id for (binding_id,) in (yield _LEFT, ())]


def _signing_key(given: Mapping[str, Any], folder: Path, server_name: str) -> SigningKey:
    """Return the key where Synapse looks for it. Raises ``ConfigurationError``."""
    if isinstance(inline := given.get("signing_key"), str):
        return read_signing_key(inline)
    file = folder / str(given.get("signing_key_path") or f"{server_name}.signing.key")
    try:
        return read_signing_key(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"signing_key_path: {file.name} cannot be read by the user who runs this") from None
