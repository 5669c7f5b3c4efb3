"""Accounts at the identity server: access tokens for whoever a homeserver vouches for.

See https://spec.matrix.org/latest/identity-service-api/#authentication.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from urllib.parse import quote

from attrs import field, frozen

from ...endpoints.tables import IDENTITY_SERVER
from ...identity.key_lookup import DEFAULT_PORT
from ...model.call import Call, Caller
from ...net.fetch import Fetch, HttpReply, HttpRequest, place
from ...protocol.endpoint import Access, Table, endpoint
from ...protocol.errors import InvalidParam, MatrixError, Unauthorized, Unavailable, UnknownToken
from ...protocol.history import IdentityHistory
from ...protocol.members import text, token
from ...protocol.wire import Request, Response, json_response, read_object
from ...roles.identity_server import IdentityServer
from ...stores.sql import Database, Operation

_V2 = IdentityHistory(v2="r0.3.0")
_MAX_ANSWER = 16_384
_DEADLINE = 10_000


class IdentityTokens:
    """``Callers`` of the identity server; only hashes of access tokens are stored.

    * ``db``: a database whose schema ``migrate`` has brought up to date.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    async def identify(self, request: Request) -> Caller | None:
        given = _token_of(request)
        if given is None:
            return None
        users = await self._db.run(lambda: _find(_hashed(given)))
        if not users:
            raise UnknownToken
        return Caller(users[0])

    async def issue(self, user_id: str, now: int) -> str:
        """Return a new access token of a user."""
        made = secrets.token_urlsafe(32)
        await self._db.run(lambda: _insert(_hashed(made), user_id, now))
        return made

    async def end(self, request: Request) -> None:
        """End the access token of a request."""
        given = _token_of(request) or ""
        await self._db.run(lambda: _delete(_hashed(given)))


@frozen(kw_only=True, slots=False)
class ServedIdentityServer(IdentityServer):
    """The identity server of ``serve``.

    * ``callers``: its access tokens.
    * ``fetch``: asks homeservers whose an OpenID token is.
    """

    callers: IdentityTokens = field(repr=False)
    fetch: Fetch = field(repr=False)


@frozen(kw_only=True)
class OpenIdToken:
    """An OpenID token as the user's homeserver gave it out."""

    access_token: str = token(doc="the OpenID token")
    matrix_server_name: str = text(255, doc="the user's homeserver")


@frozen(kw_only=True)
class Registered:
    """The access token of a new login."""

    token: str


@endpoint("POST", "/account/register", _V2, request=OpenIdToken, reply=Registered, errors=(Unauthorized,))
async def register_account(role: ServedIdentityServer, call: Call, message: OpenIdToken) -> Registered:
    """Give a user an access token, if their homeserver says whose the OpenID token is."""
    user_id = await _user_of(role.fetch, message)
    return Registered(token=await role.callers.issue(user_id, role.clock()))


@endpoint("GET", "/account", _V2, access=Access.USER)
async def account(role: ServedIdentityServer, call: Call, message: None) -> Response:
    """Tell whose access token this is."""
    return json_response(200, {"user_id": call.user.user_id})


@endpoint("POST", "/account/logout", _V2, access=Access.USER)
async def log_out(role: ServedIdentityServer, call: Call, message: None) -> Response:
    """End the access token."""
    await role.callers.end(call.request)
    return json_response(200, {})


@endpoint("GET", "/terms", _V2)
async def terms(role: ServedIdentityServer, call: Call, message: None) -> Response:
    """List the terms to accept: none."""
    return json_response(200, {"policies": {}})


TABLE = Table(IdentityServer.prefix, (*IDENTITY_SERVER.endpoints, register_account, account, log_out, terms))
"""The endpoints of the role, and those of accounts."""


async def _user_of(fetch: Fetch, given: OpenIdToken) -> str:
    """Return whose OpenID token this is. Raises ``Unauthorized``, or ``Unavailable`` if the homeserver is silent."""
    name = given.matrix_server_name
    try:
        host, port, authority, path = place(name, DEFAULT_PORT)
    except InvalidParam:
        raise Unauthorized("matrix_server_name: must be the name of a homeserver") from None
    if path:
        raise Unauthorized("matrix_server_name: must be the name of a homeserver")
    request = HttpRequest(
        method="GET",
        host=host,
        port=port,
        authority=authority,
        path="/_matrix/federation/v1/openid/userinfo",
        query=f"access_token={quote(given.access_token, safe='')}",
    )
    reply = await fetch.fetch(request, _DEADLINE)
    if not isinstance(reply, HttpReply) or reply.cut is not None or reply.status >= 500:
        raise Unavailable("The user's homeserver does not answer")
    user_id = _subject(reply)
    # A homeserver vouches for its own users only.
    if user_id is None or user_id.partition(":")[2] != name:
        raise Unauthorized("The user's homeserver does not confirm this token")
    return user_id


def _subject(reply: HttpReply) -> str | None:
    if reply.status != 200:
        return None
    try:
        user_id = read_object(reply.body, _MAX_ANSWER).get("sub")
    except MatrixError:
        return None
    fits = isinstance(user_id, str) and user_id.startswith("@") and len(user_id) <= 255 and user_id.isprintable()
    return str(user_id) if fits else None


def _token_of(request: Request) -> str | None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return (given.strip() if scheme.lower() == "bearer" else request.parameters.get("access_token")) or None


def _hashed(given: str) -> str:
    # 256 random bits need no salt and no slow hash.
    return sha256(given.encode("utf-8", "surrogatepass")).hexdigest()


def _find(token_hash: str) -> Operation[list[str]]:
    rows = yield "SELECT user_id FROM matrix_threepid_identity_tokens WHERE token_hash = ?", (token_hash,)
    return [row[0] for row in rows]


def _insert(token_hash: str, user_id: str, now: int) -> Operation[None]:
    sql = "INSERT INTO matrix_threepid_identity_tokens (token_hash, user_id, created_at) VALUES (?, ?, ?)"
    yield sql, (token_hash, user_id, now)


def _delete(token_hash: str) -> Operation[None]:
    yield "DELETE FROM matrix_threepid_identity_tokens WHERE token_hash = ?", (token_hash,)
