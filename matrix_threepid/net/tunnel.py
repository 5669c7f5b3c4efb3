"""``Proxy``: an HTTP proxy that the operator has chosen, through which a connection is tunnelled.

See https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6 for ``CONNECT``.
"""

from __future__ import annotations

import errno
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from attrs import field, frozen

from ..protocol.errors import ConfigurationError
from ..protocol.members import redacted
from ..protocol.wiring import demand
from .deadline import Deadline

if TYPE_CHECKING:
    import socket

_MAX_ANSWER = 16_384
_WORDS = "proxy: must be http://host:port, or http://user:password@host:port"


@frozen
class Proxy:
    """An HTTP proxy.

    * ``host``, ``port``: where it is.
    * ``login``: the value of ``Proxy-Authorization``; ``None``, the default, for no login.
    """

    host: str
    port: int
    login: str | None = field(default=None, repr=redacted)

    @classmethod
    def at(cls, url: str) -> Proxy:
        """Return the proxy of a URL. Raises ``ConfigurationError``."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ConfigurationError(_WORDS) from None
        beside = parts.path.strip("/") or parts.query or parts.fragment
        if parts.scheme != "http" or not host or not port or beside or not url.isascii():
            raise ConfigurationError(_WORDS)
        if parts.username is None:
            return cls(host, port)
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return cls(host, port, f"Basic {b64encode(user.encode()).decode()}")

    def through(self, sock: socket.socket, host: str, port: int, until: Deadline) -> None:
        """Ask the proxy at the other end of ``sock`` for a tunnel. Raises ``OSError`` if it makes none."""
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {name} HTTP/1.1", f"Host: {name}"]
        if self.login is not None:
            lines.append(f"Proxy-Authorization: {self.login}")
        sock.settimeout(until.left())
        sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        status = _answered(sock, until).split(None, 2)[1:2]
        if not status or not status[0].startswith(b"2"):
            why = "wants a login" if status == [b"407"] else "makes no tunnel"
            raise OSError(errno.EHOSTUNREACH, f"the proxy {why}")


def proxy_at(url: str | None) -> Proxy | None:
    """Return the proxy of a URL; ``None`` for ``None``. Raises ``ConfigurationError``."""
    if url is None:
        return None
    demand("proxy", url, lambda given: isinstance(given, str), "must be http://host:port, a string")
    return Proxy.at(url)


def _answered(sock: socket.socket, until: Deadline) -> bytes:
    """Return the head of the proxy's answer, and read nothing that comes after it, which is the other side's."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        sock.settimeout(until.left())
        if not (byte := sock.recv(1)) or len(head) > _MAX_ANSWER:
            raise OSError(errno.EPROTO, "the proxy made no sense")
        head += byte
    return bytes(head)
