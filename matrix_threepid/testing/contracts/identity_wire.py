"""Requests to identity servers, and failures of the connection."""

from __future__ import annotations

import json
import logging

import pytest

from ...identity.signed_requests import XMatrixVerifier
from ...identity.signing import SigningKey
from ...model.identity import Associated, Blocked, NotSupported, Proved, ServerRefused, Unreachable
from ...model.threepid import Medium
from ...ports import Credentials, IdentityServerClient
from ...protocol.wire import Request
from .identity_calls import (
    ADDRESS,
    ALICE,
    ELSEWHERE,
    HERE,
    PATIENT,
    SERVER_NAME,
    SESSION,
    SHORT,
    TOKEN,
    IdentityCalls,
    every_call,
)
from .identity_cases import ENDLESS, TROUBLES, UNRECOGNIZED, said
from .identity_servers import INSIDE, WRONG, HttpIdentityServers


class IdentityWire(IdentityCalls):
    """The tests of requests and of their failures."""

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

    @every_call
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirects_are_not_followed(
        self, client: IdentityServerClient, servers: HttpIdentityServers, call: str, status: int
    ) -> None:
        """Neither token nor signature is sent to the target of a redirect."""
        self.need("http")
        target = f"Location: https://{servers.at(ELSEWHERE)}/"
        head = f"HTTP/1.1 {status} Status\r\nContent-Length: 0\r\n{target}\r\n\r\n"
        servers.say(head.encode())
        assert isinstance(self.call(call, client, servers.at(HERE)), Unreachable)
        assert {heard.headers["host"] for heard in servers.heard} == {servers.at(HERE)}
        assert len(servers.heard) == 1

    # -- what goes wrong ----------------------------------------------------------------------------

    @every_call
    @pytest.mark.parametrize("trouble", TROUBLES)
    def test_no_answer_is_a_value(
        self, client: IdentityServerClient, servers: HttpIdentityServers, call: str, trouble: str
    ) -> None:
        """Nothing is raised whatever a server does, and the deadline covers the whole call."""
        self.need("http")
        servers.say(TROUBLES[trouble])
        deadline = SHORT if trouble in ENDLESS else PATIENT
        assert isinstance(self.call(call, client, servers.at(HERE), deadline=deadline), Unreachable)

    @every_call
    def test_a_missed_deadline_is_named(
        self, client: IdentityServerClient, servers: HttpIdentityServers, call: str
    ) -> None:
        """A missed deadline is reported as a timeout; a deadline of 0 ms raises nothing."""
        self.need("http")
        servers.say(TROUBLES["silence"])
        for deadline in (SHORT, 0):
            result = self.call(call, client, servers.at(HERE), deadline=deadline)
            assert isinstance(result, Unreachable)
            assert result.timeout

    @every_call
    @pytest.mark.parametrize("name", [WRONG, "nowhere.example"])
    def test_a_server_that_is_another_hears_nothing(
        self, client: IdentityServerClient, servers: HttpIdentityServers, call: str, name: str
    ) -> None:
        """A certificate for another name and a name without addresses are reported as unreachable."""
        self.need("http")
        assert isinstance(self.call(call, client, servers.at(name)), Unreachable)
        assert servers.heard == []

    @every_call
    def test_plain_text_is_not_spoken(
        self, client: IdentityServerClient, servers: HttpIdentityServers, call: str
    ) -> None:
        """Nothing is sent to a server without TLS."""
        self.need("http")
        servers.without_tls()
        assert isinstance(self.call(call, client, servers.at(HERE)), Unreachable)
        assert servers.heard == []

    @every_call
    def test_addresses_inside_are_not_called(
        self, client: IdentityServerClient, servers: HttpIdentityServers, call: str
    ) -> None:
        """A name that leads to a denied address is ``Blocked``; see ``SafeFetchContract`` for all cases."""
        self.need("http")
        assert self.call(call, client, servers.at(INSIDE)) == Blocked()
        assert servers.server.connections == 0

    @every_call
    @pytest.mark.parametrize("how", ["well", "refused", "reset"])
    def test_nothing_secret_is_shown(
        self,
        client: IdentityServerClient,
        servers: HttpIdentityServers,
        call: str,
        how: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """No token, secret or address is in a log, or in the ``repr`` of the answer or the client."""
        caplog.set_level(logging.DEBUG)
        where = self.proved_at(servers)
        if how != "well":
            self.need("http")
            servers.say(TROUBLES["reset"] if how == "reset" else said(403, {"errcode": "M_FORBIDDEN"}))
        shown = f"{self.call(call, client, where)!r} {client!r} {caplog.text}"
        assert not [secret for secret in (TOKEN, SESSION.client_secret, ADDRESS) if secret in shown]


class _OneKey:
    """``ServerKeys`` that know the homeserver's key."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key

    async def find(self, server_name: str, key_id: str) -> str | None:
        return self._key.public if (server_name, key_id) == (SERVER_NAME, self._key.id) else None
