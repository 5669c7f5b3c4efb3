"""The endpoints, as tables: what a role offers is what its table lists."""

from collections.abc import Iterable, Iterator
from functools import partial

from attrs import evolve

from ..homeserver import Homeserver
from ..identity_server import Delegate, IdentityServer
from ..model.threepid import Medium
from ..protocol.endpoint import Access, Endpoint, Table
from ..protocol.history import IdentityHistory
from ..role import Role
from . import adding, associations, binding, listing, removing, request_token, submit, validate

HOMESERVER = Table(
    Homeserver.prefix,
    tuple(
        declared
        for module in (request_token, submit, listing, adding, removing, binding)
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
    return (evolve(declared, history=history) for declared in submit.ENDPOINTS)


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
        *_validation(_V2, Access.USER),
        *associations.declare(_V2, Access.USER),
        *_pages(_V2),
        *_first_version(_validation(_V1, Access.ANYONE)),
        *_first_version(associations.declare(_V1, Access.ANYONE)),
    ),
)
"""What an identity server offers: version 2 with tokens, version 1 without."""
