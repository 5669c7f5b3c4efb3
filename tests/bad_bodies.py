"""A running server of every role, and good bodies for all it offers; what is put into them is for the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from attrs import define, field, frozen
from data.bad_values import GOOD, KNOWN
from identity_server.acting import ADDRESS, FORM, Place
from identity_server.apis import DELEGATE as AS_DELEGATE
from identity_server.apis import V2, Api

from matrix_threepid import AccountThreepid, Medium, Request, Response, Service
from matrix_threepid.endpoints import DELEGATE, FEDERATION, HOMESERVER, IDENTITY_SERVER
from matrix_threepid.model.identity import ServerRefused
from matrix_threepid.offload import run_sync
from matrix_threepid.protocol.endpoint import Endpoint, Table
from matrix_threepid.protocol.members import Nested, members
from matrix_threepid.protocol.rules import Rule
from matrix_threepid.testing import ALICE, BOB, FakeIdentityServers, FakeRooms, Outbox, World


class Side(Protocol):
    """A running server of a role; ``state``: all that it keeps and has sent."""

    def good(self, declared: Endpoint) -> dict[str, Any]:
        """Return a good body of an endpoint."""

    def call(self, method: str, path: str, **more: Any) -> Response:
        """Make a request with ``body``, ``query``, ``headers``."""

    def state(self) -> Any: ...


def built(kinds: type[Any], values: Mapping[str, Any] = GOOD) -> dict[str, Any]:
    """Return a body of a message class out of good values."""
    rules = {name: each.rule for name, each in members(kinds).items()}
    return {name: built(rule.cls, values) if isinstance(rule, Nested) else values[name] for name, rule in rules.items()}


def walk(message: type[Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Rule, bool]]:
    """Yield every member of a message class: its path, its rule, whether it is required."""
    for name, each in members(message).items():
        yield (*path, name), each.rule, each.required
        if isinstance(each.rule, Nested):
            yield from walk(each.rule.cls, (*path, name))


class IdentityServers:
    """Identity servers that refuse everything, and remember that they were asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def proved(self, *question: Any) -> ServerRefused:
        self.asked.append(question)
        return ServerRefused(403, "M_FORBIDDEN", "no")

    bind = unbind = proved


@frozen
class AtHome:
    """A homeserver on which every endpoint is on, whose good reset requests find an account; a ``link`` was sent."""

    world: World
    link: Mapping[str, Any]

    @classmethod
    def opened(cls, make_world: Callable[..., World]) -> AtHome:
        box = Outbox()
        senders = {Medium.EMAIL: box, Medium.MSISDN: box}
        policy = {"password_reset_by_phone": True, "legacy_add": "uia", "undo_links": True}
        world = make_world(policy, senders=senders, identity=IdentityServers())
        world.outbox = box
        for medium, address in ((Medium.EMAIL, KNOWN["email"]), (Medium.MSISDN, "447700900999")):
            held = AccountThreepid(medium=medium, address=address, validated_at=1, added_at=1)
            run_sync(world.accounts.add(BOB, held))
        assert world.ask(GOOD["email"], GOOD["client_secret"]).status == 200
        return cls(world, dict(parse_qsl(urlsplit(world.outbox.last.link or "").query)))

    def good(self, declared: Endpoint) -> dict[str, Any]:
        known = KNOWN if "password" in declared.path else self.link if declared.query is not None else {}
        return built(declared.request or declared.query or object, {**GOOD, **known})

    def call(self, method: str, path: str, **more: Any) -> Response:
        return self.world.call(method, path, more.pop("body", None), user=ALICE, **more)

    def state(self) -> Any:
        hs: Any = self.world.homeserver
        stored = (hs.sessions.dump(), hs.bindings.dump(), list(self.world.accounts.on))
        return (*stored, list(hs.identity.asked), len(self.world.outbox.messages))


