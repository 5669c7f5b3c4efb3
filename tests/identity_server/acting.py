"""An identity server (or a delegate) in memory, homeservers that sign for it, and the people who use it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from attrs import define, field

from matrix_threepid import Medium, Peppers, Policy, Request, Response, Service
from matrix_threepid.identity.signed_requests import RequestSigner, XMatrixVerifier
from matrix_threepid.identity.signing import EphemeralKeys, NamedSigner, SigningKey, new_signing_key
from matrix_threepid.model.association import Association
from matrix_threepid.model.email import canonical_email
from matrix_threepid.model.message import TokenMessage
from matrix_threepid.model.threepid import Threepid
from matrix_threepid.offload import run_sync
from matrix_threepid.policy import SmsRules
from matrix_threepid.protocol.errors import TermsNotSigned, Unavailable
from matrix_threepid.roles.identity_server import IdentityServer
from matrix_threepid.testing import ALICE, GENEROUS, Events, FakeAccounts, FakeCallers, FakeClock, Outbox, Rules
from matrix_threepid.testing.world import PEPPER

from .apis import V1, V2, Api

NAME = "id.example.org"
BASE = f"https://{NAME}"
MINUTE, DAY = 60_000, 86_400_000
ADDRESS, NUMBER = "alice@example.org", "447700900123"
FORM = {"content-type": "application/x-www-form-urlencoded"}
KEY, HS_KEY = new_signing_key("0"), new_signing_key("a_1")
OTHERS = new_signing_key("a_1")
"""A key of somebody else, by the same name."""
HOMESERVER = RequestSigner("hs.example.org", HS_KEY)
TARGETS: Mapping[str, dict[str, str]] = {
    "email": {"email": ADDRESS},
    "msisdn": {"country": "GB", "phone_number": "07700 900123"},
}
SMS = SmsRules(countries=["GB"], per_number=(), per_prefix=())
"""Where SMS may go; how many is what other tests are about."""
UNSIGNED, FORBIDDEN = (401, "M_UNAUTHORIZED"), (403, "M_FORBIDDEN")
CANONICAL = {"email": ADDRESS, "msisdn": NUMBER}


@define
class Keys:
    """``ServerKeys`` known beforehand, by server name and key id; ``away``: nobody can be asked."""

    known: dict[tuple[str, str], str] = field(factory=dict)
    away: bool = False

    def publish(self, server_name: str, key: SigningKey) -> None:
        self.known[server_name, key.id] = key.public

    async def find(self, server_name: str, key_id: str) -> str | None:
        if self.away:
            raise Unavailable
        return self.known.get((server_name, key_id))


class Strict(FakeCallers):
    """Callers who have not accepted the terms."""

    async def identify(self, request: Request) -> None:
        raise TermsNotSigned


class Place:
    """The server and everything around it; has what ``check_invariants`` looks at."""

    def __init__(self, api: Api = V2, policy: Mapping[str, Any] | None = None, **ports: Any) -> None:
        self.api = api
        self.clock, self.callers, self.accounts = FakeClock(), FakeCallers(), FakeAccounts()
        self.outbox, self.sms, self.rules, self.events = Outbox(), Outbox(), Rules(), Events()
        self.keys = Keys()
        self.keys.publish(HOMESERVER.server_name, HS_KEY)
        self.exchanges: list[tuple[Request, Response]] = []
        shared = {
            "server_name": NAME,
            "peppers": Peppers.of(PEPPER),
            "policy": Policy(**{"public_base_url": BASE, "limits": GENEROUS, "sms": SMS, **(policy or {})}),
            "senders": {Medium.EMAIL: self.outbox, Medium.MSISDN: self.sms},
            "rules": self.rules,
            "listener": self.events,
            "clock": self.clock,
        }
        own: dict[str, Any] = {
            "callers": self.callers,
            "signer": NamedSigner(NAME, KEY),
            "verifier": XMatrixVerifier([NAME], self.keys),
            "invitation_keys": EphemeralKeys(NAME),
        }
        if api is V1:
            own["serve_v1"] = True
        self.homeserver = api.role(**{**shared, **(own if api.role is IdentityServer else {}), **ports})
        self.service = Service(self.homeserver)

    # -- calls --------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Response:
        """Make a request below the version; ``user``: whose token, ``None`` for none."""
        user = more.pop("user", self.api.user)
        headers = {**({"authorization": f"Bearer {user}"} if user else {}), **more.pop("headers", {})}
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        full = path if "/_matrix/" in path else self.api.path(path)
        request = Request(method, full, headers, body=raw, **{"client": "203.0.113.7", **more})
        response = run_sync(self.service.handle(request))
        self.exchanges.append((request, response))
        return response

    def post(self, path: str, body: Any, **more: Any) -> Response:
        return self.call("POST", path, body, **more)

    def get(self, path: str, values: Mapping[str, str], **more: Any) -> Response:
        return self.call("GET", path, query=urlencode(values), **more)

    # -- what people do -----------------------------------------------------------------------------

    def ask(self, medium: str = "email", **members: Any) -> Response:
        body = {"client_secret": "secret", "send_attempt": 1, **TARGETS[medium], **members}
        return self.post(f"/validate/{medium}/requestToken", body)

    def token(self, medium: str = "email") -> str:
        """Return what the last message holds."""
        message = self.last(medium)
        return message.code or str(message.link).rpartition("token=")[2]

    def last(self, medium: str = "email") -> TokenMessage:
        return self.outbox.last if medium == "email" else self.sms.last

    def triple(self, sid: str, medium: str = "email", **members: str) -> dict[str, str]:
        """Return what confirms a session."""
        return {"sid": sid, "client_secret": "secret", "token": self.token(medium), **members}

    def prove(self, medium: str = "email", **members: Any) -> dict[str, str]:
        """Ask, read, confirm; return the credentials of the session."""
        sid: str = self.ask(medium, **members).json()["sid"]
        credentials = {"sid": sid, "client_secret": members.get("client_secret", "secret")}
        done = self.post(f"/validate/{medium}/submitToken", {**credentials, "token": self.token(medium)})
        assert done.json() == {"success": True}
        return credentials

    def validated(self, credentials: Mapping[str, str], **more: Any) -> Response:
        return self.get("/3pid/getValidated3pid", credentials, **more)

    def press(self, message: TokenMessage) -> Response:
        """Press the button of the page behind a mail's link."""
        parts = urlsplit(message.link or "")
        return self.call("POST", parts.path, urlencode(dict(parse_qsl(parts.query))).encode(), headers=FORM)

    # -- what is published --------------------------------------------------------------------------

    def bind(self, credentials: Mapping[str, str], mxid: str = ALICE, **more: Any) -> Response:
        return self.post("/3pid/bind", {**credentials, "mxid": mxid}, **more)

    def publish(self, mxid: str = ALICE, medium: str = "email") -> dict[str, str]:
        """Prove and bind; return the credentials of the session."""
        credentials = self.prove(medium)
        assert self.bind(credentials, mxid).status == 200
        return credentials

    def publish_as(self, address: str, mxid: str) -> None:
        """Put the association of a mail address in place, whatever it looks like."""
        run_sync(self.homeserver.associations.put(Association(email(address), mxid, 0)))

    def published(self, medium: str = "email", address: str | None = None) -> str | None:
        """Return whose address it is, as the server has it."""
        typed = address or CANONICAL[medium]
        number = Threepid(Medium.MSISDN, typed)
        return run_sync(self._published(number if medium == "msisdn" else email(typed)))

    async def _published(self, threepid: Threepid) -> str | None:
        found = await self.homeserver.associations.get(threepid)
        return None if found is None else str(found.mxid)

    def unbind(self, body: Mapping[str, Any], authorization: str | None = None, **more: Any) -> Response:
        headers = {} if authorization is None else {"authorization": authorization}
        return self.post("/3pid/unbind", body, user=None, headers=headers, **more)

    def signed(self, body: Mapping[str, Any], signer: RequestSigner = HOMESERVER, to: str = NAME) -> str:
        """Return the header of a homeserver that unbinds."""
        return signer.sign("POST", self.api.path("/3pid/unbind"), to, body)


def email(address: str) -> Threepid:
    return canonical_email(address, intranet_domains=frozenset(["corp"])).threepid


def wanted(mxid: str = ALICE, address: str = ADDRESS, medium: str = "email", **members: Any) -> dict[str, Any]:
    """Return the body of an unbind."""
    return {"mxid": mxid, "threepid": {"medium": medium, "address": address}, **members}


def refusal(response: Response) -> tuple[int, str]:
    return response.status, response.json()["errcode"]


def done(response: Response) -> bool:
    return (response.status, response.json()) == (200, {})
