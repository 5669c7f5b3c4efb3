"""Accounts at the identity server: access tokens of its own, for whoever proves who they are (identity API, v2)."""

from __future__ import annotations

from attrs import frozen

from matrix_threepid import Response, charge_call_out
from matrix_threepid.endpoints import Access, Call, IdentityHistory, endpoint, json_response, text, token
from matrix_threepid.errors import LimitExceeded, Unauthorized

from ..identity import IdentityHome

_V2 = IdentityHistory(v2="r0.3.0")


@frozen(kw_only=True)
class OpenIdToken:
    """An OpenID token as the user's homeserver gave it out. Without one, the user's access token here must do."""

    access_token: str | None = token(optional=True, doc="the OpenID token")
    matrix_server_name: str | None = text(255, optional=True, doc="the user's homeserver")


@frozen(kw_only=True)
class Registered:
    """The access token of a new login."""

    token: str


@endpoint("POST", "/account/register", _V2, request=OpenIdToken, reply=Registered, errors=(Unauthorized, LimitExceeded))
async def register_identity(role: IdentityHome, call: Call, message: OpenIdToken) -> Registered:
    """Give a user an access token: by an OpenID token of any homeserver, or by an access token of the one beside us."""
    if message.access_token is None:
        user_id = (await role.home.callers.device(call.request)).user_id
    else:
        await charge_call_out(role, call)
        user_id = await role.user_of(message.matrix_server_name or role.server_name, message.access_token)
    return Registered(token=await role.callers.issue(user_id))


@endpoint("GET", "/account", _V2, access=Access.USER)
async def identity_account(role: IdentityHome, call: Call, message: None) -> Response:
    """Say whose access token this is."""
    return json_response(200, {"user_id": call.user.user_id})


@endpoint("POST", "/account/logout", _V2, access=Access.USER)
async def log_out_identity(role: IdentityHome, call: Call, message: None) -> Response:
    """End the access token."""
    await role.callers.end(call.request)
    return json_response(200, {})


@endpoint("GET", "/terms", _V2)
async def identity_terms(role: IdentityHome, call: Call, message: None) -> Response:
    """List the terms to accept: none."""
    return json_response(200, {"policies": {}})


ENDPOINTS = (register_identity, identity_account, log_out_identity, identity_terms)
