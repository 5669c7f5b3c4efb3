"""``InvitationClientContract``: the promises of the port ``InvitationClient``."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from ...model.identity import (
    AlreadyBound,
    Blocked,
    InviteStored,
    KeyChecked,
    LookedUp,
    NotSupported,
    ServerRefused,
    Unreachable,
)
from ...model.lookup import hashed
from ...model.room_invite import InviteAbout, InviteRequest
from ...model.third_party_invite import is_verify_key
from ...model.threepid import Medium, Threepid
from ..identity import FAKE_KEY
from .identity_calls import ADDRESS, ALICE, BOB, ELSEWHERE, HERE, ROOM, TOKEN
from .identity_cases import ODD_DETAILS, ODD_KEYS, ODD_LOOK_UPS, ODD_STORED, ODD_URLS, STORED, UNRECOGNIZED, means, said
from .identity_failures import IdentityFailures
from .identity_servers import INSIDE, HttpIdentityServers

_WITH_TOKEN = pytest.mark.parametrize("call", ["look_up", "store_invite"])
_PLAIN = f"{ADDRESS} email"


class InvitationClientContract(IdentityFailures):
    """The contract of ``InvitationClient``. Needs the extra ``signing`` and ``trustme``.

    * ``make_client`` (fixture): a function from ``ClientSetting`` to an ``InvitationClient``.
    * ``unsupported`` may name ``http`` (a client that is the identity servers as well, and gives the fixtures
      ``client`` and ``servers`` itself).
    """

    @pytest.fixture(name="call", params=["look_up", "store_invite", "key_is_valid"])
    def _every_call(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    # -- what is asked for is done ------------------------------------------------------------------

    @pytest.mark.parametrize("medium", list(Medium), ids=lambda medium: medium.value)
    def test_a_look_up_names_the_user(self, client: Any, servers: HttpIdentityServers, medium: Medium) -> None:
        """``look_up`` returns the user whose address this server publishes, of this medium; ``None`` for nobody."""
        here, elsewhere = servers.at(HERE), servers.at(ELSEWHERE)
        servers.published[here, medium, ADDRESS] = BOB
        assert self.call("look_up", client, here, medium=medium) == LookedUp(BOB)
        (other,) = set(Medium) - {medium}
        assert self.call("look_up", client, here, medium=other) == LookedUp(None)
        assert self.call("look_up", client, here, medium=medium, address="other@example.org") == LookedUp(None)
        assert self.call("look_up", client, elsewhere, medium=medium) == LookedUp(None)

    def test_an_invitation_is_kept(self, client: Any, servers: HttpIdentityServers) -> None:
        """``store_invite`` tells address, room, inviter and the names, and returns a token and keys of its own."""
        where = servers.at(HERE)
        about = InviteAbout(room_name="The Garden", sender_display_name="Alice")
        answers = [self.call("store_invite", client, where, about=each) for each in (about, InviteAbout())]
        assert all(isinstance(answer, InviteStored) for answer in answers)
        threepid = Threepid(Medium.EMAIL, ADDRESS)
        assert [servers.invited[answer.token] for answer in answers] == [
            InviteRequest(threepid=threepid, room_id=ROOM, sender=ALICE, about=each) for each in (about, InviteAbout())
        ]
        assert len({answer.token for answer in answers}) == 2
        for answer in answers:
            assert ADDRESS not in answer.display_name
            assert all(is_verify_key(key.public_key) and key.key_validity_url for key in answer.keys)
            assert answer.keys

    def test_an_address_that_somebody_has_is_not_invited(self, client: Any, servers: HttpIdentityServers) -> None:
        """``store_invite`` returns the user of an address that the server publishes, and nothing is stored."""
        where = servers.at(HERE)
        servers.published[where, Medium.EMAIL, ADDRESS] = BOB
        assert self.call("store_invite", client, where) == AlreadyBound(BOB)
        assert servers.invited == {}

    def test_a_key_is_valid_until_it_is_revoked(self, client: Any, servers: HttpIdentityServers) -> None:
        """``key_is_valid`` returns what the server of the URL says of this key."""
        where = servers.at(HERE)
        (key,) = self.call("store_invite", client, where).keys
        ask = {"url": key.key_validity_url, "public_key": key.public_key}
        assert self.call("key_is_valid", client, where, **ask) == KeyChecked(True)
        servers.revoked.add(key.public_key)
        assert self.call("key_is_valid", client, where, **ask) == KeyChecked(False)

    # -- what goes over the wire --------------------------------------------------------------------

    def test_a_server_that_takes_hashes_sees_no_address(self, client: Any, servers: HttpIdentityServers) -> None:
        """With ``sha256`` on offer the address is sent hashed under the server's pepper, and nothing else of it."""
        self.need("http")
        self.call("look_up", client, servers.at(HERE))
        asked = servers.heard[-1]
        sent = json.loads(asked.body)
        assert sent["addresses"] == [hashed(Threepid(Medium.EMAIL, ADDRESS), "matrixrocks")]
        assert (sent["algorithm"], sent["pepper"]) == ("sha256", "matrixrocks")
        assert not [heard for heard in servers.heard if ADDRESS.partition("@")[0] in f"{heard.target}{heard.body!r}"]

    def test_a_server_that_takes_no_hashes_is_asked_in_plain_text(
        self, client: Any, servers: HttpIdentityServers
    ) -> None:
        """With ``none`` alone the address is sent with its medium."""
        self.need("http")
        servers.algorithms, where = ("none",), servers.at(HERE)
        servers.published[where, Medium.EMAIL, ADDRESS] = BOB
        assert self.call("look_up", client, where) == LookedUp(BOB)
        assert json.loads(servers.heard[-1].body)["addresses"] == [_PLAIN]

    def test_a_new_pepper_fails_no_look_up(self, client: Any, servers: HttpIdentityServers) -> None:
        """A pepper that changed since it was asked for is asked for again, a bounded number of times."""
        self.need("http")
        where = servers.at(HERE)
        servers.published[where, Medium.EMAIL, ADDRESS] = BOB
        servers.peppers = ["old", "new"]
        assert self.call("look_up", client, where) == LookedUp(BOB)
        servers.peppers = [f"pepper{number}" for number in range(100)]
        assert isinstance(self.call("look_up", client, where), Unreachable | ServerRefused)

    @_WITH_TOKEN
    def test_the_token_goes_into_a_header_only(self, client: Any, servers: HttpIdentityServers, call: str) -> None:
        """The inviter's token is a header of every request and nowhere else, so that servers do not log it."""
        self.need("http")
        self.call(call, client, servers.at(HERE))
        assert {heard.headers["authorization"] for heard in servers.heard} == {f"Bearer {TOKEN}"}
        assert not [heard for heard in servers.heard if TOKEN in f"{heard.target}{heard.body!r}"]

    @_WITH_TOKEN
    @pytest.mark.parametrize("more", ["\r\nX-Injected: yes", "\n", " ", "\x00", "é", "\ud800"])
    def test_a_token_is_no_header(self, client: Any, servers: HttpIdentityServers, call: str, more: str) -> None:
        """A token that is not a valid header value is refused before anything is sent."""
        self.need("http")
        assert isinstance(self.call(call, client, servers.at(HERE), token=TOKEN + more), ServerRefused)
        assert servers.heard == []

    def test_a_key_is_asked_for_at_its_url(self, client: Any, servers: HttpIdentityServers) -> None:
        """The URL is used as it stands, its query included, with the key added; no token is sent."""
        self.need("http")
        servers.say(said(200, {"valid": True}))
        url = f"https://{servers.at(HERE)}/some/isvalid?a=1"
        assert self.call("key_is_valid", client, HERE, url=url) == KeyChecked(True)
        (heard,) = servers.heard
        assert (heard.method, heard.path) == ("GET", "/some/isvalid")
        assert parse_qs(heard.target.partition("?")[2]) == {"a": ["1"], "public_key": [FAKE_KEY]}
        assert "authorization" not in heard.headers

    @pytest.mark.parametrize("url", ODD_URLS)
    def test_only_https_urls_are_called(self, client: Any, servers: HttpIdentityServers, url: str) -> None:
        """What a stranger wrote in place of a URL is refused before anything is sent."""
        self.need("http")
        url = url.replace("HERE", servers.at(HERE))
        assert isinstance(self.call("key_is_valid", client, HERE, url=url), ServerRefused)
        assert servers.server.connections == 0

    def test_a_url_into_the_own_network_is_blocked(self, client: Any, servers: HttpIdentityServers) -> None:
        """A ``key_validity_url`` that leads to a denied address is called as little as such an identity server."""
        self.need("http")
        url = f"https://{servers.at(INSIDE)}/isvalid"
        assert self.call("key_is_valid", client, HERE, url=url) == Blocked()
        assert servers.server.connections == 0

    # -- what answers mean --------------------------------------------------------------------------

    def test_a_server_without_the_endpoint_is_known_by_it(
        self, client: Any, servers: HttpIdentityServers, call: str
    ) -> None:
        """``M_UNRECOGNIZED`` means that the server does not support the call; a Matrix error is a refusal."""
        self.need("http")
        servers.say(said(404, UNRECOGNIZED))
        assert self.call(call, client, servers.at(HERE)) == NotSupported()
        servers.say(said(403, {"errcode": "M_TERMS_NOT_SIGNED", "error": "text"}))
        assert means(self.call(call, client, servers.at(HERE)), (403, "M_TERMS_NOT_SIGNED"))

    @pytest.mark.parametrize("details", ODD_DETAILS.values(), ids=ODD_DETAILS)
    def test_odd_hash_details_are_no_answer(self, client: Any, servers: HttpIdentityServers, details: Any) -> None:
        """Without a pepper and a known algorithm no address is sent."""
        self.need("http")
        servers.say(said(200, details))
        assert isinstance(self.call("look_up", client, servers.at(HERE)), Unreachable)
        assert len(servers.heard) == 1

    @pytest.mark.parametrize("found", ODD_LOOK_UPS.values(), ids=ODD_LOOK_UPS)
    def test_an_odd_look_up_is_no_answer(self, client: Any, servers: HttpIdentityServers, found: Any) -> None:
        """What is no user id is never returned as a user, since it would be invited to the room."""
        self.need("http")
        body = {"lookup_pepper": "p", "algorithms": ["none"], "mappings": {_PLAIN: found}}
        servers.say(said(200, body))
        assert isinstance(self.call("look_up", client, servers.at(HERE)), Unreachable)

    @pytest.mark.parametrize("change", ODD_STORED.values(), ids=ODD_STORED)
    def test_an_odd_invitation_is_no_answer(self, client: Any, servers: HttpIdentityServers, change: Any) -> None:
        """An invitation whose token or keys could not be used later is not accepted as success."""
        self.need("http")
        servers.say(said(200, {**STORED, **change}))
        assert isinstance(self.call("store_invite", client, servers.at(HERE)), Unreachable)

    @pytest.mark.parametrize("shown", [ADDRESS, ADDRESS.upper(), "a...@example.org", f"Alice <{ADDRESS}>"])
    def test_a_display_name_does_not_disclose_the_address(
        self, client: Any, servers: HttpIdentityServers, shown: str
    ) -> None:
        """Everybody in the room reads the name, so one with the address or its domain in it is replaced."""
        self.need("http")
        servers.say(said(200, {**STORED, "display_name": shown}))
        answer = self.call("store_invite", client, servers.at(HERE))
        assert isinstance(answer, InviteStored)
        assert answer.display_name
        assert "example.org" not in answer.display_name.lower()

    @pytest.mark.parametrize("user", [None, 5, "alice", ["@alice:hs.example.org"]])
    def test_an_address_in_use_names_its_user(self, client: Any, servers: HttpIdentityServers, user: Any) -> None:
        """``M_THREEPID_IN_USE`` without a user id is a refusal like any other."""
        self.need("http")
        servers.say(said(400, {"errcode": "M_THREEPID_IN_USE", "error": "text", "mxid": user}))
        assert means(self.call("store_invite", client, servers.at(HERE)), (400, "M_THREEPID_IN_USE"))

    @pytest.mark.parametrize("body", ODD_KEYS.values(), ids=ODD_KEYS)
    def test_an_odd_answer_about_a_key_is_none(self, client: Any, servers: HttpIdentityServers, body: Any) -> None:
        """Only ``true`` makes a key valid, and only ``false`` a revoked one."""
        self.need("http")
        servers.say(said(200, body))
        assert isinstance(self.call("key_is_valid", client, servers.at(HERE)), Unreachable)
