"""A homeserver whose identity servers answer over TLS on loopback, and what its users do with them."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve

from matrix_threepid.deactivate import deactivate_threepids
from matrix_threepid.flows.unbind_retry import retry_unbinds
from matrix_threepid.identity.client import HttpIdentityClient
from matrix_threepid.identity.signed_requests import RequestSigner
from matrix_threepid.identity.signing import new_signing_key
from matrix_threepid.model.binding import Binding
from matrix_threepid.net.safe_https import PinnedHttps
from matrix_threepid.offload import run_sync
from matrix_threepid.protocol.wire import Response
from matrix_threepid.testing import ALICE, World
from matrix_threepid.testing.contracts.fetch_cases import HERE
from matrix_threepid.testing.identity import FakeIdentityServers
from matrix_threepid.testing.rogue import Heard, Names, RogueServer, Said, answer, authority, certified

SERVERS = ("id.example", "first.example", "second.example")
"""Names on the certificate."""
NOBODY = "127.0.0.9"
"""An address that may be called and at which nobody listens."""
IMPATIENT, PATIENT = 500, 30_000
"""Deadlines in ms: for what never answers, and for a busy machine."""
KEY = new_signing_key("a_1")
ADDRESS = "alice@example.org"
ASSOCIATION = {"medium": "email", "address": ADDRESS, "mxid": ALICE, "not_before": 0, "not_after": 1, "ts": 0}
HONEST: Mapping[str, Any] = {
    "getValidated3pid": {"medium": "email", "address": ADDRESS, "validated_at": 1},
    "bind": ASSOCIATION,
    "unbind": {},
}
"""What a good identity server answers to each call."""


def honest(heard: Heard) -> Said:
    """Answer as a good identity server does."""
    return said(200, HONEST[call_of(heard)])


def said(status: int, body: Any) -> bytes:
    """Return an answer; ``body``: ``None`` for none, a text as it is, anything else as JSON."""
    raw = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return answer(status, raw)


def call_of(heard: Heard) -> str:
    """Return which call was made: ``getValidated3pid``, ``bind`` or ``unbind``."""
    return heard.path.rpartition("/")[2]


class Outside:
    """The world; ``server`` is all identity servers in one; ``names`` says where their names lead."""

    def __init__(self, server: RogueServer, make_world: Callable[..., World], **policy: Any) -> None:
        self.server = server
        self.names = Names(dict.fromkeys((*SERVERS, "wrong.example", "closed.example"), (HERE,)))
        self.names.lead_to["inside.example"] = ("10.0.0.1",)
        context = ssl.create_default_context(cadata=authority().cert_pem.bytes().decode())
        fetch = PinnedHttps(allow_addresses=(HERE, NOBODY), ports=(server.port, 1), context=context, resolve=self.names)
        client = HttpIdentityClient(fetch, RequestSigner("hs.example.org", KEY))
        self.world = make_world({"identity_deadline": PATIENT, **policy}, identity=client)

    def leads_to(self, *addresses: str) -> None:
        """Let ``id.example`` lead elsewhere."""
        self.names.lead_to["id.example"] = addresses

    def recovers(self) -> None:
        """Let everything be well again, and the homeserver patient."""
        self.leads_to(HERE)
        self.server.answers, self.server.context = honest, certified(*SERVERS)
        policy = self.world.homeserver.policy
        self.world.rewire(policy=evolve(policy, identity_deadline=PATIENT))

    def at(self, name: str) -> str:
        """Return the ``id_server`` of a name: with the port the server listens at, unless one is given."""
        return name if ":" in name else f"{name}:{self.server.port}"

    def remember(self, *names: str) -> None:
        """Let Alice add her address, and bind it at servers that were good then."""
        self.world.add(self.world.prove(ADDRESS))
        good, real = FakeIdentityServers(), self.world.homeserver.identity
        self.world.rewire(identity=good)
        for name in names:
            good.prove(self.at(name), "sid", "secret", ADDRESS)
            assert self.bind(name).status == 200
        self.world.rewire(identity=real)

    def bind(self, name: str = "id.example", **members: Any) -> Response:
        """Let Alice bind her address."""
        body = {"id_server": self.at(name), "id_access_token": "her-token", "sid": "sid", "client_secret": "secret"}
        return self.world.post("/account/3pid/bind", {**body, **members}, ALICE)

    def remove(self, how: str, **members: Any) -> Response:
        """Let Alice ``unbind`` or ``delete`` her address."""
        return self.world.post(f"/account/3pid/{how}", {"medium": "email", "address": ADDRESS, **members}, ALICE)

    def leave(self, id_server: str | None = None) -> str:
        """Let Alice's account be deactivated."""
        return run_sync(deactivate_threepids(self.world.homeserver, ALICE, id_server))

    def retry(self, after: int = 0) -> int:
        """Work through the queue, so many ms later."""
        self.world.clock.advance(after)
        return run_sync(retry_unbinds(self.world.homeserver))

    @property
    def rows(self) -> list[Binding]:
        """What is remembered."""
        return list(run_sync(self._rows()))

    async def _rows(self) -> Any:
        return await self.world.homeserver.bindings.of_user(ALICE)

    @property
    def calls(self) -> list[str]:
        """The calls the identity servers have heard, in order."""
        return [call_of(heard) for heard in self.server.heard]
