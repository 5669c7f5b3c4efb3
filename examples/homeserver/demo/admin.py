"""What an administrator sees; the demo's servers listen on loopback only, so nobody is asked for a password."""

from __future__ import annotations

from attrs import frozen

from matrix_threepid import Response
from matrix_threepid.endpoints import Call, Endpoint, History, json_response, read, text

from ..endpoints.bindings import bindings_listed
from ..home import Home

PATH = "/demo/bindings"


@frozen(kw_only=True)
class Whose:
    """The user to look at, who may have left."""

    user_id: str = text(255, doc="the user")


async def _show(home: Home, call: Call, message: None) -> Response:
    user_id = read(Whose, call.request.parameters).user_id
    return json_response(200, {"bindings": await bindings_listed(home, user_id)})


ENDPOINTS = (Endpoint("GET", PATH, History(unstable=False, bare=True), _show, query=Whose, name="show_bindings"),)
