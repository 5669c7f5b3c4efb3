"""Hosts of every role, on which every endpoint is on, as ASGI applications; and what their users know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bad_bodies import OPENED, TABLES
from data.bad_values import GOOD, KNOWN
from identity_server.acting import Place
from identity_server.apis import V2
from schemathesis.python import asgi

from matrix_threepid import Caller, Request, Service, run_sync
from matrix_threepid.commands.roles import ROLES
from matrix_threepid.errors import UiaRequired
from matrix_threepid.hosts.asgi import Asgi
from matrix_threepid.identity import TermsDocument, Translation
from matrix_threepid.policy import InvitationRules
from matrix_threepid.protocol.endpoint import Table
from matrix_threepid.testing import ALICE, PASSWORD, FakeAccounts, FakeIdentityServers, FakeKeeper, World

Known = Mapping[str, Mapping[str, Any]]
"""Values that mean something to a host, by name of a member; for the paths with a text in them."""
_TERMS = "https://id.example.org/terms-1"
_ADDRESS = "alice@example.org"
_AT = {"id_server": "id.example", "id_access_token": "t"}
_ASKED = {"client_secret": "asked", "send_attempt": 1, "next_link": None}


class Host:
    """A host. ``table``: its endpoints; ``known``: what its users know; ``token``: gives an access token of Alice."""

    def __init__(self, service: Service, table: Table, known: Known, token: Callable[[], str] = lambda: ALICE) -> None:
        self.table, self.app = table, Asgi(service)
        self._known, self._token, self._turn = known, token, count()
        self._client = asgi.get_client(self.app)

    def __enter__(self) -> Host:
        self.session = self._client.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._client.__exit__(*error)

    def known_to(self, case: Any, *, values: bool) -> None:
        """Put what users know in the place of what was made up: an access token mostly, and two times of three all."""
        turn = next(self._turn)
        if turn % 5:
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {self._token()}"}
            case.query = {name: value for name, value in (case.query or {}).items() if name != "access_token"}
        if turn % 3 == 0 or not values:
            return
        known: dict[str, Any] = {}
        for part, those in self._known.items():
            known.update(those if part in case.path else {})
        for place in (case.body, case.query, case.path_parameters):
            if isinstance(place, dict):
                place.update({name: value for name, value in known.items() if turn % 2 or name in place})


def _homeserver() -> Host:
    """Return a homeserver on which Alice has proved an address, here and at an identity server."""
    side: Any = OPENED["homeserver"](World)
    world, servers = side.world, FakeIdentityServers()
    world.rewire(identity=servers, uia=_AnyUia())
    sid = world.prove(_ADDRESS, "proved", user=ALICE)
    servers.prove("id.example", sid, "proved", _ADDRESS)
    known = {
        "": {"sid": sid, "client_secret": "proved", "send_attempt": 1, **_AT},
        "/email/requestToken": {"email": "new@example.org", "next_link": None},
        "/msisdn/requestToken": {"country": "GB", "phone_number": "07700 900123", "next_link": None},
        "/password/email/": {"email": KNOWN["email"]},
        "/password/msisdn/": {"phone_number": KNOWN["phone_number"]},
        "/account/3pid": {"auth": {"type": "m.login.password"}},
        "/v3/account/3pid": {"three_pid_creds": {"sid": sid, "client_secret": "proved"}},
        "delete": {"medium": "email", "address": _ADDRESS},
        "unbind": {"medium": "email", "address": _ADDRESS},
        "submit_token": {**side.link, "client_secret": GOOD["client_secret"]},
    }
    return Host(world.service, TABLES["homeserver"], known)


class _AnyUia:
    """``Uia`` that is content with any ``auth``."""

    async def require(self, request: Request, caller: Caller, body: Mapping[str, Any], action: str) -> None:
        if not body.get("auth"):
            raise UiaRequired({"flows": [{"stages": ["m.login.password"]}], "session": "s", "params": {}})


def _accounts() -> Host:
    """Return a homeserver whose accounts are kept by the library."""
    accounts = FakeAccounts()
    keeper = FakeKeeper(accounts)
    world, table = World(accounts=accounts, keeper=keeper, uia=None), ROLES["accounts"]
    run_sync(_with_alice(keeper))
    known = {
        "": {"auth": {"type": "m.login.password", "password": PASSWORD}, "new_password": PASSWORD},
        "/register": {"auth": {"type": "m.login.dummy"}, "password": PASSWORD, "username": None},
    }
    return Host(Service(world.homeserver, table), table, known)


async def _with_alice(keeper: FakeKeeper) -> None:
    await keeper.create(ALICE, await keeper.hash_password(PASSWORD), ())


def _federation() -> Host:
    side: Any = OPENED["federation"](World)
    return Host(side.service, TABLES["federation"], {"onbind": {**GOOD, "invites": []}})


def _delegate() -> Host:
    side: Any = OPENED["delegate"](World)
    known = {
        "3pid": side.ready["threepid"],
        "email": side.ready["email"],
        "msisdn": side.ready["msisdn"],
        "/email/requestToken": {**_ASKED, "email": "new@example.org"},
        "/msisdn/requestToken": {**_ASKED, "country": "GB", "phone_number": "07700 900456"},
    }
    return Host(side.place.service, TABLES["delegate"], known)


class _Confirming:
    """``OpenIdUsers`` that confirm every token as Alice's."""

    async def user_of(self, server_name: str, access_token: str, caller: str) -> str:
        return ALICE


