"""w5: addresses published at an identity server, and taken back. The server is a stub behind the real client."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from attrs import define, field, frozen

from matrix_threepid.identity.client import HttpIdentityClient
from matrix_threepid.identity.signed_requests import RequestSigner
from matrix_threepid.identity.signing import new_signing_key
from matrix_threepid.net.fetch import HttpReply, HttpRequest
from matrix_threepid.offload import run_sync
from matrix_threepid.protocol.wire import Request, Response
from matrix_threepid.testing import World

from ..measure import Work
from ..setting import Setting
from .answers import accounts_of, not_status, of_requests

SERVER = "id.example.org"
_KEY = new_signing_key("bench")


@frozen
class Published:
    """Somebody who has proved an address at the identity server."""

    user: str
    secret: str
    sid: str
    address: str


@define
class StubFetch:
    """A ``Fetch`` that is a good identity server. ``proved``: addresses by ``sid``; ``published``, ``taken_back``."""

    proved: dict[str, str] = field(factory=dict, repr=False)
    published: list[str] = field(factory=list)
    taken_back: list[str] = field(factory=list)

    async def fetch(self, request: HttpRequest, deadline: int) -> HttpReply:
        call = request.path.rpartition("/")[2]
        body = json.loads(request.body or b"{}")
        return HttpReply(200, json.dumps(getattr(self, f"_{call.lower()}")(request, body)).encode())

    def _getvalidated3pid(self, request: HttpRequest, body: Any) -> dict[str, Any]:
        (sid,) = parse_qs(request.query)["sid"]
        return {"medium": "email", "address": self.proved[sid], "validated_at": 1}

    def _bind(self, request: HttpRequest, body: Any) -> dict[str, Any]:
        address = self.proved[body["sid"]]
        self.published.append(address)
        times = {"not_before": 0, "not_after": 1, "ts": 1}
        return {"medium": "email", "address": address, "mxid": body["mxid"], **times}

    def _unbind(self, request: HttpRequest, body: Any) -> dict[str, Any]:
        if dict(request.headers)["Authorization"].startswith("X-Matrix "):
            self.taken_back.append(body["threepid"]["address"])
        return {}


def bind(setting: Setting) -> Work:
    """Publish an address."""
    world, stub, people = _proved(setting)
    requests = [_bind_request(world, person) for person in people]
    return of_requests(world, requests, partial(_not_those, stub.published, people))


def unbind(setting: Setting) -> Work:
    """Take a remembered binding back; the account stays as it is."""
    return _removing(setting, "/account/3pid/unbind")


def delete(setting: Setting) -> Work:
    """Take an address off the account, after its binding."""
    return _removing(setting, "/account/3pid/delete")


def _removing(setting: Setting, path: str) -> Work:
    world, stub, people = _proved(setting)
    for person in people:
        accounts_of(world).give(person.user, person.address)
        run_sync(world.service.handle(_bind_request(world, person)))
    bodies = [(person.user, {"medium": "email", "address": person.address}) for person in people]
    requests = [world.request("POST", path, body, user) for user, body in bodies]
    return of_requests(world, requests, partial(_not_those, stub.taken_back, people))


def _proved(setting: Setting) -> tuple[World, StubFetch, list[Published]]:
    """Return a host whose identity server knows one stranger an operation."""
    stub, one = StubFetch(), setting.people
    world = setting.world()
    world.rewire(identity=HttpIdentityClient(stub, RequestSigner("hs.example.org", _KEY)))
    people = [Published(one.user(), one.secret(), one.secret(), one.address().lower()) for _ in range(setting.ops)]
    stub.proved.update({person.sid: person.address for person in people})
    return world, stub, people


def _bind_request(world: World, person: Published) -> Request:
    proof = {"sid": person.sid, "client_secret": person.secret}
    body = {"id_server": SERVER, "id_access_token": "token", **proof}
    return world.request("POST", "/account/3pid/bind", body, person.user)


def _not_those(heard: Sequence[str], people: Sequence[Published], answers: Sequence[Response]) -> int:
    """The identity server was asked once for each address, and every client heard that it was done."""
    return not_status(200, answers) + sum(
        person.address != address for person, address in zip(people, heard, strict=True)
    )
