"""The keys of homeservers: fetched over TLS, believed if they signed their own answer, kept while they are valid."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from matrix_threepid.identity.key_lookup import LONGEST_VALIDITY, MAX_ANSWER, PAUSE, KeyLookup
from matrix_threepid.identity.signing import NamedSigner, SigningKey, new_signing_key
from matrix_threepid.net.safe_https import PinnedHttps
from matrix_threepid.net.server_names import ServerPlace
from matrix_threepid.offload import run_sync
from matrix_threepid.protocol.errors import Unavailable
from matrix_threepid.testing import FakeClock
from matrix_threepid.testing.contracts.fetch_cases import HERE
from matrix_threepid.testing.rogue import Names, RogueServer, answer, authority, certified, silence

from .acting import said

KEY, OTHER = new_signing_key("a_1"), new_signing_key("a_2")
A_DAY = 86_400_000


class Published:
    """A homeserver that publishes keys, and the look-up that asks it."""

    def __init__(self, server: RogueServer) -> None:
        self.server, self.clock = server, FakeClock()
        self.name = f"hs.example:{server.port}"
        self.names = Names({"hs.example": (HERE,), "elsewhere.example": (HERE,)})
        context = ssl.create_default_context(cadata=authority().cert_pem.bytes().decode())
        self.fetch = PinnedHttps(
            allow_addresses=(HERE,), ports=(server.port, 8448), context=context, resolve=self.names
        )
        self.lookup = KeyLookup(fetch=self.fetch, clock=self.clock)
        self.publish()

    def publish(self, *keys: SigningKey, signers: tuple[SigningKey, ...] = (), **changes: Any) -> None:
        """Let the homeserver publish these keys (its one key by default), signed by each of them."""
        keys, name = keys or (KEY,), changes.pop("signed_as", None) or changes.get("server_name")
        document: dict[str, Any] = {
            "server_name": self.name,
            "verify_keys": {key.id: {"key": key.public} for key in keys},
            "old_verify_keys": {OTHER.id: {"key": OTHER.public, "expired_ts": self.clock() + A_DAY}},
            "valid_until_ts": self.clock() + A_DAY,
            **changes,
        }
        for key in signers or keys:
            document = NamedSigner(name or self.name, key).sign(document)
        self.server.answers = lambda _: said(200, document)

    def find(self, key: SigningKey = KEY, name: str | None = None) -> str | None:
        """Look a key up."""
        return run_sync(self.lookup.find(name or self.name, key.id))


@pytest.fixture
def published() -> Iterator[Published]:
    """A homeserver that publishes its key."""
    with RogueServer(certified("hs.example")).serving() as server:
        yield Published(server)


@pytest.mark.rule("REQ-SIGN-8")
def test_a_published_key_is_found(published: Published) -> None:
    """A key is found at ``/_matrix/key/v2/server``, under its id."""
    assert published.find() == KEY.public
    (heard,) = published.server.heard
    assert (heard.method, heard.target) == ("GET", "/_matrix/key/v2/server")


def test_keys_are_kept_while_they_are_valid(published: Published) -> None:
    """A server is asked once as long as its answer is valid, and again afterwards."""
    for _ in range(3):
        published.find()
    published.clock.advance(A_DAY - 1)
    assert published.find() == KEY.public
    assert len(published.server.heard) == 1
    published.clock.advance(1)
    assert published.find() is None
    assert len(published.server.heard) == 2


@pytest.mark.rule("SEC-50")
def test_validity_is_cut(published: Published) -> None:
    """A key is believed for seven days, however long its server says."""
    published.publish(valid_until_ts=published.clock() + 1000 * A_DAY)
    assert published.find() == KEY.public
    published.clock.advance(LONGEST_VALIDITY)
    published.find()
    assert len(published.server.heard) == 2


@pytest.mark.rule("SEC-50")
def test_a_key_that_ends_before_its_server_may_be_asked_again_is_no_wrong_one(published: Published) -> None:
    """The request may come again, once the server is asked for the keys that are valid by then."""
    published.publish(valid_until_ts=published.clock() + PAUSE - 1)
    assert published.find() == KEY.public
    published.clock.advance(PAUSE - 1)
    published.publish()
    with pytest.raises(Unavailable):
        published.find()
    assert published.find(OTHER) is None
    published.clock.advance(1)
    assert published.find() == KEY.public


def test_new_keys_are_asked_for_with_pauses(published: Published) -> None:
    """A key id that is not known yet is asked for, but not more often than once a minute."""
    published.find()
    published.publish(KEY, OTHER)
    assert published.find(OTHER) is None
    published.clock.advance(PAUSE)
    assert published.find(OTHER) == OTHER.public
    assert len(published.server.heard) == 2


@pytest.mark.rule("SEC-50")
@pytest.mark.parametrize("reply", [b"", answer(500, b"{}"), answer(200, b"{}"), silence])
def test_a_bogus_key_id_takes_no_good_key_away(published: Published, reply: Any) -> None:
    """Whatever comes of asking for a key id that somebody made up, valid keys are found without asking."""
    assert published.find() == KEY.public
    published.clock.advance(PAUSE)
    published.lookup.deadline = 300
    published.server.answers = lambda _: reply
    with suppress(Unavailable):
        assert published.find(OTHER) is None
    asked = len(published.server.heard)
    assert published.find() == KEY.public
    assert len(published.server.heard) == asked


@pytest.mark.rule("SEC-50")
def test_a_key_that_is_not_known_during_an_outage_is_no_wrong_one(published: Published) -> None:
    """A new key cannot be told from a made-up one while its server does not answer, so the request may come again."""
    published.find()
    published.clock.advance(PAUSE)
    published.server.answers = lambda _: b""
    for _ in range(2):
        with pytest.raises(Unavailable):
            published.find(OTHER)
    published.clock.advance(PAUSE)
    published.publish(KEY, OTHER)
    assert published.find(OTHER) == OTHER.public


@pytest.mark.rule("SEC-50")
def test_requests_for_a_server_that_is_being_asked_share_one_look_up(published: Published) -> None:
    """While a server is asked, requests that name it wait for that answer: nobody asks again, and none is refused."""

    async def both() -> list[str | None]:
        asked = [published.lookup.find(published.name, key.id) for key in (OTHER, KEY, KEY)]
        return await asyncio.gather(*asked)

    assert asyncio.run(both()) == [None, KEY.public, KEY.public]
    assert len(published.server.heard) == 1


WRONG: dict[str, dict[str, Any]] = {
    "another server's": {"server_name": "evil.example"},
    "another's name over its own signature": {"server_name": "evil.example", "signed_as": "own"},
    "no server name": {"server_name": None},
    "no validity": {"valid_until_ts": None},
    "validity that is no whole number": {"valid_until_ts": "9999999999999"},
    "validity that is true": {"valid_until_ts": True},
    "validity in the past": {"valid_until_ts": 1},
    "no keys": {"verify_keys": {}},
    "a list of keys": {"verify_keys": [KEY.public]},
    "a key that is no object": {"verify_keys": {KEY.id: KEY.public}},
    "a key that is no text": {"verify_keys": {KEY.id: {"key": 1}}},
    "another key than the one that signed": {"verify_keys": {KEY.id: {"key": OTHER.public}}},
    "signed by another": {"signers": (OTHER,)},
    "larger than is read": {"more": "x" * MAX_ANSWER},
}


@pytest.mark.rule("SEC-50")
@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_what_is_not_believed(published: Published, changes: dict[str, Any]) -> None:
    """An answer about another server, without validity, unsigned, too long or of a wrong shape gives no key."""
    signed_as = published.name if "signed_as" in changes else None
    published.publish(**{**changes, "signed_as": signed_as})
    assert published.find() is None


@pytest.mark.rule("REQ-SIGN-8", "SEC-50")
def test_old_keys_do_not_count(published: Published) -> None:
    """A key that is published as an old one signs nothing new."""
    assert published.find(OTHER) is None


@pytest.mark.parametrize("reply", [b"", answer(404), answer(500, b"{}"), answer(302, b"", "Location: /"), silence])
def test_an_outage_is_not_a_refusal(published: Published, reply: Any) -> None:
    """Without a usable answer nobody can tell; the server is left alone for a minute and asked again then."""
    published.server.answers = lambda _: reply
    published.lookup = KeyLookup(fetch=published.fetch, clock=published.clock, deadline=300)
    for _ in range(3):
        with pytest.raises(Unavailable):
            published.find()
    assert len(published.server.heard) == 1
    published.publish()
    published.clock.advance(PAUSE)
    published.lookup.deadline = 30_000
    assert published.find() == KEY.public


@pytest.mark.parametrize("name", ["a b", "hs.example/path", "https://hs.example", "user@hs.example", "x:99999"])
def test_what_is_no_server_name_is_not_asked(published: Published, name: str) -> None:
    """A name that breaks the grammar has no keys, and is not looked up."""
    assert published.find(name=name) is None
    assert published.names.asked == []


def test_the_default_port_is_that_of_homeservers(published: Published) -> None:
    """Without a port 8448 is called."""
    with pytest.raises(Unavailable):
        published.find(name="hs.example")
    assert published.names.asked == ["hs.example"]


def test_a_host_may_discover_servers(published: Published) -> None:
    """``discover`` says where a server name leads; the answer is still the server's own."""
    port, name = published.server.port, "delegated.example"

    async def discover(server_name: str) -> ServerPlace:
        assert server_name == name
        return ServerPlace("hs.example", port, "hs.example", connect="elsewhere.example")

    published.lookup = KeyLookup(fetch=published.fetch, clock=published.clock, discover=discover)
    published.publish(server_name=name)
    assert published.find(name=name) == KEY.public
    # The certificate is for the host, and the addresses are those of what an SRV record names.
    assert published.names.asked == ["elsewhere.example"]


@pytest.mark.rule("SEC-50")
def test_denied_keys_are_never_found(published: Published) -> None:
    """A key that is known to be in other hands too is as good as none."""
    published.lookup = KeyLookup(fetch=published.fetch, clock=published.clock, denied_keys=[KEY.public])
    assert published.find() is None


def test_only_so_many_servers_are_kept(published: Published) -> None:
    """The server that was asked first makes room for one more."""
    published.lookup = KeyLookup(fetch=published.fetch, clock=published.clock, max_servers=1)
    published.find()
    with pytest.raises(Unavailable):
        published.find(name="elsewhere.example")
    published.find()
    assert len(published.server.heard) == 2
