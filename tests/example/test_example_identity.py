"""Homeserver and identity server as two processes that meet over TLS: bind, unbind, delete, deactivate, and outages."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from neighbours import Pair
from serving import PATIENCE, Example
from signedjson.key import decode_verify_key_base64
from signedjson.sign import verify_signed_json

from examples.homeserver.demo.directory import Directory
from examples.homeserver.demo.person import Person
from matrix_threepid.testing.parts import Failed, Mailbox, fetch, press

WAYS: dict[str, Callable[[Person, str], str]] = {
    "unbind": Person.unbind,
    "delete": Person.remove,
    "deactivate": lambda person, _: person.deactivate(),
}


@pytest.mark.rule("REQ-DEACT-1", "REQ-UNBIND-1")
@pytest.mark.parametrize("way", WAYS)
def test_what_is_published_is_taken_back(pair: Pair, mailbox: Mailbox, way: str) -> None:
    """Unbind, delete and deactivate take an address back by the homeserver's signature, and say ``success``."""
    person, directory = pair.publish(way, mailbox)
    address = f"{way}@example.org"
    assert pair.published(address) == person.user_id
    assert person.bindings() == {directory.name: "published"}
    assert WAYS[way](person, address) == "success"
    assert pair.published(address) is None


@pytest.mark.rule("REQ-DEACT-1", "REQ-DEACT-4")
def test_deactivation_also_asks_the_server_it_is_given(pair: Pair, mailbox: Mailbox) -> None:
    """``id_server`` takes the account's addresses back from there though the homeserver knows of no binding."""
    person, directory = pair.resident("careful")
    address = "careful@example.org"
    sid = person.ask("add", address)
    press(fetch("GET", mailbox.next(address).link))
    person.add(sid)
    directory.prove(address, mailbox)
    directory.call("POST", "/3pid/bind", {**directory.credentials, "mxid": person.user_id})
    assert (person.bindings(), pair.published(address)) == ({}, person.user_id)
    body = {"id_server": pair.identity.name, "auth": {"type": "m.login.password", "password": person.password}}
    assert person.call("POST", "/account/deactivate", body)["id_server_unbind_result"] == "success"
    assert pair.published(address) is None


@pytest.mark.rule("REQ-BIND-4", "REQ-DEL-3")
def test_a_restart_keeps_bindings_and_the_queue(own_pair: Pair, mailbox: Mailbox) -> None:
    """What is bound is known after a restart; what waits to be unbound is done once the identity server is back."""
    person, directory = own_pair.publish("patient", mailbox)
    own_pair.homeserver.stop()
    own_pair.homeserver.start()
    assert person.bindings() == {directory.name: "published"}
    own_pair.identity.stop()
    assert person.remove("patient@example.org") == "no-support"
    assert person.bindings() == {directory.name: "going"}
    own_pair.homeserver.stop()
    own_pair.identity.start()
    assert own_pair.published("patient@example.org") == person.user_id
    own_pair.homeserver.start()
    eventually(lambda: person.bindings() == {})
    assert own_pair.published("patient@example.org") is None


@pytest.mark.rule("REQ-DEACT-8", "SEC-30")
def test_the_queue_outlives_the_account(own_pair: Pair, mailbox: Mailbox) -> None:
    """A deactivation during an outage closes the account at once, and the unbind follows."""
    person, _ = own_pair.publish("departed", mailbox)
    own_pair.identity.stop()
    assert person.deactivate() == "no-support"
    person.call("GET", "/account/whoami", expected=401)
    own_pair.identity.start()
    eventually(lambda: own_pair.published("departed@example.org") is None)


@pytest.mark.rule("SEC-123")
def test_only_what_is_configured_is_trusted(own_pair: Pair) -> None:
    """Without its authority, its address or its port an identity server is not spoken to, and nothing is remembered."""
    person, known = Person(own_pair.homeserver.url), own_pair.homeserver.settings["identity_servers"]
    person.register("wary")
    for left_out, errcode in (
        ({"ca_file": None}, "M_UNKNOWN"),
        ({"allow_addresses": []}, "M_SERVER_NOT_TRUSTED"),
        ({"ports": []}, "M_SERVER_NOT_TRUSTED"),
    ):
        own_pair.homeserver.stop()
        own_pair.homeserver.start(identity_servers={**known, **left_out})
        with pytest.raises(Failed, match=errcode):
            person.bind(own_pair.identity.name, "token", {"sid": "sid", "client_secret": "secret"})
        assert person.bindings() == {}


