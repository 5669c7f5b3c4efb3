"""``HttpIdentityClient``: talks to identity servers, v2 first and v1 where only that is known."""

from __future__ import annotations

import json
import re
from math import ceil
from typing import Any
from urllib.parse import urlencode, urlsplit

import attrs
from attrs import field, frozen

from ..model.id_server import normal_id_server
from ..model.identity import (
    BindAnswer,
    InviteAnswer,
    KeyAnswer,
    LookUpAnswer,
    NotSupported,
    ProvedAnswer,
    ServerRefused,
    UnbindAnswer,
    Unreachable,
)
from ..model.room_invite import InviteRequest
from ..model.threepid import Medium, Threepid
from ..net.deadline import Deadline
from ..net.fetch import A_FETCH, Failure, Fetch, Headers, HttpFailure, HttpRequest, place
from ..ports import Credentials
from ..protocol.errors import InvalidParam
from ..protocol.wiring import a, having, must
from ._answers import Answer, read_association, read_proved, read_unbind
from ._invite_answers import (
    HTTPS_URL,
    HashDetails,
    has_new_pepper,
    read_hash_details,
    read_look_up,
    read_stored,
    read_validity,
)
from .breaker import Breaker
from .signed_requests import Signer

V2, V1 = "/_matrix/identity/v2", "/_matrix/identity/api/v1"
_TOKEN = re.compile(r"[\x21-\x7e]+")
_BAD_TOKEN = ServerRefused(400, "M_INVALID_PARAM", "id_access_token: must be printable ASCII without spaces")
_BAD_URL = ServerRefused(400, "M_INVALID_PARAM", "key_validity_url: must be an https URL")
_PEPPERS = 2
"""The look-ups that are tried if the server changes its pepper between telling it and being asked."""
_JSON = ("Content-Type", "application/json")


@frozen
class HttpIdentityClient:
    """An ``IdentityServerClient`` and ``InvitationClient`` over a ``Fetch``.

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

    async def look_up(
        self, id_server: str, access_token: str, threepid: Threepid, user_id: str, deadline: int
    ) -> LookUpAnswer:
        if not _TOKEN.fullmatch(access_token):
            return _BAD_TOKEN
        until = Deadline.in_ms(deadline)
        for _ in range(_PEPPERS):
            request = _request("GET", id_server, f"{V2}/hash_details", (_bearer(access_token),), caller=user_id)
            details = read_hash_details(await self._ask_until(id_server, request, until))
            if not isinstance(details, HashDetails):
                return details
            written = details.written(threepid)
            content = {"addresses": [written], "algorithm": details.algorithm, "pepper": details.pepper}
            request = _post(id_server, f"{V2}/lookup", access_token, content, user_id, repeatable=True)
            answer = await self._ask_until(id_server, request, until)
            if not has_new_pepper(answer):
                return read_look_up(answer, written)
        return Unreachable("the pepper changes with every call")

    async def store_invite(
        self, id_server: str, access_token: str, invite: InviteRequest, deadline: int
    ) -> InviteAnswer:
        if not _TOKEN.fullmatch(access_token):
            return _BAD_TOKEN
        content = {
            "medium": invite.threepid.medium.value,
            "address": invite.threepid.address,
            "room_id": invite.room_id,
            "sender": invite.sender,
            **{name: value for name, value in attrs.asdict(invite.about).items() if value is not None},
        }
        request = _post(id_server, f"{V2}/store-invite", access_token, content, invite.sender)
        return read_stored(await self._ask(id_server, request, deadline), invite.threepid.address)

    async def key_is_valid(self, url: str, public_key: str, deadline: int) -> KeyAnswer:
        # Before it is taken apart: `urlsplit` removes line breaks without a word.
        if not HTTPS_URL.fullmatch(url):
            return _BAD_URL
        try:
            parts = urlsplit(url)
            server = normal_id_server(parts.netloc)
        except (ValueError, InvalidParam):
            return _BAD_URL
        # The URL as it was given, not one made from the server's name; it may have a query of its own.
        query = "&".join(filter(None, (parts.query, urlencode({"public_key": public_key}))))
        request = _request("GET", server, parts.path or "/", query=query)
        return read_validity(await self._ask(server, request, deadline))

    async def _ask_until(self, id_server: str, request: HttpRequest, until: Deadline) -> Answer:
        try:
            return await self._ask(id_server, request, ceil(until.left() * 1000))
        except TimeoutError:
            return HttpFailure(Failure.TIMEOUT)

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


def _request(method: str, id_server: str, uri: str, headers: Headers = (), **more: Any) -> HttpRequest:
    host, port, authority, path = place(id_server)
    headers = (("Accept", "application/json"), *headers)
    return HttpRequest(
        method=method, host=host, port=port, authority=authority, path=path + uri, headers=headers, **more
    )


def _post(
    id_server: str, uri: str, access_token: str, content: dict[str, Any], caller: str, **more: Any
) -> HttpRequest:
    body, headers = json.dumps(content).encode(), (_bearer(access_token), _JSON)
    return _request("POST", id_server, uri, headers, body=body, caller=caller, **more)


def _bearer(access_token: str) -> tuple[str, str]:
    return ("Authorization", f"Bearer {access_token}")
