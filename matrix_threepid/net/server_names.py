"""Where the homeserver of a server name is, without discovery: at its port, or at 8448.

See https://spec.matrix.org/latest/appendices/#server-name.
"""

from __future__ import annotations

from ..model.id_server import normal_id_server
from ..protocol.errors import InvalidParam
from .fetch import place

FEDERATION_PORT = 8448
"""The TCP port of a server name without one (https://spec.matrix.org/latest/server-server-api/#resolving-server-names)."""


def federation_place(server_name: str) -> tuple[str, int, str]:
    """Return host, port and authority of a server name ``host[:port]``. Raises ``InvalidParam`` for anything else.

    >>> federation_place("example.org"), federation_place("Example.org:443")
    (('example.org', 8448, 'example.org'), ('example.org', 443, 'example.org:443'))
    """
    normal = normal_id_server(server_name)
    # An identity server may have a path and a scheme, a server name has neither.
    if "/" in server_name or "/" in normal:
        raise InvalidParam("must be a server name, host[:port]")
    # The usual port of HTTPS is left out of the name of an identity server, and is not that of a homeserver.
    if server_name.endswith(":443"):
        normal = f"{normal}:443"
    host, port, authority, _ = place(normal, FEDERATION_PORT)
    return host, port, authority
