"""``IdentityServerClientContract``: the promises of the port ``IdentityServerClient``."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from ...model.identity import Associated, Done, Proved, Unreachable
from ...model.threepid import Medium
from ...ports import IdentityServerClient
from .identity_calls import ADDRESS, ALICE, BOB, ELSEWHERE, HERE, SESSION
from .identity_cases import ODD, UNBIND, means, said
from .identity_servers import HttpIdentityServers
from .identity_wire import IdentityWire


class IdentityServerClientContract(IdentityWire):
    """The contract of ``IdentityServerClient``. Needs the extra ``signing`` and ``trustme``.

    * ``make_client`` (fixture): a function from ``ClientSetting`` to an ``IdentityServerClient``.
    * ``unsupported`` may name ``v1`` (unbinding at servers that have only version 1), and ``http`` (a client that is
      the identity servers as well, and gives the fixtures ``client`` and ``servers`` itself).
    """

    # -- what is asked for is done ------------------------------------------------------------------

    def test_a_session_tells_its_address(self, client: IdentityServerClient, servers: HttpIdentityServers) -> None:
        """``proved`` returns medium and address as the server writes them."""
        where = self.proved_at(servers)
        assert self.call("proved", client, where) == Proved(Medium.EMAIL, ADDRESS)

    @pytest.mark.parametrize("call", ["proved", "bind"])
    @pytest.mark.parametrize("change", [{"sid": "another"}, {"client_secret": "another"}], ids=["sid", "secret"])
    def test_another_session_is_refused(
        self, client: IdentityServerClient, servers: HttpIdentityServers, call: str, change: dict[str, str]
    ) -> None:
        """Without a session and its secret, no address is returned and nothing is published."""
        result = self.call(call, client, self.proved_at(servers), session=evolve(SESSION, **change))
        assert means(result, (404, "M_NO_VALID_SESSION"))
        assert not servers.published

    def test_a_bind_publishes(self, client: IdentityServerClient, servers: HttpIdentityServers) -> None:
        """``bind`` publishes the address of the session for this user at this server, and returns that it did."""
        where = self.proved_at(servers)
        assert self.call("bind", client, where) == Associated(Medium.EMAIL, ADDRESS, ALICE)
        assert servers.published == {(where, Medium.EMAIL, ADDRESS): ALICE}

    @pytest.mark.parametrize("medium", list(Medium), ids=lambda medium: medium.value)
    def test_an_unbind_takes_back(
        self, client: IdentityServerClient, servers: HttpIdentityServers, medium: Medium
    ) -> None:
        """``unbind`` ends this user's binding of this address at this server, and no other, also if there is none."""
        here, elsewhere = servers.at(HERE), servers.at(ELSEWHERE)
        kept = {(elsewhere, medium, ADDRESS): ALICE, (here, medium, "other@example.org"): ALICE}
        servers.published.update({**kept, (here, medium, ADDRESS): ALICE})
        for _ in range(2):
            assert self.call("unbind", client, here, medium=medium) == Done()
            assert servers.published == kept

    def test_an_unbind_is_for_one_user(self, client: IdentityServerClient, servers: HttpIdentityServers) -> None:
        """The binding of another user stays."""
        where = servers.at(HERE)
        servers.published[where, Medium.EMAIL, ADDRESS] = BOB
        self.call("unbind", client, where)
        assert servers.published == {(where, Medium.EMAIL, ADDRESS): BOB}

    # -- what answers mean --------------------------------------------------------------------------

    @pytest.mark.parametrize(("status", "body", "expected"), UNBIND.values(), ids=UNBIND)
    def test_an_answer_to_an_unbind_has_its_meaning(
        self, client: IdentityServerClient, servers: HttpIdentityServers, status: int, body: Any, expected: Any
    ) -> None:
        """A 2xx without an errcode is success; errors are refusals; 400, 404, 405, 501 without one mean no support."""
        self.need("http")
        servers.say(said(status, body))
        assert means(self.call("unbind", client, servers.at(HERE)), expected)

    @pytest.mark.parametrize("call", ["proved", "bind"])
    @pytest.mark.parametrize("body", ODD.values(), ids=ODD)
    def test_of_a_wrong_shape_nothing_is_believed(
        self, client: IdentityServerClient, servers: HttpIdentityServers, call: str, body: Any
    ) -> None:
        """A 200 without an address of a known medium is not accepted as success."""
        self.need("http")
        servers.say(said(200, body))
        assert isinstance(self.call(call, client, servers.at(HERE)), Unreachable)

    def test_an_association_without_a_user_is_none(
        self, client: IdentityServerClient, servers: HttpIdentityServers
    ) -> None:
        """An association must name its user."""
        self.need("http")
        servers.say(said(200, {"medium": "email", "address": ADDRESS}))
        assert isinstance(self.call("bind", client, servers.at(HERE)), Unreachable)
