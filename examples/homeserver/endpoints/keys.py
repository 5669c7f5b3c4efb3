"""The server's verify key, by which others check what it signed."""

from __future__ import annotations

from matrix_threepid import Response
from matrix_threepid.endpoints import Call, History, endpoint, json_response

from ..home import Home

_VALIDITY = 86_400_000


@endpoint("GET", "/_matrix/key/v2/server", History(unstable=False, bare=True))
async def server_keys(home: Home, call: Call, message: None) -> Response:
    """Publish the key, signed with itself (server-server API, "Publishing Keys")."""
    key = home.peers.key
    published = {
        "server_name": home.server_name,
        "verify_keys": {key.id: {"key": key.public}},
        "old_verify_keys": {},
        "valid_until_ts": home.clock() + _VALIDITY,
    }
    return json_response(200, key.sign(published, home.server_name))


SERVER_ENDPOINTS = (server_keys,)
