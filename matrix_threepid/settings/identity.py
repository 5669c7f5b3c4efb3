"""Settings of the way to identity servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import frozen

from ..offload import Offload
from ..policy import Policy
from ..protocol.errors import ConfigurationError
from ..protocol.members import documented, member
from ..protocol.rules import ListOf
from .rules import PORT, PROXY, RANGE, RATE, TEXT

if TYPE_CHECKING:
    import ssl

    from ..net.safe_https import PinnedHttps


@documented
@frozen(kw_only=True)
class IdentityServerSettings:
    """How identity servers are reached."""

    ca_file: str | None = member(
        TEXT, None, doc="file of the only authorities that are trusted; the system's if left out"
    )
    allow_addresses: tuple[str, ...] = member(
        ListOf(RANGE), (), doc="address ranges that are reached although they are private, such as `10.0.0.0/8`"
    )
    refuse_addresses: tuple[str, ...] = member(
        ListOf(RANGE), (), doc="address ranges that are not reached either, unless `allow_addresses` has them"
    )
    ports: tuple[int, ...] = member(ListOf(PORT), (), doc="ports that are reached beside 443")
    timeout_s: float | None = member(
        RATE, None, doc="seconds that all calls of one request may take; `policy.identity_deadline` if left out"
    )
    retry_s: float | None = member(
        RATE, None, doc="seconds of the first pause before an unbind is tried again; `policy.retrying` if left out"
    )
    proxy: str | None = member(
        PROXY,
        None,
        secret=True,
        doc="an HTTP proxy that connects to them, `http://host:port`; needs the list `policy.identity_servers`, since "
        "the proxy looks names up and private addresses are no longer refused",
    )

    @property
    def deadline(self) -> int:
        """The ms the calls of one request may take, unless the policy says otherwise."""
        return Policy().identity_deadline if self.timeout_s is None else max(1, round(self.timeout_s * 1000))

    def fetch(
        self, *ports: int, offload: Offload | None = None, allowed: Callable[[str], bool] | None = None
    ) -> PinnedHttps:
        """Return the way to them, at ``ports`` and those of the settings. Raises ``ConfigurationError``.

        * ``allowed``: the identity servers that users may name, ``Policy.identity_servers``; required with ``proxy``.
        """
        from ..net.safe_https import PinnedHttps

        return PinnedHttps(
            offload=offload,
            allow_addresses=self.allow_addresses,
            refuse_addresses=self.refuse_addresses,
            ports=(443, *ports, *self.ports),
            context=trusting(self.ca_file, "identity_servers.ca_file"),
            proxy=self.proxy,
            allowed=None if self.proxy is None else allowed,
        )


def trusting(ca_file: str | None, name: str) -> ssl.SSLContext | None:
    """Return the context that trusts the authorities of a file only; ``None`` for those of the system.

    ``name``: that of the setting, for errors.
    """
    if ca_file is None:
        return None
    import ssl

    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigurationError(f"{name}: {error.strerror or 'holds no certificate'}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
