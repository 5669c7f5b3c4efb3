"""Our roles as real programs meet them, and what their tests look at."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field

from matrix_threepid import Medium, Peppers, Policy, Service, run_sync
from matrix_threepid.hosts.asgi import Asgi
from matrix_threepid.identity.key_lookup import KeyLookup
from matrix_threepid.identity.signed_requests import XMatrixVerifier
from matrix_threepid.identity.signing import NamedSigner, SigningKey, new_signing_key
from matrix_threepid.model.threepid import Threepid
from matrix_threepid.net.fetch import HttpRequest
from matrix_threepid.net.safe_https import PinnedHttps
from matrix_threepid.policy import SmsRules
from matrix_threepid.roles.identity_server import Delegate, IdentityServer
from matrix_threepid.testing import GENEROUS, FakeCallers, Outbox
from matrix_threepid.testing.rogue import Names, authority
from matrix_threepid.testing.world import PEPPER

from .http import Answer, Client
from .serving import below, served

SECRET_PATH = "/not-to-be-guessed"
HERE = "127.0.0.1"
_SMS = SmsRules(countries=["GB"], per_prefix=())


def _shared(**senders: Any) -> dict[str, Any]:
    policy = Policy(public_base_url="https://id.example.org", limits=GENEROUS, sms=_SMS)
    wired = {Medium(name): sender for name, sender in senders.items()}
    return {"server_name": "id.example.org", "peppers": Peppers.of(PEPPER), "policy": policy, "senders": wired}


@define
class Delegated:
    """A delegate. ``sms``: what it sent; ``url``: where Synapse finds it."""

    sms: Outbox = field(factory=Outbox)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://{HERE}:{self.port}{SECRET_PATH}"

    @contextmanager
    def serving(self) -> Iterator[Delegated]:
        """Serve it."""
        role = Delegate(**_shared(msisdn=self.sms))
        with served(below(SECRET_PATH, Asgi(Service(role)))) as self.port:
            yield self

    def code(self, number: str) -> str:
        """Return the code of the last SMS to a number."""
        return next(str(sent.code) for sent in reversed(self.sms.messages) if sent.recipient == number)


@define
class Recording:
    """A ``Fetch`` that keeps what it was asked for."""

    _fetch: Any
    asked: list[str] = field(factory=list)

    async def fetch(self, request: HttpRequest, deadline: int) -> Any:
        self.asked.append(f"{request.authority}{request.path}")
        return await self._fetch.fetch(request, deadline)


@define
class Heard:
    """An ASGI application in front of another one, that keeps the ``Authorization`` headers, by path."""

    _app: Any
    headers: list[tuple[str, str]] = field(factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        given = dict(scope["headers"]).get(b"authorization", b"").decode()
        self.headers.append((scope["path"], given))
        await self._app(scope, receive, send)


class Published:
    """An identity server over TLS. ``mails``: what it sent; ``fetch``: the keys it asked for; ``heard``: who called."""

    def __init__(self, port: int, homeserver_port: int) -> None:
        self.port, self.mails, self.key = port, Outbox(), new_signing_key("0")
        context = ssl.create_default_context()
        authority().configure_trust(context)
        https = PinnedHttps(
            allow_addresses=[HERE],
            ports=[homeserver_port],
            context=context,
            resolve=Names({"localhost": (HERE,)}),
        )
        self.fetch = Recording(https)
        self.role = self._wired(self.key)
        self.heard = Heard(Asgi(Service(self.role)))

    def _wired(self, key: SigningKey) -> IdentityServer:
        return IdentityServer(
            **_shared(email=self.mails, msisdn=Outbox()),
            callers=FakeCallers(),
            signer=NamedSigner(self.name, key),
            verifier=XMatrixVerifier([self.name], KeyLookup(fetch=self.fetch)),
        )

    @property
    def name(self) -> str:
        return f"localhost:{self.port}"

    @contextmanager
    def serving(self, files: Mapping[str, Path]) -> Iterator[Published]:
        """Serve it with this certificate."""
        with served(self.heard, port=self.port, ssl_keyfile=files["key"], ssl_certfile=files["chain"]):
            yield self

    def call(self, path: str, body: Mapping[str, Any], user: str) -> Answer:
        """Make a call of a client of its own."""
        return self.client.post(f"/_matrix/identity/v2{path}", body, user)

    @property
    def client(self) -> Client:
        return Client(self.port, tls=True)

    def prove(self, address: str, user: str, secret: str = "secret") -> dict[str, str]:
        """Validate a mail address at the identity server, as a client does before it binds."""
        body = {"email": address, "client_secret": secret, "send_attempt": 1}
        sid = self.call("/validate/email/requestToken", body, user).body["sid"]
        token = str(self.mails.last.link).rpartition("token=")[2]
        credentials = {"sid": sid, "client_secret": secret}
        done = self.call("/validate/email/submitToken", {**credentials, "token": token}, user)
        assert done.body == {"success": True}
        return credentials

    def owner(self, medium: Medium, address: str) -> str | None:
        """Return whose address it is, as the server has it."""
        return run_sync(self._owner(Threepid(medium, address)))

    async def _owner(self, threepid: Threepid) -> str | None:
        found = await self.role.associations.get(threepid)
        return None if found is None else found.mxid
