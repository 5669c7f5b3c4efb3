"""``HttpOnbind``: tells homeservers that an invited address was bound to one of their users.

Source: https://spec.matrix.org/latest/server-server-api/#put_matrixfederationv13pidonbind.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from attrs import evolve, field, frozen

from ..net.fetch import Fetch, HttpReply, HttpRequest
from ..net.server_names import federation_place
from ..ports import Told
from ..protocol.errors import InvalidParam
from .key_lookup import Discover

_PATH = "/_matrix/federation/v1/3pid/onbind"


@frozen(kw_only=True)
class HttpOnbind:
    """``OnbindClient`` over HTTPS.

    * ``fetch``: makes the requests; it has to be safe for hosts that users name, as ``PinnedHttps`` is, with port 8448.
    * ``discover``: returns where a server is, such as a ``Discovery``; ``None`` (default) takes the name and its port,
      or 8448.
    """

    fetch: Fetch = field(repr=False)
    discover: Discover | None = field(default=None, repr=False)

    async def tell(self, server_name: str, body: Mapping[str, object], deadline: int) -> Told:
        try:
            request = await self._request(server_name, body)
        except InvalidParam:
            return Told.REFUSED
        reply = await self.fetch.fetch(request, deadline)
        if not isinstance(reply, HttpReply) or reply.status >= 500 or reply.status == 429:
            return Told.AWAY
        # The answer itself is of no interest, and is shown to nobody.
        return Told.TAKEN if 200 <= reply.status < 300 else Told.REFUSED

    async def _request(self, server_name: str, body: Mapping[str, object]) -> HttpRequest:
        there = federation_place(server_name) if self.discover is None else await self.discover(server_name)
        headers = (("Content-Type", "application/json"),)
        request = there.request(_PATH, caller=str(body.get("mxid")))
        return evolve(request, method="POST", headers=headers, body=json.dumps(body).encode(), repeatable=False)
