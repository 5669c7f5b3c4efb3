"""An identity server over TLS: the role ``IdentityServer`` in memory. Needs ``signedjson``, and ``trustme`` for TLS."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from attrs import define, frozen

from ...identity.key_lookup import KeyLookup
from ...identity.signed_requests import XMatrixVerifier
from ...identity.signing import NamedSigner, new_signing_key
from ...model.keys import Peppers
from ...model.threepid import Medium, Threepid
from ...net.fetch import Failure, HttpFailure, HttpReply, HttpRequest
from ...offload import run_sync
from ...policy import Policy
from ...protocol.wire import Request, Response
from ...roles.identity_server import IdentityServer
from ...service import Service
from ..fake_accounts import FakeCallers
from ..fakes import Outbox
from ..rogue import Heard, RogueServer, Said, answer, hang_up
from ..world import GENEROUS, PEPPER
from .browser import Failed, fetch

_V2 = "/_matrix/identity/v2"
_SECRET = "a.secret-of_the=journey"


@frozen
class _Plain:
    """A ``Fetch`` that sends requests for every homeserver to one URL."""

    at: str

    async def fetch(self, request: HttpRequest, deadline: int) -> HttpReply | HttpFailure:
        try:
            found = fetch(request.method, self.at.rstrip("/") + request.target)
        except Failed:
            return HttpFailure(Failure.REFUSED)
        return HttpReply(found.status, found.body)


@define
class _Keys:
    """``ServerKeys`` of the one homeserver under test."""

    lookup: KeyLookup | None = None

    async def find(self, server_name: str, key_id: str) -> str | None:
        return None if self.lookup is None else await self.lookup.find(server_name, key_id)


class EmbeddedIdentityServer:
    """The identity server. A user's access token is the user id.

    * ``name``: the name by which clients call it.
    * ``port``: the port on which it listens.
    """

    name, port = "", 0

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context, self._mails, self._keys = context, Outbox(), _Keys()

    @contextmanager
    def serving(self, host: str = "localhost", port: int = 0) -> Iterator[str]:
        """Serve on this machine within the block, which gets the name; port 0 uses a free one. Raises ``OSError``."""
        self._server = RogueServer(self._context, self._answered, at=port)
        self.port = self._server.port
        self.name = f"{host}:{self.port}"
        self._role = self._wired()
        self._service = Service(self._role)
        with self._server.serving():
            yield self.name

    def find_keys_at(self, url: str) -> None:
        """Read the key of the homeserver under test below this URL, whatever its name is."""
        self._keys.lookup = KeyLookup(fetch=_Plain(url))

    @contextmanager
    def down(self) -> Iterator[None]:
        """Drop every connection within the block."""
        self._server.answers = lambda _: hang_up
        try:
            yield
        finally:
            self._server.answers = self._answered

    # -- what its users do --------------------------------------------------------------------------

    def prove(self, address: str, user_id: str) -> dict[str, str]:
        """Validate a mail address for a user, as clients do before they bind it; return ``sid`` and secret."""
        asked = {"email": address, "client_secret": _SECRET, "send_attempt": 1}
        sid = self._call("/validate/email/requestToken", asked, user_id)["sid"]
        credentials = {"sid": sid, "client_secret": _SECRET}
        token = parse_qs(urlsplit(self._mails.last.link or "").query)["token"][0]
        self._call("/validate/email/submitToken", {**credentials, "token": token}, user_id)
        return credentials

    def owner(self, address: str) -> str | None:
        """Return the user for whom this server publishes a mail address."""

        async def looked_up() -> str | None:
            found = await self._role.associations.get(Threepid(Medium.EMAIL, address))
            return None if found is None else found.mxid

        return run_sync(looked_up())

    # -- how it works -------------------------------------------------------------------------------

    def _wired(self) -> IdentityServer:
        return IdentityServer(
            server_name=self.name,
            peppers=Peppers.of(PEPPER),
            policy=Policy(public_base_url=f"https://{self.name}", limits=GENEROUS),
            senders={Medium.EMAIL: self._mails},
            callers=FakeCallers(),
            signer=NamedSigner(self.name, new_signing_key("0")),
            verifier=XMatrixVerifier([self.name], self._keys),
        )

    def _call(self, path: str, body: dict[str, Any], user_id: str) -> Any:
        headers = {"authorization": f"Bearer {user_id}"}
        answered = self._handled(Request("POST", _V2 + path, headers, body=json.dumps(body).encode()))
        if answered.status != 200:
            raise Failed(f"the identity server of the journeys answered {answered.status} at {path}")
        return answered.json()

    def _answered(self, heard: Heard) -> Said:
        """Answer one request that came over TLS."""
        path, _, query = heard.target.partition("?")
        reply = self._handled(Request(heard.method, path, heard.headers, query=query, body=heard.body))
        return answer(reply.status, reply.body, *(f"{name}: {value}" for name, value in reply.headers))

    def _handled(self, request: Request) -> Response:
        return run_sync(self._service.handle(request))
