"""The tables of endpoints, one for each role (decision 1)."""

from collections.abc import Iterable, Iterator
from functools import partial

from attrs import evolve

from ..model.threepid import Medium
from ..protocol.endpoint import Access, Endpoint, Table
from ..protocol.errors import NotYours, TermsNotSigned
from ..protocol.history import IdentityHistory
from ..roles.base import Role
from ..roles.homeserver import Homeserver
from ..roles.identity_server import Delegate, IdentityServer
from .federation import exchange_invite, on_bind
from .homeserver import add_threepid, bind_threepid, delete_threepid, list_threepids, request_token, submit_token, undo
from .identity import account, bind_unbind, invite, lookup, public_keys, status, validate

HOMESERVER = Table(
    Homeserver.prefix,
    tuple(
        declared
        for module in (request_token, submit_token, list_threepids, add_threepid, delete_threepid, bind_threepid, undo)
        for declared in module.ENDPOINTS
    ),
)
"""The endpoints of a homeserver for its clients.

See https://spec.matrix.org/latest/client-server-api/#adding-account-administrative-contact-information.
"""

# r0.1.0 is the first release of the identity API; v1.1 of the specification deprecates its version 1.
_V1 = IdentityHistory(v1="r0.1.0", deprecated="v1.1")
_V2 = IdentityHistory(v2="r0.3.0")


def _validation(history: IdentityHistory, access: Access) -> Iterator[Endpoint]:
    for medium in Medium:
        yield from validate.declare(medium, history, access)
    yield validate.declare_validated(history, access)


# Links in mails of an identity server lead to the same pages as those of a homeserver.
def _pages(history: IdentityHistory) -> Iterator[Endpoint]:
    return (evolve(declared, history=history) for declared in submit_token.ENDPOINTS)


def _with_terms(declarations: Iterable[Endpoint]) -> Iterator[Endpoint]:
    """Return endpoints with the error for users who have not accepted the terms, where it can be answered."""
    for declared in declarations:
        needed = declared.access is Access.USER
        yield evolve(declared, errors=(*declared.errors, TermsNotSigned)) if needed else declared


def _first_version(declarations: Iterable[Endpoint]) -> Iterator[Endpoint]:
    """Return endpoints as version 1 has them: members also from form and query, and off without ``serve_v1``.

    See MSC2140, https://github.com/matrix-org/matrix-spec-proposals/pull/2140.
    """
    for declared in declarations:
        offered = partial(_offered_in_v1, declared)
        yield evolve(declared, name=f"{declared.name}_v1", loose=True, offered=offered)


def _without_token(declared: Endpoint) -> Endpoint:
    """Return an endpoint of version 2 as version 1 has it: for everybody, whether or not terms were accepted."""
    errors = tuple(each for each in declared.errors if each not in (NotYours, TermsNotSigned))
    return evolve(declared, history=_V1, access=Access.ANYONE, errors=errors)


def _offered_in_v1(declared: Endpoint, role: Role) -> str | None:
    # A delegate has no ``serve_v1``: version 1 is all it has.
    return declared.offered(role) or (None if getattr(role, "serve_v1", True) else "serve_v1 is off")


DELEGATE = Table(
    Delegate.prefix,
    (*_first_version(_validation(_V1, Access.ANYONE)), *_pages(_V1)),
    errcodes=Delegate.errcodes,
)
"""The endpoints that a homeserver calls at a server that validates addresses for it (MSC2078)."""

IDENTITY_SERVER = Table(
    IdentityServer.prefix,
    (
        *status.ENDPOINTS,
        *account.ENDPOINTS,
        *lookup.ENDPOINTS,
        *invite.ENDPOINTS,
        *public_keys.declare(_V2),
        *_with_terms(_validation(_V2, Access.USER)),
        *_with_terms(bind_unbind.declare(_V2, Access.USER)),
        *_pages(_V2),
        *_first_version(public_keys.declare(_V1)),
        *_first_version(_validation(_V1, Access.ANYONE)),
        *_first_version(bind_unbind.declare(_V1, Access.ANYONE)),
        *_first_version((_without_token(invite.store_invite),)),
    ),
    errcodes=IdentityServer.errcodes,
)
"""The endpoints of an identity server: version 2 with access tokens, version 1 without (REQ-ISREQ-1).

See https://spec.matrix.org/latest/identity-service-api/#establishing-associations.
"""

_MAX_FEDERATION_BODY = 65_536
"""The bytes of the largest event; an identity server tells all invitations of an address in one request."""

FEDERATION = Table(
    "/_matrix/federation",
    (*on_bind.ENDPOINTS, *exchange_invite.ENDPOINTS),
    browsers=False,
    max_body=_MAX_FEDERATION_BODY,
)
"""The endpoints of a homeserver for identity servers and other homeservers: ``Service(homeserver, FEDERATION)``.

See https://spec.matrix.org/latest/server-server-api/#third-party-invites.
"""
