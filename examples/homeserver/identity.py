"""The identity-server role: the library's ``IdentityServer``, with a database of its own."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlsplit

from attrs import evolve, frozen

from matrix_threepid import IdentityServer
from matrix_threepid.errors import UnknownToken
from matrix_threepid.ports import OpenIdUsers
from matrix_threepid.stores import Database, SqlAssociations, SqlInvitations, SqlLimits, SqlLogins, SqlSessions

from .home import Home
from .keys import ServerSecret


@frozen
class Users:
    """``OpenIdUsers``: the tokens of the homeserver beside us are known, other homeservers are asked.

    Between us and ourselves an access token does as well.
    """

    home: Home
    others: OpenIdUsers

    async def user_of(self, server_name: str, access_token: str, caller: str) -> str | None:
        """Return whose token this is (the library's port)."""
        if server_name != self.home.server_name:
            return await self.others.user_of(server_name, access_token, caller)
        for issuer in (self.home.openid, self.home.callers):
            with suppress(UnknownToken):
                return await issuer.user(access_token)
        return None


def assemble_identity(home: Home, db: Database, secret: ServerSecret) -> IdentityServer:
    """Return the wiring beside a homeserver: same senders and limits, other peppers, sessions and tokens."""
    from matrix_threepid.identity import EphemeralKeys, HttpOnbind, NamedSigner, OpenIdLookup

    return IdentityServer(
        server_name=home.server_name,
        openid=Users(home, OpenIdLookup(fetch=home.peers.fetch, deadline=home.peers.deadline)),
        logins=SqlLogins(db),
        peppers=secret.peppers("identity server "),
        policy=evolve(home.policy, hide_known_addresses=False, deferred_sending=False),
        senders=home.senders,
        sessions=SqlSessions(db),
        limiter=SqlLimits(db),
        rules=home.rules,
        associations=SqlAssociations(db),
        invitation_keys=EphemeralKeys(home.server_name),
        invitations=SqlInvitations(db),
        signer=NamedSigner(home.server_name, home.peers.key),
        onbind=HttpOnbind(fetch=home.peers.fetch, discover=home.peers.places),
        verifier=home.peers.verifier(*_names(home)),
    )


def _names(home: Home) -> frozenset[str]:
    """Return what homeservers may call this identity server: by its name, or by where it is."""
    here = urlsplit(home.policy.public_base_url or "").netloc.lower()
    return frozenset(filter(None, (home.server_name.lower(), here)))
