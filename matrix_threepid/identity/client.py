"""``HttpIdentityClient``: talks to identity servers, v2 first and v1 where only that is known."""

from __future__ import annotations

import json
import re
from math import ceil
from typing import Any
from urllib.parse import urlencode

from attrs import field, frozen

from ..model.identity import BindAnswer, NotSupported, ProvedAnswer, ServerRefused, UnbindAnswer, Unreachable
from ..model.threepid import Medium
from ..net.deadline import Deadline
from ..net.fetch import A_FETCH, Failure, Fetch, Headers, HttpFailure, HttpRequest, place
from ..ports import Credentials
from ..protocol.wiring import a, having, must
from ._answers import Answer, read_association, read_proved, read_unbind
from .breaker import Breaker
from .signed_requests import Signer

V2, V1 = "/_matrix/identity/v2", "/_matrix/identity/api/v1"
_TOKEN = re.compile(r"[\x21-\x7e]+")
_BAD_TOKEN = ServerRefused(400, "M_INVALID_PARAM", "id_access_token: must be printable ASCII without spaces")
_JSON = ("Content-Type", "application/json")


@frozen
class HttpIdentityClient:
    """An ``IdentityServerClient`` over a ``Fetch``.

    The user's token goes to the server the user names, in a header, and nowhere else.

    * ``fetch``: makes the requests, such as ``PinnedHttps``.
    * ``signer``: signs unbinds; without it every unbind is ``NotSupported``.
    * ``breaker``: refuses calls to servers that do not answer; they are ``Unreachable`` at once.
    """

    fetch: Fetch = field(repr=False, validator=must(having("fetch"), f"{A_FETCH} or PinnedHttps()"))
    signer: Signer | None = field(
        default=None, repr=False, validator=must(having("sign"), "must have the method sign()", optional=True)
    )
    breaker: Breaker = field(factory=Breaker, repr=False, validator=a(Breaker, "a Breaker()"))

    async def proved(self, id_server: str, access_token: str, credentials: Credentials, deadline: int) -> ProvedAnswer:
        if not _TOKEN.fullmatch(access_token):
            return _BAD_TOKEN
        query = urlencode({"sid": credentials.sid, "client_secret": credentials.client_secret})
        request = _request("GET", id_server, f"{V2}/3pid/getValidated3pid", (_bearer(access_token),), query=query)
        return read_proved(await self._ask(id_server, request, deadline))

    async def bind(
        self, id_server: str, access_token: str, credentials: Credentials, user_id: str, deadline: int
    ) -> BindAnswer:
        if not _TOKEN.fullmatch(access_token):
            return _BAD_TOKEN
        content = {"sid": credentials.sid, "client_secret": credentials.client_secret, "mxid": user_id}
        headers = (_bearer(access_token), _JSON)
        body = json.dumps(content).encode()
        request = _request("POST", id_server, f"{V2}/3pid/bind", headers, body=body, caller=user_id)
        return read_association(await self._ask(id_server, request, deadline))

    async def unbind(self, id_server: str, user_id: str, medium: Medium, address: str, deadline: int) -> UnbindAnswer:
        if self.signer is None:
            return NotSupported()
        content = {"mxid": user_id, "threepid": {"medium": medium.value, "address": address}}
        until = Deadline.in_ms(deadline)
        answer = read_unbind(await self._send(self.signer, id_server, f"{V2}/3pid/unbind", content, deadline))
        if not isinstance(answer, NotSupported):
            return answer
        try:
            left = ceil(until.left() * 1000)
        except TimeoutError:
            return Unreachable("out of time", timeout=True)
        return read_unbind(await self._send(self.signer, id_server, f"{V1}/3pid/unbind", content, left))

    async def _send(self, signer: Signer, id_server: str, uri: str, content: dict[str, Any], deadline: int) -> Answer:
        """Send a signed unbind. What is signed begins with ``/_matrix``, also if the server has a path of its own."""
        authority = place(id_server)[2]
        headers = (("Authorization", signer.sign("POST", uri, authority, content)), _JSON)
        body, caller = json.dumps(content).encode(), content["mxid"]
        # Taking a binding back twice does the same as doing it once.
        request = _request("POST", id_server, uri, headers, body=body, repeatable=True, caller=caller)
        return await self._ask(id_server, request, deadline)

    async def _ask(self, id_server: str, request: HttpRequest, deadline: int) -> Answer:
        """Make a request unless the server's circuit is open.

        A circuit is for the whole ``id_server``, its path included. Otherwise users could open the circuit of a host by
        naming a path of it that never answers.
        """
        if not self.breaker.lets(id_server):
            return HttpFailure(Failure.CIRCUIT_OPEN)
        answer = await self.fetch.fetch(request, deadline)
        self.breaker.heard(id_server, answer, deadline)
        return answer


def _request(method: str, id_server: str, uri: str, headers: Headers, **more: Any) -> HttpRequest:
    host, port, authority, path = place(id_server)
    headers = (("Accept", "application/json"), *headers)
    return HttpRequest(
        method=method, host=host, port=port, authority=authority, path=path + uri, headers=headers, **more
    )


def _bearer(access_token: str) -> tuple[str, str]:
    return ("Authorization", f"Bearer {access_token}")
