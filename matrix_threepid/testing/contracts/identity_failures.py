"""Failures of identity servers and of the way to them, which every client answers alike."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from ...model.identity import Blocked, ServerRefused, Unreachable
from .identity_calls import ADDRESS, ELSEWHERE, HERE, PATIENT, SESSION, SHORT, TOKEN, IdentityCalls
from .identity_cases import ENDLESS, TROUBLES, said
from .identity_servers import INSIDE, WRONG, HttpIdentityServers


class IdentityFailures(IdentityCalls):
    """The tests of failures, for each ``call`` (fixture) of a port."""

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirects_are_not_followed(
        self, client: Any, servers: HttpIdentityServers, call: str, status: int
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

    @pytest.mark.parametrize("trouble", TROUBLES)
    def test_no_answer_is_a_value(self, client: Any, servers: HttpIdentityServers, call: str, trouble: str) -> None:
        """Nothing is raised whatever a server does, and the deadline covers the whole call."""
        self.need("http")
        servers.say(TROUBLES[trouble])
        deadline = SHORT if trouble in ENDLESS else PATIENT
        assert isinstance(self.call(call, client, servers.at(HERE), deadline=deadline), Unreachable)

    def test_a_missed_deadline_is_named(self, client: Any, servers: HttpIdentityServers, call: str) -> None:
        """A missed deadline is reported as a timeout; a deadline of 0 ms raises nothing."""
        self.need("http")
        servers.say(TROUBLES["silence"])
        for deadline in (SHORT, 0):
            result = self.call(call, client, servers.at(HERE), deadline=deadline)
            assert isinstance(result, Unreachable)
            assert result.timeout

    @pytest.mark.parametrize("name", [WRONG, "nowhere.example"])
    def test_a_server_that_is_another_hears_nothing(
        self, client: Any, servers: HttpIdentityServers, call: str, name: str
    ) -> None:
        """A certificate for another name and a name without addresses are reported as unreachable."""
        self.need("http")
        assert isinstance(self.call(call, client, servers.at(name)), Unreachable)
        assert servers.heard == []

    def test_plain_text_is_not_spoken(self, client: Any, servers: HttpIdentityServers, call: str) -> None:
        """Nothing is sent to a server without TLS."""
        self.need("http")
        servers.without_tls()
        assert isinstance(self.call(call, client, servers.at(HERE)), Unreachable)
        assert servers.heard == []

    def test_addresses_inside_are_not_called(self, client: Any, servers: HttpIdentityServers, call: str) -> None:
        """A name that leads to a denied address is ``Blocked``; see ``SafeFetchContract`` for all cases."""
        self.need("http")
        assert self.call(call, client, servers.at(INSIDE)) == Blocked()
        assert servers.server.connections == 0

    @pytest.mark.parametrize("how", ["well", "refused", "reset"])
    def test_nothing_secret_is_shown(
        self,
        client: Any,
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

    def test_a_servers_words_are_cut(self, client: Any, servers: HttpIdentityServers, call: str) -> None:
        """Error texts are cut to 256 printable characters, and a pause must be a valid number."""
        self.need("http")
        servers.say(said(403, {"errcode": "M_FORBIDDEN", "error": "a\x00\u2028" * 999, "retry_after_ms": "soon"}))
        assert self.call(call, client, servers.at(HERE)) == ServerRefused(403, "M_FORBIDDEN", "a" * 256)
