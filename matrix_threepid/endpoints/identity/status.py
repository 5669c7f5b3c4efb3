"""What clients ask first: whether an identity server is there, and which releases of the API it speaks.

See https://spec.matrix.org/latest/identity-service-api/#status-check and #api-version-check.
"""

from __future__ import annotations

from attrs import frozen

from ...model.call import Call
from ...protocol.endpoint import Endpoint, endpoint
from ...protocol.history import RELEASES, History
from ...roles.identity_server import IdentityServer

_NO_PREFIX = History(unstable=False, bare=True)


@frozen
class Alive:
    """The server is there: ``{}``."""


@frozen
class Versions:
    """The releases of the specification whose identity API is served."""

    versions: tuple[str, ...]


def _first_version_off(role: IdentityServer) -> str | None:
    return None if role.serve_v1 else "serve_v1 is off"


@endpoint("GET", "/v2", _NO_PREFIX, reply=Alive)
async def status(role: IdentityServer, call: Call, message: None) -> Alive:
    """Tell that version 2 is served; clients take no server that does not answer this."""
    return Alive()


@endpoint("GET", "/api/v1", _NO_PREFIX, reply=Alive, offered=_first_version_off)
async def status_v1(role: IdentityServer, call: Call, message: None) -> Alive:
    """Tell that version 1 is served."""
    return Alive()


@endpoint("GET", "/versions", _NO_PREFIX, reply=Versions)
async def versions(role: IdentityServer, call: Call, message: None) -> Versions:
    """List the releases of the specification whose identity API is served."""
    return Versions(_SERVED)


_SERVED = tuple(release for release in ("r0.3.0", *(f"v1.{minor}" for minor in range(1, 19))) if release in RELEASES)
ENDPOINTS: tuple[Endpoint, ...] = (status, status_v1, versions)
