"""Requests about sessions and bindings, as identity servers receive them."""

from __future__ import annotations

import json

import pytest

from ...identity.signed_requests import XMatrixVerifier
from ...identity.signing import SigningKey
from ...model.identity import Associated, NotSupported, Proved, ServerRefused
from ...model.threepid import Medium
from ...ports import Credentials, IdentityServerClient
from ...protocol.wire import Request
from .identity_calls import ADDRESS, ALICE, HERE, SERVER_NAME, TOKEN
from .identity_cases import UNRECOGNIZED, said
from .identity_failures import IdentityFailures
from .identity_servers import HttpIdentityServers


class IdentityWire(IdentityFailures):
    """The tests of requests."""

    @pytest.fixture(name="call", params=["proved", "bind", "unbind"])
    def _every_call(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    # -- what goes over the wire --------------------------------------------------------------------

    @pytest.mark.parametrize("call", ["proved", "bind"])
    def test_the_token_goes_into_a_header_only(
        self, client: IdentityServerClient, servers: HttpIdentityServers, call: str
    ) -> None:
        """The user's token is sent once, as a header, so that servers do not log it with the URL."""
        self.need("http")
        self.call(call, client, self.proved_at(servers))
        (heard,) = servers.heard
        assert heard.headers["authorization"] == f"Bearer {TOKEN}"
        assert TOKEN not in heard.target
        assert TOKEN.encode() not in heard.body

    @pytest.mark.parametrize("call", ["proved", "bind"])
    @pytest.mark.parametrize("more", ["\r\nX-Injected: yes", "\n", " ", "\x00", "é", "\ud800"])
    def test_a_token_is_no_header(
        self, client: IdentityServerClient, servers: HttpIdentityServers, call: str, more: str
    ) -> None:
        """A token that is not a valid header value is refused before anything is sent."""
        self.need("http")
        assert isinstance(self.call(call, client, self.proved_at(servers), token=TOKEN + more), ServerRefused)
        assert servers.heard == []

    @pytest.mark.parametrize("odd", ["a&b=c", 'a","mxid":"@eve:evil.example', "a%26b", "é\r\nX: y", "a#b", "a b+c"])
    @pytest.mark.parametrize("call", ["proved", "bind"])
    def test_values_arrive_as_they_are(
        self, client: IdentityServerClient, servers: HttpIdentityServers, call: str, odd: str
    ) -> None:
        """Session and secret are sent unchanged, wherever they are written."""
        where, session = servers.at(HERE), Credentials(odd, odd)
        servers.prove(where, odd, odd, ADDRESS)
        result = self.call(call, client, where, session=session)
        assert result in (Proved(Medium.EMAIL, ADDRESS), Associated(Medium.EMAIL, ADDRESS, ALICE))

    def test_an_unbind_is_signed(
        self, client: IdentityServerClient, servers: HttpIdentityServers, key: SigningKey
    ) -> None:
        """The homeserver's signature covers the request as it arrives, for this server; no token is sent."""
        self.need("http")
        self.call("unbind", client, servers.at(HERE))
        (heard,) = servers.heard
        request = Request(heard.method, heard.target, heard.headers)
        verifier = XMatrixVerifier([servers.at(HERE)], _OneKey(key))
        assert self.do(verifier.origin, request, json.loads(heard.body)) == SERVER_NAME
        assert json.loads(heard.body) == {"mxid": ALICE, "threepid": {"medium": "email", "address": ADDRESS}}

    def test_a_server_that_knows_v1_only_is_asked_so(
        self, client: IdentityServerClient, servers: HttpIdentityServers
    ) -> None:
        """A server without version 2 is called once more with version 1, and not again after that."""
        self.need("http")
        self.need("v1")
        servers.say(said(404, UNRECOGNIZED))
        assert self.call("unbind", client, servers.at(HERE)) == NotSupported()
        assert [heard.path for heard in servers.heard] == [
            "/_matrix/identity/v2/3pid/unbind",
            "/_matrix/identity/api/v1/3pid/unbind",
        ]


class _OneKey:
    """``ServerKeys`` that know the homeserver's key."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key

    async def find(self, server_name: str, key_id: str) -> str | None:
        return self._key.public if (server_name, key_id) == (SERVER_NAME, self._key.id) else None
