"""The endpoints, as tables: what a role offers is what its table lists."""

from collections.abc import Iterable, Iterator
from functools import partial

from attrs import evolve

from ..model.threepid import Medium
from ..protocol.endpoint import Access, Endpoint, Table
from ..protocol.history import IdentityHistory
from ..roles.base import Role
from ..roles.homeserver import Homeserver
from ..roles.identity_server import Delegate, IdentityServer
from .homeserver import add_threepid, bind_threepid, delete_threepid, list_threepids, request_token, submit_token
from .identity import bind_unbind, status, validate

HOMESERVER = Table(
    Homeserver.prefix,
    tuple(
        declared
        for module in (request_token, submit_token, list_threepids, add_threepid, delete_threepid, bind_threepid)
        for declared in module.ENDPOINTS
    ),
)
"""Everything a homeserver offers to its clients."""

_V1 = IdentityHistory(v1="r0.1.0", deprecated="v1.1")
_V2 = IdentityHistory(v2="r0.3.0")


def _validation(history: IdentityHistory, access: Access) -> Iterator[Endpoint]:
    for medium in Medium:
        yield from validate.declare(medium, history, access)
    yield validate.declare_validated(history, access)


def _pages(history: IdentityHistory) -> Iterator[Endpoint]:
    return (evolve(declared, history=history) for declared in submit_token.ENDPOINTS)


def _first_version(declarations: Iterable[Endpoint]) -> Iterator[Endpoint]:
    """Return endpoints as version 1 has them: loose about where members come from, and off where it is not served."""
    for declared in declarations:
        offered = partial(_offered_in_v1, declared)
        yield evolve(declared, name=f"{declared.name}_v1", loose=True, offered=offered)


def _offered_in_v1(declared: Endpoint, role: Role) -> str | None:
    return declared.offered(role) or (None if getattr(role, "serve_v1", True) else "serve_v1 is off")


DELEGATE = Table(Delegate.prefix, (*_first_version(_validation(_V1, Access.ANYONE)), *_pages(_V1)))
"""What Synapse asks of a delegate that validates addresses for it."""

IDENTITY_SERVER = Table(
    IdentityServer.prefix,
    (
        *status.ENDPOINTS,
        *_validation(_V2, Access.USER),
        *bind_unbind.declare(_V2, Access.USER),
        *_pages(_V2),
        *_first_version(_validation(_V1, Access.ANYONE)),
        *_first_version(bind_unbind.declare(_V1, Access.ANYONE)),
    ),
)
"""What an identity server offers: version 2 with tokens, version 1 without."""
