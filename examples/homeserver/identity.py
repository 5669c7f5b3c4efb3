"""The identity-server role: the library's ``IdentityServer``, with access tokens and a database of its own."""

from __future__ import annotations

import secrets
from contextlib import suppress
from urllib.parse import urlsplit

from attrs import evolve, field, frozen

from matrix_threepid import Caller, IdentityServer, Request
from matrix_threepid.errors import Unauthorized, UnknownToken
from matrix_threepid.stores import Database, SqlAssociations, SqlLimits, SqlSessions

from .devices import access_token
from .home import Home
from .keys import ServerSecret
from .tables import ask, hashed


class IdentityTokens:
    """The access tokens of the identity server: its ``Callers``; only their hashes are stored."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def identify(self, request: Request) -> Caller | None:
        """Return who calls (the library's port)."""
        token = access_token(request)
        if token is None:
            return None
        rows = await ask(self._db, "SELECT user_id FROM identity_tokens WHERE token_hash = ?", hashed(token))
        if not rows:
            raise UnknownToken
        return Caller(rows[0][0])

    async def issue(self, user_id: str) -> str:
        """Give a user a token."""
        token = secrets.token_urlsafe(32)
        sql = "INSERT INTO identity_tokens (token_hash, user_id) VALUES (?, ?)"
        await ask(self._db, sql, hashed(token), user_id)
        return token

    async def end(self, request: Request) -> None:
        """End the token of a request."""
        token = access_token(request) or ""
        await ask(self._db, "DELETE FROM identity_tokens WHERE token_hash = ?", hashed(token))


@frozen(kw_only=True, slots=False)
class IdentityHome(IdentityServer):
    """The role and, for whoever asks for a token, the homeserver at its side."""

    callers: IdentityTokens = field(repr=False)
    home: Home = field(repr=False)

    async def user_of(self, server_name: str, token: str) -> str:
        """Return whose OpenID token this is, as that server says. Raises ``Unauthorized``.

        Between us and ourselves an access token does as well.
        """
        if server_name != self.home.server_name:
            return await self.home.peers.user_of(server_name, token)
        for issuer in (self.home.openid, self.home.callers):
            with suppress(UnknownToken):
                return await issuer.user(token)
        raise Unauthorized("The token is unknown or over")


def assemble_identity(home: Home, db: Database, secret: ServerSecret) -> IdentityHome:
    """Return the wiring beside a homeserver: same senders and limits, other peppers, sessions and tokens."""
    from matrix_threepid.identity import NamedSigner, XMatrixVerifier

    return IdentityHome(
        server_name=home.server_name,
        home=home,
        callers=IdentityTokens(db),
        peppers=secret.peppers("identity server "),
        policy=evolve(home.policy, hide_known_addresses=False, deferred_sending=False),
        senders=home.senders,
        sessions=SqlSessions(db),
        limiter=SqlLimits(db),
        rules=home.rules,
        associations=SqlAssociations(db),
        signer=NamedSigner(home.server_name, home.peers.key),
        verifier=XMatrixVerifier(_names(home), home.peers.keys()),
    )


def _names(home: Home) -> frozenset[str]:
    """Return what homeservers may call this identity server: by its name, or by where it is."""
    here = urlsplit(home.policy.public_base_url or "").netloc.lower()
    return frozenset(filter(None, (home.server_name.lower(), here)))
