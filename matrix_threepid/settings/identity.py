"""Settings of the way to identity servers."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from attrs import frozen

from ..model.binding import Retrying
from ..offload import Offload
from ..protocol.errors import ConfigurationError
from .reading import setting
from .rules import PORT, RATE, TEXT, many, read_by

if TYPE_CHECKING:
    import ssl

    from ..net.safe_https import PinnedHttps


@frozen(kw_only=True)
class IdentityServerSettings:
    """How identity servers are reached; ``retry_s``: the first pause before an unbind is tried again."""

    ca_file: str | None = setting(TEXT, None)
    allow_addresses: tuple[str, ...] = setting(
        many(read_by(ip_network, "must be an address range, such as 10.0.0.0/8")), ()
    )
    ports: tuple[int, ...] = setting(many(PORT), ())
    timeout_s: float = setting(RATE, 10)
    retry_s: float = setting(RATE, Retrying().first // 1000)

    @property
    def deadline(self) -> int:
        """The ms the calls of one request may take."""
        return max(1, round(self.timeout_s * 1000))

    @property
    def retrying(self) -> Retrying:
        """How unbinds are tried again."""
        return Retrying(first=max(1, round(self.retry_s * 1000)))

    def fetch(self, *ports: int, offload: Offload | None = None) -> PinnedHttps:
        """Return the way to them, at ``ports`` and those of the settings. Raises ``ConfigurationError``."""
        from ..net.safe_https import PinnedHttps

        return PinnedHttps(
            offload=offload,
            allow_addresses=self.allow_addresses,
            ports=(443, *ports, *self.ports),
            context=_trusting(self.ca_file),
        )


def _trusting(ca_file: str | None) -> ssl.SSLContext | None:
    """Return the context that trusts the authorities of a file only; ``None`` for those of the system."""
    if ca_file is None:
        return None
    import ssl

    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigurationError(f"identity_servers.ca_file: {error.strerror or 'holds no certificate'}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