def test_without_identity_servers_nothing_is_bound(person: Person) -> None:
    """A homeserver without ``identity_servers`` has no ``/bind``."""
    person.register("lonely")
    body = {"id_server": "id.example.org", "id_access_token": "x", "sid": "x", "client_secret": "x"}
    assert person.call("POST", "/account/3pid/bind", body, expected=404)["errcode"] == "M_UNRECOGNIZED"


def test_the_key_is_signed_with_itself(server: Example) -> None:
    """``/_matrix/key/v2/server`` publishes the key under the server's name, with a signature by that key."""
    published = fetch("GET", f"{server.url}/_matrix/key/v2/server").json()
    ((key_id, key),) = published["verify_keys"].items()
    algorithm, version = key_id.split(":")
    verify_signed_json(published, "hs.example.org", decode_verify_key_base64(algorithm, version, key["key"]))
    assert published["server_name"] == "hs.example.org"
    assert published["valid_until_ts"] > 0


def test_a_user_proves_themselves_with_openid(pair: Pair) -> None:
    """The identity server asks the homeserver whose OpenID token it was given; its own token then names the user."""
    person, directory = pair.resident("named")
    assert directory.call("GET", "/account") == {"user_id": person.user_id}
    directory.call("POST", "/account/logout")
    with pytest.raises(Failed, match="M_UNAUTHORIZED"):
        directory.call("GET", "/account")


def test_other_tokens_are_refused(pair: Pair) -> None:
    """A token nobody gave out, and one of a server that does not confirm it, open nothing."""
    person, _ = pair.resident("stranger")
    stranger = Directory(person, pair.identity.name, pair.identity.url)
    for wrong in (
        {"access_token": "invented"},
        {"matrix_server_name": "localhost:1"},
        {"matrix_server_name": "no server"},
        {"matrix_server_name": "localhost:1/path"},
    ):
        with pytest.raises(Failed, match="M_UNAUTHORIZED"):
            stranger.call("POST", "/account/register", {**person.openid_token(), **wrong})


def test_an_openid_token_is_for_oneself(person: Person) -> None:
    """Nobody gets a token in somebody else's name."""
    person.register("myself")
    for user_id in ("@other:hs.example.org", ""):
        path = f"/user/{user_id}/openid/request_token"
        answered = person.call("POST", path, {}, expected=403 if user_id else 404)
        assert answered["errcode"] == ("M_FORBIDDEN" if user_id else "M_UNRECOGNIZED")


def test_both_roles_of_one_process_keep_apart(pair: Pair, mailbox: Mailbox) -> None:
    """Beside each other, the homeserver's access token gets one of the identity server's and is none itself."""
    person = Person(pair.identity.url)
    person.register("both")
    directory = Directory(person, pair.identity.name, pair.identity.url)
    directory.token = person.call("POST", "/login", login("both", person))["access_token"]
    with pytest.raises(Failed, match="M_UNAUTHORIZED"):
        directory.call("GET", "/account")
    directory.token = directory.call("POST", "/account/register", person.openid_token())["token"]
    directory.publish("both@example.org", mailbox)
    assert pair.published("both@example.org") == person.user_id
    assert person.unbind("both@example.org") == "success"
    assert pair.published("both@example.org") is None


def login(name: str, person: Person) -> dict[str, str]:
    return {"type": "m.login.password", "user": name, "password": person.password}


def eventually(holds: Callable[[], bool]) -> None:
    """Look until it holds; the server looks at its queue every second.

    While the machine is busy a server may take so long to come back that it is left alone for a minute more.
    """
    until = time.monotonic() + 2 * PATIENCE
    while not holds():
        assert time.monotonic() < until, "it never held"
