"""Our homeserver side with its own HTTP, and a user of it whose addresses a Sydent publishes."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from matrix_threepid import Response
from matrix_threepid.identity.client import HttpIdentityClient
from matrix_threepid.identity.signed_requests import RequestSigner
from matrix_threepid.net.safe_https import PinnedHttps
from matrix_threepid.testing import World
from matrix_threepid.testing.rogue import Names, authority

from .sydent import Homeserver, Sydent

HERE = "127.0.0.1"
_numbers = iter(range(1000))


def https(sydent: Sydent) -> PinnedHttps:
    """Return our HTTP, allowed to call Sydent on this machine."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    port, names = sydent.front.server.port, Names({"localhost": (HERE,)})
    return PinnedHttps(allow_addresses=[HERE], ports=[port], context=context, resolve=names)


class Side:
    """Our homeserver, one user of it, and an address nobody else has."""

    def __init__(self, make_world: Callable[..., World], sydent: Sydent, homeserver: Homeserver) -> None:
        self.sydent, number = sydent, next(_numbers)
        self.user, self.address = f"@user{number}:{homeserver.name}", f"user{number}@example.org"
        client = HttpIdentityClient(https(sydent), RequestSigner(homeserver.name, homeserver.key))
        self.world = make_world({"identity_deadline": 30_000}, server_name=homeserver.name, identity=client)

    @property
    def named(self) -> dict[str, str]:
        return {"medium": "email", "address": self.address}

    def bind(self, credentials: dict[str, str], token: str) -> Response:
        body = {"id_server": self.sydent.name, "id_access_token": token, **credentials}
        return self.world.post("/account/3pid/bind", body, self.user)

    def publish(self) -> dict[str, str]:
        """Validate at Sydent and bind there; return the credentials of the session."""
        token = self.sydent.sign_in(self.user)
        credentials = self.sydent.prove(self.address, token)
        answer = self.bind(credentials, token)
        assert (answer.status, self.owner) == (200, self.user), answer.body
        return credentials

    def remove(self, how: str, **members: str) -> Any:
        """Unbind or delete; return the body of the answer, which must be a good one."""
        answer = self.world.post(f"/account/3pid/{how}", {**self.named, **members}, self.user)
        assert answer.status == 200, answer.body
        return answer.json()

    @property
    def owner(self) -> str | None:
        return self.sydent.owner(self.address)
