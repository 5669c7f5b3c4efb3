"""Fixtures and calls for the contract of identity-server clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ...identity.signing import SigningKey, new_signing_key
from ...model.threepid import Medium
from ...ports import Credentials, IdentityServerClient
from .base import Contract
from .identity_servers import SERVERS, HttpIdentityServers

ALICE, BOB = "@alice:hs.example.org", "@bob:hs.example.org"
ADDRESS, SERVER_NAME = "alice@example.org", "hs.example.org"
SESSION = Credentials("a-sid", "a-client-secret")
TOKEN = "the-users-token"
PATIENT, SHORT = 10_000, 400
HERE, ELSEWHERE = SERVERS
every_call = pytest.mark.parametrize("call", ["proved", "bind", "unbind"])


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
    def client(
        self, make_client: Any, servers: HttpIdentityServers, key: SigningKey, tmp_path: Path
    ) -> IdentityServerClient:
        """The client under test."""
        made: IdentityServerClient = make_client(servers.setting(tmp_path, SERVER_NAME, key))
        return made

    # -- how calls are made -------------------------------------------------------------------------

    def call(self, call: str, client: IdentityServerClient, where: str, **changes: Any) -> Any:
        """Make a call for alice; ``token``, ``session``, ``medium`` and ``deadline`` may be given."""
        token, session = changes.get("token", TOKEN), changes.get("session", SESSION)
        deadline = changes.get("deadline", PATIENT)
        if call == "proved":
            return self.soon(client.proved, where, token, session, deadline)
        if call == "bind":
            return self.soon(client.bind, where, token, session, ALICE, deadline)
        return self.soon(client.unbind, where, ALICE, changes.get("medium", Medium.EMAIL), ADDRESS, deadline)

    def proved_at(self, servers: HttpIdentityServers) -> str:
        """Put Alice's session at the first server; return its ``id_server``."""
        where = servers.at(HERE)
        servers.prove(where, SESSION.sid, SESSION.client_secret, ADDRESS)
        return where
