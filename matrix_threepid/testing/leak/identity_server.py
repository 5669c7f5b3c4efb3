"""An identity server with what it stores for its users, and what somebody with a dump of it tries."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode

from attrs import define, evolve, field

from ...model.keys import Peppers
from ...model.threepid import Medium
from ...offload import run_sync
from ...policy import InvitationRules, Policy
from ...protocol.wire import Request, Response
from ...roles.base import Silence
from ...roles.identity_server import IdentityServer
from ...service import Service
from ..fakes import FakeClock, Outbox
from ..world import ALICE, GENEROUS, GENEROUS_SMS, PEPPER
from .scene import FORM, NoLimits, Scene, Secret

STORES = ("sessions", "limiter", "messages", "suppressions", "logins", "associations", "invitations")
"""The stores of an identity server, by the names that ``IdentityServer`` has for them."""
_NAME, _KEY = "id.example.org", "l8Hft5qXKn1vfHrg3p4+W8gELQVo8N13JkluMfmn2sQ"
_HOMESERVER = "hs.example.org"
_EMAIL, _SMS = "/validate/email", "/validate/msisdn"


class _Users:
    """``OpenIdUsers`` that know one user."""

    async def user_of(self, server_name: str, access_token: str, caller: str) -> str | None:
        return ALICE


class _Signer:
    """An ``ObjectSigner`` whose signatures nobody checks here."""

    def sign(self, value: Mapping[str, object]) -> dict[str, object]:
        return {**value, "signatures": {_NAME: {"ed25519:0": "x"}}}


class _Keys:
    """``InvitationKeys`` whose signatures nobody checks here."""

    def public_of(self, seed: bytes) -> str:
        return b64encode(sha256(seed).digest()).decode().rstrip("=")

    def sign(self, seed: bytes, value: Mapping[str, object]) -> dict[str, object]:
        return _Signer().sign(value)


@define
class _Server:
    """The identity server of a scene, and short ways to act."""

    role: IdentityServer
    mails: Outbox
    texts: Outbox
    service: Service = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.service = Service(self.role)

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Response:
        """Make a request; ``path`` with its query, below version 2 unless it starts with ``/_``."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        full, _, query = (path if path.startswith("/_") else f"/_matrix/identity/v2{path}").partition("?")
        request = Request(method, full, headers or {}, body=raw, query=query, client="203.0.113.7")
        return run_sync(self.service.handle(request))


def of_identity_server(stores: Mapping[str, Any]) -> Scene:
    """Return an identity server over these stores, with users, sessions, a binding and an invitation."""
    mails, texts = Outbox(), Outbox()
    policy = Policy(
        public_base_url=f"https://{_NAME}",
        limits=GENEROUS,
        sms=GENEROUS_SMS,
        invitations=InvitationRules(web_client="https://app.example.org"),
    )
    role = IdentityServer(
        server_name=_NAME,
        peppers=Peppers.of(PEPPER),
        policy=policy,
        senders={Medium.EMAIL: mails, Medium.MSISDN: texts},
        openid=_Users(),
        signer=_Signer(),
        public_keys={"ed25519:0": _KEY},
        invitation_keys=_Keys(),
        listener=Silence(),
        clock=FakeClock(),
        **stores,
    )
    server, scene = _Server(role, mails, texts), Scene(role)
    openid = {"access_token": "an.openid-token", "matrix_server_name": _HOMESERVER}
    access = server.call("POST", "/account/register", openid).json()["token"]
    scene.secrets += [Secret("an access token", access), Secret("an OpenID token", "an.openid-token")]
    bearer = {"authorization": f"Bearer {access}"}
    _opened(server, scene, bearer, "sent by mail", {"email": "0@example.net"})
    _opened(server, scene, bearer, "sent by SMS", {"country": "GB", "phone_number": "07700 900123"})
    _opened(server, scene, bearer, "validated", {"email": "1@example.net"}, proved=True)
    bound = _opened(server, scene, bearer, "bound", {"email": "2@example.net"}, proved=True)
    assert server.call("POST", "/3pid/bind", {**bound, "mxid": ALICE}, bearer).status == 200
    invited = {"medium": "email", "address": "3@example.net", "room_id": "!room:hs.example.org", "sender": ALICE}
    assert server.call("POST", "/store-invite", invited, bearer).status == 200
    scene.told([*mails.messages, *texts.messages])
    server = _Server(evolve(role, limiter=NoLimits()), mails, texts)
    scene.role = server.role
    scene.attempts = _attempts(server, scene, bearer, bound["sid"])
    return scene


def _opened(
    server: _Server, scene: Scene, bearer: Mapping[str, str], state: str, to: Mapping[str, str], *, proved: bool = False
) -> dict[str, str]:
    secret = f"client.secret-{len(scene.states)}"
    medium = _EMAIL if "email" in to else _SMS
    asked = server.call("POST", f"{medium}/requestToken", {**to, "client_secret": secret, "send_attempt": 1}, bearer)
    creds = {"sid": scene.opened(state, asked.json()["sid"], secret), "client_secret": secret}
    if proved:
        token = (server.mails.last.link or "").rpartition("token=")[2]
        assert server.call("POST", f"{medium}/submitToken", {**creds, "token": token}, bearer).json()["success"]
    return creds


def _attempts(
    server: _Server, scene: Scene, bearer: Mapping[str, str], bound: str
) -> list[tuple[str, Callable[[str], bool]]]:
    def call(method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Response:
        return server.call(method, path, body, {**bearer, **(headers or {})})

    def reads(sid: str) -> Callable[[str], bool]:
        path = "/3pid/getValidated3pid"
        return lambda word: call("GET", f"{path}?{urlencode({'sid': sid, 'client_secret': word})}").status == 200

    def unbinds(word: str) -> bool:
        threepid = {"medium": "email", "address": scene.session(bound).threepid.address}
        body = {"mxid": ALICE, "threepid": threepid, "sid": bound, "client_secret": word}
        return server.call("POST", "/3pid/unbind", body).status == 200

    def acts(word: str) -> bool:
        return server.call("GET", "/account", headers={"authorization": f"Bearer {word}"}).status == 200

    def stops(word: str) -> bool:
        link = next(message.stop_link for message in server.mails.messages if message.stop_link)
        path, _, query = (link or "").partition(_NAME)[2].partition("?")
        form = urlencode({**dict(parse_qsl(query)), "token": word}).encode()
        return server.call("POST", path, form, FORM).status == 200

    attempts: list[tuple[str, Callable[[str], bool]]] = []
    for sid, state in scene.states.items():
        medium = scene.session(sid).threepid.medium
        to_code = f"/_matrix/identity/v2/validate/{medium.value}/submitToken"
        validates = scene.validates(call, sid, server.role.submit_url(medium), to_code)
        attempts.append((f"validate a session that is {state}", validates))
        attempts.append((f"redeem a session that is {state}", reads(sid)))
    others = {"unbind an address": unbinds, "act by an access token": acts, "stop invitations of others": stops}
    return [*attempts, *others.items()]