def _identity_server() -> Host:
    """Return an identity server with accounts and terms, at which Alice has bound an address and invited another."""
    policy = {"invitations": InvitationRules(web_client="https://app.example.org")}
    terms = {"terms": TermsDocument("1", {"en": Translation("Terms", _TERMS)})}
    place = Place(V2, policy, serve_v1=True, callers=None, openid=_Confirming(), terms=terms)

    def token() -> str:
        place.clock.advance(1)  # the oldest of a user's tokens ends with each new one
        openid = {"access_token": "openid", "matrix_server_name": "hs.example.org"}
        given: str = place.post("/account/register", openid, user=None).json()["token"]
        return given

    alice = token()
    place.api = V2.__class__(V2.name, V2.role, V2.version, alice)
    place.post("/terms", {"user_accepts": [_TERMS]})
    proved = {**place.publish(), "mxid": ALICE}
    mailed = place.triple(place.ask().json()["sid"]) | {"client_secret": "secret"}
    texted = place.triple(place.ask("msisdn").json()["sid"], "msisdn")
    invited = {"medium": "email", "address": "guest@example.net", "room_id": "!room:hs.example.org", "sender": ALICE}
    place.post("/store-invite", invited)
    web = dict(parse_qsl(urlsplit(str(place.outbox.last.link)).fragment.partition("?")[2]))
    signing = dict(parse_qsl(urlsplit(web["signurl"]).query))
    details = place.call("GET", "/hash_details").json()
    known = {
        "/3pid/": {**proved, "threepid": {"medium": "email", "address": _ADDRESS}},
        "/email/": mailed,
        "/msisdn/": texted,
        "/email/requestToken": {**_ASKED, "email": "new@example.org"},
        "/msisdn/requestToken": {**_ASKED, "country": "GB", "phone_number": "07700 900456"},
        "/account/register": {"matrix_server_name": "hs.example.org"},
        "/lookup": {"addresses": ["k" * 43], "algorithm": "sha256", "pepper": details["lookup_pepper"]},
        "/sign-ed25519": {**signing, "mxid": ALICE},
        "/store-invite": {**invited, "address": "another@example.net"},
        "/terms": {"user_accepts": [_TERMS]},
        "/pubkey/": {"keyId": "ed25519:0"},
    }
    return Host(place.service, TABLES["identity server"], known, token)


HOSTS: Mapping[str, Callable[[], Host]] = {
    "homeserver": _homeserver,
    "accounts": _accounts,
    "federation": _federation,
    "identity-server": _identity_server,
    "delegate": _delegate,
}