@define
class AtIdentityServer:
    """An identity server, or a delegate: Alice's address is proved and published, and two tokens wait for her."""

    place: Place
    ready: dict[str, dict[str, Any]] = field(factory=dict)

    @classmethod
    def opened(cls, api: Api) -> AtIdentityServer:
        side = cls(Place(api) if api is AS_DELEGATE else Place(api, serve_v1=True))
        proved = side.place.prove() if api is AS_DELEGATE else side.place.publish()
        side.ready["threepid"] = {**proved, "mxid": ALICE, "address": ADDRESS}
        for medium in ("email", "msisdn"):
            sid = side.place.ask(medium, client_secret="waiting").json()["sid"]
            side.ready[medium] = side.place.triple(sid, medium, client_secret="waiting")
        return side

    def good(self, declared: Endpoint) -> dict[str, Any]:
        path = declared.path.split("/")
        found = self.ready.get(path[2], {}) if path[-1] == "submitToken" else {}
        found = self.ready["threepid"] if path[1] == "3pid" else found
        return built(declared.request or declared.query or object, {**GOOD, **found})

    def call(self, method: str, path: str, **more: Any) -> Response:
        return self.place.call(method, path, more.pop("body", None), **more)

    def state(self) -> Any:
        role = self.place.homeserver
        mails, texts = len(self.place.outbox.messages), len(self.place.sms.messages)
        published = self.place.published() if hasattr(role, "associations") else None
        invited = role.invitations.dump() if hasattr(role, "invitations") else None
        return role.sessions.dump(), published, invited, mails, texts


class SignedByBobs:
    """A ``RequestVerifier`` for which every request is signed by Bob's homeserver."""

    async def origin(self, request: Request, body: Mapping[str, object]) -> str:
        return "hs.example.org"


@frozen
class AtFederation:
    """A homeserver as other servers see it, with a room to which nobody was invited."""

    world: World
    rooms: FakeRooms
    service: Service

    @classmethod
    def opened(cls, make_world: Callable[..., World]) -> AtFederation:
        rooms = FakeRooms(users={GOOD["mxid"]}, invitations={GOOD["room_id"]: {}})
        world = make_world(rooms=rooms, invitations=FakeIdentityServers(), verifier=SignedByBobs())
        return cls(world, rooms, Service(world.homeserver, FEDERATION))

    def good(self, declared: Endpoint) -> dict[str, Any]:
        return built(declared.request or object)

    def call(self, method: str, path: str, **more: Any) -> Response:
        path = path.replace("{roomId}", GOOD["room_id"])
        request = self.world.request(method, path, more.pop("body", None), **more)
        response = run_sync(self.service.handle(request))
        self.world.exchanges.append((request, response))
        return response

    def state(self) -> Any:
        return list(self.rooms.sent), list(self.rooms.asked), dict(self.rooms.members)


TABLES: Mapping[str, Table] = {
    "homeserver": HOMESERVER,
    "federation": FEDERATION,
    "identity server": IDENTITY_SERVER,
    "delegate": DELEGATE,
}
OPENED: Mapping[str, Callable[[Callable[..., World]], Side]] = {
    "homeserver": AtHome.opened,
    "federation": AtFederation.opened,
    "identity server": lambda _: AtIdentityServer.opened(V2),
    "delegate": lambda _: AtIdentityServer.opened(AS_DELEGATE),
}


@frozen
class Case:
    """An endpoint of a role, and how its members are sent: as JSON, as a ``form``, or in the ``query``."""

    role: str
    declared: Endpoint
    by: str = "JSON"

    def __str__(self) -> str:
        return f"{self.role}-{self.declared.name}" + ("" if self.by == "JSON" else f"-{self.by}")

    @property
    def message(self) -> type[Any]:
        """The message class of what is sent."""
        return self.declared.request or self.declared.query or object

    def send(self, side: Side, body: Any) -> Response:
        """Send a body to the first path of the endpoint."""
        path = TABLES[self.role].prefix + self.declared.paths[-1]
        if self.by == "JSON":
            return side.call(self.declared.method, path, body=body)
        # What a browser or a client writes that knows no Unicode.
        encoded = urlencode(body, errors="surrogatepass")
        if self.by == "form":
            return side.call(self.declared.method, path, body=encoded.encode(), headers=FORM)
        return side.call(self.declared.method, path, query=encoded)


def _ways(declared: Endpoint) -> Iterator[str]:
    """Yield the ways to send the members of an endpoint; objects within can only come as JSON."""
    if declared.request is not None:
        yield "JSON"
    if declared.query is not None:
        yield "query"
    if declared.loose and declared.request is not None and not any(path[1:] for path, *_ in walk(declared.request)):
        yield from ("query", "form")


# They are on only where users log in at the identity server itself: ``proof/hostile.py`` has them.
# Invitations have names that may be anything, which the mail shortens, and no two answers alike.
_ELSEWHERE = ("register_account", "accept_terms", "store_invite", "store_invite_v1")
CASES = tuple(
    Case(role, declared, by)
    for role, table in TABLES.items()
    for declared in table.endpoints
    for by in _ways(declared)
    if declared.name not in _ELSEWHERE
)
