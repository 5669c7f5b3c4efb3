"""What the server can do: ``/versions`` and ``/capabilities``."""

from __future__ import annotations

from matrix_threepid import Response, capabilities, unstable_features
from matrix_threepid.endpoints import RELEASES, Access, Call, History, endpoint, json_response

from ..home import Home

_SPOKEN = RELEASES[RELEASES.index("r0.5.0") : RELEASES.index("v1.18") + 1]


@endpoint("GET", "/versions", History(unstable=False, bare=True))
async def versions(home: Home, call: Call, message: None) -> Response:
    """List the releases of the specification this server speaks, and the flags of the MSCs."""
    return json_response(200, {"versions": list(_SPOKEN), "unstable_features": unstable_features(home)})


@endpoint("GET", "/capabilities", History(r0="r0.5.0", v3="v1.1"), access=Access.USER)
async def list_capabilities(home: Home, call: Call, message: None) -> Response:
    """List what clients may offer their users."""
    return json_response(200, {"capabilities": {"m.change_password": {"enabled": True}, **capabilities(home)}})


ENDPOINTS = (versions, list_capabilities)
