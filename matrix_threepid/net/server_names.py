"""Where the homeserver of a server name is, without discovery: at its port, or at 8448.

See https://spec.matrix.org/latest/appendices/#server-name.
"""

from __future__ import annotations

from attrs import frozen

from ..model.id_server import normal_id_server
from ..protocol.errors import InvalidParam
from .dns import is_address
from .fetch import HttpRequest, place

FEDERATION_PORT = 8448
"""The TCP port of a server name without one (https://spec.matrix.org/latest/server-server-api/#resolving-server-names)."""


@frozen
class ServerPlace:
    """Where a homeserver is.

    * ``host``: the name that its certificate must be for, or its address.
    * ``port``: the TCP port.
    * ``authority``: what the ``Host`` header says.
    * ``connect``: the host whose addresses are called, as an SRV record names it; ``None`` (default): ``host``.
    """

    host: str
    port: int
    authority: str
    connect: str | None = None

    @property
    def final(self) -> bool:
        """Whether the name alone says where the server is: it has a port or is an address."""
        return is_address(self.host) or self.authority.rpartition("]")[2].count(":") > 0

    def request(self, path: str, query: str = "", caller: str | None = None) -> HttpRequest:
        """Return a request to GET a path from there."""
        return HttpRequest(
            method="GET",
            host=self.host,
            port=self.port,
            authority=self.authority,
            path=path,
            query=query,
            caller=caller,
            connect=self.connect,
        )


def federation_place(server_name: str) -> ServerPlace:
    """Return the place that a server name ``host[:port]`` says. Raises ``InvalidParam`` for anything else.

    >>> federation_place("example.org").port, federation_place("Example.org:443").authority
    (8448, 'example.org:443')
    """
    normal = normal_id_server(server_name)
    # An identity server may have a path and a scheme, a server name has neither.
    if "/" in server_name or "/" in normal:
        raise InvalidParam("must be a server name, host[:port]")
    # The usual port of HTTPS is left out of the name of an identity server, and is not that of a homeserver.
    if server_name.endswith(":443"):
        normal = f"{normal}:443"
    host, port, authority, _ = place(normal, FEDERATION_PORT)
    return ServerPlace(host, port, authority)
