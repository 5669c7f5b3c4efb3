"""OpenID: a token to show to another server, which asks this one whose it is."""

from __future__ import annotations

from attrs import frozen

from matrix_threepid import Response
from matrix_threepid.endpoints import Access, Call, History, endpoint, json_response, read, token
from matrix_threepid.errors import Forbidden

from ..home import Home
from ..openid import LIFETIME
from .steps import user_of

_ANY_USER = "/user/{userId}/openid/"


@frozen(kw_only=True)
class Nothing:
    """An empty object."""


@frozen(kw_only=True)
class WhoseToken:
    """A token another server was given."""

    access_token: str = token(doc="the OpenID token")


@endpoint(
    "POST",
    f"{_ANY_USER}request_token",
    History(r0="r0.0.0", v3="v1.1"),
    request=Nothing,
    access=Access.USER,
    errors=(Forbidden,),
)
async def request_openid_token(home: Home, call: Call, message: Nothing) -> Response:
    """Give the caller a token that tells others who they are."""
    if user_of(call) != call.user.user_id:
        raise Forbidden("Only for yourself")
    issued = await home.openid.issue(call.user.user_id)
    about = {"token_type": "Bearer", "matrix_server_name": home.server_name, "expires_in": LIFETIME // 1000}
    return json_response(200, {"access_token": issued, **about})


@endpoint("GET", "/_matrix/federation/v1/openid/userinfo", History(unstable=False, bare=True), query=WhoseToken)
async def userinfo(home: Home, call: Call, message: None) -> Response:
    """Tell another server whose OpenID token it was given (server-server API, "OpenID")."""
    given = read(WhoseToken, call.request.parameters)
    return json_response(200, {"sub": await home.openid.user(given.access_token)})


ENDPOINTS = (request_openid_token,)
SERVER_ENDPOINTS = (userinfo,)
