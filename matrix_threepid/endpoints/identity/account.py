"""Accounts and terms of an identity server: access tokens for users whom their homeserver confirms.

See https://spec.matrix.org/latest/identity-service-api/#authentication and
https://spec.matrix.org/latest/identity-service-api/#terms-of-service.
"""

from __future__ import annotations

from attrs import frozen

from ...limits.rate import charge_call_out
from ...model.call import Call
from ...model.keys import random_text
from ...model.login import acceptance
from ...protocol.endpoint import Access, Endpoint, endpoint
from ...protocol.errors import LimitExceeded, TermsNotSigned, Unauthorized, Unrecognized
from ...protocol.history import IdentityHistory
from ...protocol.members import member, text, token
from ...protocol.rules import ListOf, printable
from ...roles import logins
from ...roles.identity_server import IdentityServer
from ..homeserver.add_threepid import Empty

_V2 = IdentityHistory(v2="r0.3.0")
_TOKEN_BYTES = 32
_MOST_URLS = 100


@frozen(kw_only=True)
class OpenIdToken:
    """An OpenID token as the user's homeserver gave it out.

    See https://spec.matrix.org/latest/client-server-api/#openid.
    """

    access_token: str = token(doc="the OpenID token")
    matrix_server_name: str = text(255, doc="the user's homeserver")


@frozen(kw_only=True)
class Registered:
    """The access token of a new login."""

    token: str


@frozen(kw_only=True)
class WhoIs:
    """Whose access token it is."""

    user_id: str


@frozen(kw_only=True)
class AcceptTerms:
    """The documents that a user accepts."""

    user_accepts: tuple[str, ...] = member(ListOf(printable(2048)), doc="the URLs of the documents, in any language")


def _off(role: IdentityServer) -> str | None:
    return "openid is not wired" if role.openid is None else None


@endpoint(
    "POST",
    "/account/register",
    _V2,
    request=OpenIdToken,
    reply=Registered,
    errors=(Unauthorized, LimitExceeded),
    offered=_off,
)
async def register_account(role: IdentityServer, call: Call, message: OpenIdToken) -> Registered:
    """Give a user an access token, if the user's homeserver confirms the OpenID token.

    See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2accountregister.
    """
    if role.openid is None:
        raise Unrecognized
    # Before the call out, since whoever asks can name any server (SEC-26).
    await charge_call_out(role, call)
    user_id = await role.openid.user_of(message.matrix_server_name, message.access_token, call.client)
    # A homeserver vouches for its own users only.
    if user_id is None or user_id.partition(":")[2] != message.matrix_server_name:
        raise Unauthorized("The user's homeserver does not confirm this token")
    made = random_text(role.random_bytes(_TOKEN_BYTES))
    await logins.log_in(role, user_id, made)
    return Registered(token=made)


@endpoint("GET", "/account", _V2, reply=WhoIs, access=Access.USER, errors=(TermsNotSigned,))
async def get_account(role: IdentityServer, call: Call, message: None) -> WhoIs:
    """Tell whose access token this is.

    See https://spec.matrix.org/latest/identity-service-api/#get_matrixidentityv2account.
    """
    return WhoIs(user_id=call.user.user_id)


@endpoint("POST", "/account/logout", _V2, reply=Empty, access=Access.USER, before_terms=True, offered=_off)
async def log_out_account(role: IdentityServer, call: Call, message: None) -> Empty:
    """End the access token; also that of a user who does not accept the terms.

    See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2accountlogout.
    """
    await logins.log_out(role, call.request)
    return Empty()


@frozen(kw_only=True)
class Terms:
    """The documents that users of this server have to accept, by their names; each with its version and languages."""

    policies: dict[str, object]


@endpoint("GET", "/terms", _V2, reply=Terms)
async def get_terms(role: IdentityServer, call: Call, message: None) -> Terms:
    """List the documents that users have to accept.

    See https://spec.matrix.org/latest/identity-service-api/#get_matrixidentityv2terms.
    """
    return Terms(policies={name: document.public() for name, document in role.terms.items()})


@endpoint("POST", "/terms", _V2, request=AcceptTerms, reply=Empty, access=Access.USER, before_terms=True)
async def accept_terms(role: IdentityServer, call: Call, message: AcceptTerms) -> Empty:
    """Record that the user accepts documents; URLs that are no documents of this server are ignored.

    See https://spec.matrix.org/latest/identity-service-api/#post_matrixidentityv2terms.
    """
    given = frozenset(message.user_accepts)
    accepted = [acceptance(name, each) for name, each in role.terms.items() if each.accepted_by(given)]
    if accepted:
        await role.logins.accept(call.user.user_id, accepted, role.clock())
    return Empty()


ENDPOINTS: tuple[Endpoint, ...] = (register_account, get_account, log_out_account, get_terms, accept_terms)
