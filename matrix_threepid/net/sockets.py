"""TCP sockets that send what is written at once (``TCP_NODELAY``).

Without the option the second of two small writes, such as head and body, waits for the other side's delayed ACK:
40 ms on Linux.
"""

from __future__ import annotations

import socket

from ..protocol.errors import ConfigurationError


def listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens, to be handed to a server; what it accepts has ``TCP_NODELAY``.

    * ``host``: an address of this machine, IPv4 or IPv6 without brackets.
    * ``port``: 0 takes a free one.

    Raises ``ConfigurationError`` if nobody can listen there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigurationError(f"listen: {error.strerror}") from None
    # asyncio sets the option only on connections of listeners that name their protocol, which create_server leaves out;
    # other servers pass the option of the listener on.
    named = socket.socket(made.family, made.type, socket.IPPROTO_TCP, fileno=made.detach())
    named.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return named


def connected(address: str, port: int, patience: float) -> socket.socket:
    """Connect to an address within ``patience`` (s). Raises ``OSError``."""
    made = socket.create_connection((address, port), patience)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
