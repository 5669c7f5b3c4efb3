"""Other servers: identity servers users name, and homeservers whose keys and users an identity server asks about.

All are reached over the library's ``PinnedHttps``, as ``identity_servers`` of the configuration says.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from attrs import field, frozen

from matrix_threepid.identity import Fetch
from matrix_threepid.settings import IdentityServerSettings

from .config import Config
from .keys import ServerSecret

if TYPE_CHECKING:
    from matrix_threepid.identity import Discovery, HttpIdentityClient, ServerKeys, SigningKey, XMatrixVerifier

DEFAULT_PORT = 8448


@frozen(kw_only=True, slots=False)
class Peers:
    """How this server meets others: its name, its key, and the way to them; ``deadline``: ms one call may take."""

    server_name: str
    secret: ServerSecret
    fetch: Fetch = field(repr=False)
    deadline: int
    client: HttpIdentityClient | None = field(repr=False)

    @classmethod
    def of(cls, config: Config, secret: ServerSecret) -> Peers:
        """Return what a configuration says; identity servers only if it has them. Raises ``ConfigurationError``."""
        settings = config.identity_servers or IdentityServerSettings()
        return cls(
            server_name=config.server_name,
            secret=secret,
            fetch=settings.fetch(DEFAULT_PORT),
            deadline=settings.deadline,
            client=_client(config, secret) if config.identity_servers else None,
        )

    @cached_property
    def key(self) -> SigningKey:
        """The key that signs; made when it is first needed."""
        return self.secret.signing_key()

    @cached_property
    def places(self) -> Discovery:
        """Returns where a homeserver is, by its name."""
        from matrix_threepid.identity import Discovery

        return Discovery(fetch=self.fetch, deadline=self.deadline)

    def verifier(self, *names: str) -> XMatrixVerifier:
        """Return what checks the signatures of homeservers on requests to us; ``names``: what they may call us."""
        from matrix_threepid.identity import XMatrixVerifier

        return XMatrixVerifier(names, self.keys())

    def keys(self) -> KeysOfServers:
        """Return where the keys of homeservers are found."""
        from matrix_threepid.identity import KeyLookup

        return KeysOfServers(self, KeyLookup(fetch=self.fetch, deadline=self.deadline))


@frozen
class KeysOfServers:
    """``ServerKeys``: one's own key is known, others are looked up."""

    us: Peers
    others: ServerKeys

    async def find(self, server_name: str, key_id: str) -> str | None:
        if server_name == self.us.server_name:
            return self.us.key.public if key_id == self.us.key.id else None
        return await self.others.find(server_name, key_id)


def _client(config: Config, secret: ServerSecret) -> HttpIdentityClient:
    from matrix_threepid.identity import HttpIdentityClient, RequestSigner

    settings = config.identity_servers or IdentityServerSettings()
    return HttpIdentityClient(
        settings.fetch(allowed=config.policy.identity_servers), RequestSigner(config.server_name, secret.signing_key())
    )
