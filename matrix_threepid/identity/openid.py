"""``OpenIdLookup``: asks a homeserver whose an OpenID token is.

Source: https://spec.matrix.org/latest/server-server-api/#openid.
"""

from __future__ import annotations

from urllib.parse import quote

from attrs import field, frozen

from ..model.user_id import is_user_id
from ..net.fetch import Failure, Fetch, HttpFailure, HttpReply, HttpRequest
from ..net.server_names import federation_place
from ..protocol.errors import InvalidParam, MatrixError, Unauthorized, Unavailable
from ..protocol.wire import read_object
from .key_lookup import Discover

_PATH = "/_matrix/federation/v1/openid/userinfo"
_MAX_ANSWER = 16_384


@frozen(kw_only=True)
class OpenIdLookup:
    """``OpenIdUsers`` over HTTPS.

    * ``fetch``: makes the requests; it has to be safe for hosts that users name, as ``PinnedHttps`` is, with port 8448.
    * ``discover``: returns where a server is, such as a ``Discovery``; ``None`` (default) takes the name and its port,
      or 8448.
    * ``deadline``: the ms of one call, 10,000 by default.
    """

    fetch: Fetch = field(repr=False)
    discover: Discover | None = field(default=None, repr=False)
    deadline: int = 10_000

    async def user_of(self, server_name: str, access_token: str, caller: str) -> str | None:
        reply = await self.fetch.fetch(await self._request(server_name, access_token, caller), self.deadline)
        if isinstance(reply, HttpFailure) and reply.kind in (Failure.BLOCKED, Failure.NAME):
            # No outage: who names such a server will not get an answer later either.
            return None
        if not isinstance(reply, HttpReply) or reply.cut is not None or reply.status >= 500:
            raise Unavailable("The user's homeserver does not answer")
        return _subject(reply.body) if reply.status == 200 else None

    async def _request(self, server_name: str, access_token: str, caller: str) -> HttpRequest:
        try:
            there = federation_place(server_name) if self.discover is None else await self.discover(server_name)
        except InvalidParam:
            raise Unauthorized("matrix_server_name: must be the name of a homeserver, host[:port]") from None
        return there.request(_PATH, f"access_token={quote(access_token, safe='', errors='replace')}", caller)


def _subject(body: bytes) -> str | None:
    try:
        user_id = read_object(body, _MAX_ANSWER).get("sub")
    except MatrixError:
        return None
    return user_id if is_user_id(user_id) else None
