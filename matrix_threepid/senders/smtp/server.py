"""Which mail server to speak to, how, and as whom."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen, validators

from ...net.loopback import is_loopback
from ...protocol.errors import ConfigurationError
from ...protocol.members import redacted

if TYPE_CHECKING:
    import ssl

Tls = Literal["starttls", "implicit", "off"]
_PORTS = {"starttls": 587, "implicit": 465, "off": 25}
_CROSSED = {
    ("starttls", 465): "port 465 takes tls='implicit'",
    ("implicit", 587): "port 587 takes tls='starttls'",
    ("implicit", 25): "port 25 takes tls='starttls'",
}
"""Ports that wait for the other way to secure a connection: both ends would wait until the deadline."""
_log = logging.getLogger("matrix_threepid.senders.smtp.sender")


@frozen
class Server:
    """A mail server and the account to use there. Raises ``ConfigurationError`` for what would not be safe.

    ``port``: 587, 465 or 25 by ``tls``. ``context``: in place of ``ssl.create_default_context()``.
    """

    host: str
    port: int | None = None
    tls: Tls = field(default="starttls", kw_only=True, validator=validators.in_(tuple(_PORTS)))
    username: str | None = field(default=None, kw_only=True)
    password: str | None = field(default=None, kw_only=True, repr=redacted)
    context: ssl.SSLContext | None = field(default=None, kw_only=True, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.port is not None and (type(self.port) is not int or not 0 < self.port < 65_536):
            raise ConfigurationError(f"port: must be a whole number from 1 to 65535, got {type(self.port).__name__}")
        if (remedy := _CROSSED.get((self.tls, self.port or 0))) is not None:
            raise ConfigurationError(f"port: {self.port} is not the port of tls={self.tls!r}: {remedy}")
        if (self.username is None) != (self.password is None):
            raise ConfigurationError("username and password go together")
        if not f"{self.username}{self.password}".isascii():
            raise ConfigurationError("username and password must be ASCII")
        if self.tls == "off" and not is_loopback(self.host):
            self._check_open_road()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port or _PORTS[self.tls]

    def _check_open_road(self) -> None:
        if self.username is not None:
            raise ConfigurationError("a password is not sent without TLS, except to this very machine")
        _log.warning("Mail to %s goes without TLS: whoever is on the way can read the links in it", self.host)
