"""``Server``: the mail server to use, the kind of TLS, and the account."""

from __future__ import annotations

import logging
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from ...net.loopback import is_loopback
from ...net.tunnel import Proxy, proxy_at
from ...protocol.errors import ConfigurationError
from ...protocol.members import redacted
from ...protocol.rules import HOST
from ...protocol.wiring import demand, having, must, one_of

if TYPE_CHECKING:
    import ssl

Tls = Literal["starttls", "implicit", "off"]
# 587 and 465: https://www.rfc-editor.org/rfc/rfc8314#section-3; 25:
# https://www.rfc-editor.org/rfc/rfc5321#section-4.5.4.2
_PORTS = {"starttls": 587, "implicit": 465, "off": 25}
_CROSSED = {
    ("starttls", 465): "port 465 takes tls='implicit'",
    ("implicit", 587): "port 587 takes tls='starttls'",
    ("implicit", 25): "port 25 takes tls='starttls'",
}
"""Ports that wait for the other way to secure a connection: both ends would wait until the deadline."""
_log = logging.getLogger("matrix_threepid.senders.smtp.sender")


def _is_host(value: object) -> bool:
    """Whether this is a host name or an IP address; the final dot of an absolute name is allowed."""
    return isinstance(value, str) and HOST.accepts(value.removesuffix("."))


@frozen
class Server:
    """A mail server and the account to use there.

    * ``host``: a name, which the server's certificate has to show, or an address.
    * ``port``: the TCP port; ``None`` takes 587, 465 or 25 by ``tls``.
    * ``tls``: ``"starttls"`` (the default, https://www.rfc-editor.org/rfc/rfc3207), ``"implicit"`` (TLS from the first
      byte, https://www.rfc-editor.org/rfc/rfc8314) or ``"off"``.
    * ``username``, ``password``: the account, both in ASCII; ``None``, the default, for no login.
    * ``access_token``: in place of a password, a function that returns an OAuth 2.0 access token for XOAUTH2
      (https://developers.google.com/workspace/gmail/imap/xoauth2-protocol). It is called for each connection, and again
      after a refusal, in a thread of the sender, so it may block. ``None``, the default, for none.
    * ``context``: the ``SSLContext`` to use; ``None`` takes one as ``ssl.create_default_context()`` makes it.
    * ``proxy``: ``http://[user:password@]host:port`` of an HTTP proxy that connects to the mail server; ``None``, the
      default, connects directly.

    Raises ``ConfigurationError`` for a ``username`` without one of ``password`` and ``access_token`` and the other way
    round, for a login that is not ASCII, and for a login without TLS to anything but a loopback address.
    """

    host: str = field(validator=must(_is_host, "must be a host name or an IP address, without scheme and port"))
    port: int | None = None
    tls: Tls = field(default="starttls", kw_only=True, validator=one_of(*_PORTS))
    username: str | None = field(default=None, kw_only=True)
    password: str | None = field(default=None, kw_only=True, repr=redacted)
    access_token: Callable[[], str] | None = field(default=None, kw_only=True, repr=redacted)
    context: ssl.SSLContext | None = field(
        default=None,
        kw_only=True,
        repr=False,
        validator=must(having("wrap_socket"), "must be an ssl.SSLContext, or None", optional=True),
    )
    proxy: str | None = field(default=None, kw_only=True, repr=redacted)

    def __attrs_post_init__(self) -> None:
        if self.port is not None and (type(self.port) is not int or not 0 < self.port < 65_536):
            raise ConfigurationError(f"port: must be a whole number from 1 to 65535, got {type(self.port).__name__}")
        if (remedy := _CROSSED.get((self.tls, self.port or 0))) is not None:
            raise ConfigurationError(f"port: {self.port} is not the port of tls={self.tls!r}: {remedy}")
        self._check_login()
        proxy_at(self.proxy)
        if self.tls == "off" and not is_loopback(self.host):
            self._check_without_tls()

    @property
    def address(self) -> tuple[str, int]:
        """The host and the port to connect to."""
        return self.host, self.port or _PORTS[self.tls]

    @property
    def tunnel(self) -> Proxy | None:
        """The proxy that connects to the mail server; ``None`` for none."""
        return proxy_at(self.proxy)

    @property
    def endpoint(self) -> tuple[str, int]:
        """The host and the port of the first connection: those of the proxy if there is one."""
        tunnel = self.tunnel
        return self.address if tunnel is None else (tunnel.host, tunnel.port)

    def _check_login(self) -> None:
        if self.access_token is not None:
            if not callable(self.access_token) or iscoroutinefunction(self.access_token):
                raise ConfigurationError(
                    "access_token: must be a function, not a coroutine function, and returns a text"
                )
            if self.username is None or self.password is not None:
                raise ConfigurationError("access_token: give a username with it, and no password")
        elif (self.username is None) != (self.password is None):
            raise ConfigurationError("username, password: give both or neither")
        # smtplib encodes both as ASCII, and would raise only when the first mail is sent.
        for name, value in (("username", self.username), ("password", self.password)):
            demand(name, value, lambda given: given is None or isinstance(given, str), "must be a string")
        if not f"{self.username}{self.password}".isascii():
            raise ConfigurationError("username, password: must be ASCII")

    def _check_without_tls(self) -> None:
        if self.username is not None:
            raise ConfigurationError("password: not sent without TLS, except to a loopback address")
        _log.warning("Mail to %s is sent without TLS: every network on the way can read the links in it", self.host)
