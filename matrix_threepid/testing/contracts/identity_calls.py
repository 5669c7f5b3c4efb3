"""Fixtures and calls for the contracts of clients of identity servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ...identity.signing import SigningKey, new_signing_key
from ...model.room_invite import InviteAbout, InviteRequest
from ...model.threepid import Medium, Threepid
from ...ports import Credentials
from ..identity import FAKE_KEY
from .base import Contract
from .identity_servers import SERVERS, HttpIdentityServers, key_url

ALICE, BOB = "@alice:hs.example.org", "@bob:hs.example.org"
ADDRESS, SERVER_NAME = "alice@example.org", "hs.example.org"
SESSION = Credentials("a-sid", "a-client-secret")
TOKEN, ROOM = "the-users-token", "!room:hs.example.org"
PATIENT, SHORT = 10_000, 400
HERE, ELSEWHERE = SERVERS


class IdentityCalls(Contract):
    """The fixtures, and how calls are made."""

    abilities = ("http", "v1")

    @pytest.fixture
    def servers(self) -> Iterator[HttpIdentityServers]:
        """Identity servers that work until a test changes them."""
        with HttpIdentityServers().serving() as servers:
            yield servers

    @pytest.fixture
    def key(self) -> SigningKey:
        """The homeserver's key."""
        return new_signing_key("a_1")

    @pytest.fixture
    def client(self, make_client: Any, servers: HttpIdentityServers, key: SigningKey, tmp_path: Path) -> Any:
        """The client under test."""
        return make_client(servers.setting(tmp_path, SERVER_NAME, key))

    # -- how calls are made -------------------------------------------------------------------------

    def call(self, call: str, client: Any, where: str, **changes: Any) -> Any:
        """Make a call for alice.

        ``token``, ``session``, ``medium``, ``address``, ``about``, ``url``, ``public_key`` and ``deadline`` may be
        given.
        """
        token, session = changes.get("token", TOKEN), changes.get("session", SESSION)
        deadline = changes.get("deadline", PATIENT)
        threepid = Threepid(changes.get("medium", Medium.EMAIL), changes.get("address", ADDRESS))
        if call == "proved":
            return self.soon(client.proved, where, token, session, deadline)
        if call == "bind":
            return self.soon(client.bind, where, token, session, ALICE, deadline)
        if call == "unbind":
            return self.soon(client.unbind, where, ALICE, threepid.medium, threepid.address, deadline)
        if call == "look_up":
            return self.soon(client.look_up, where, token, threepid, ALICE, deadline)
        if call == "store_invite":
            about = changes.get("about", InviteAbout())
            invite = InviteRequest(threepid=threepid, room_id=ROOM, sender=ALICE, about=about)
            return self.soon(client.store_invite, where, token, invite, deadline)
        url, public_key = changes.get("url", key_url(where)), changes.get("public_key", FAKE_KEY)
        return self.soon(client.key_is_valid, url, public_key, deadline)

    def proved_at(self, servers: HttpIdentityServers) -> str:
        """Put Alice's session at the first server; return its ``id_server``."""
        where = servers.at(HERE)
        servers.prove(where, SESSION.sid, SESSION.client_secret, ADDRESS)
        return where
