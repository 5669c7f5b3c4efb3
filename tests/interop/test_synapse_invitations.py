"""A real Synapse that invites people by mail through ``matrix-threepid serve``, up to the member in the room."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from time import monotonic, sleep

import pytest

from .programs import free_port
from .serve_program import Served, identity_server_at
from .synapse import Synapse, User, synapse_at

PATIENCE = 60.0
"""The s that an invitation may take to reach a user: the job that tells homeservers runs every 5 s."""


@pytest.fixture(scope="module")
def port() -> int:
    """Where the homeserver is known to other servers."""
    return free_port()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, files: Mapping[str, Path], port: int) -> Iterator[Served]:
    """Our identity server, which asks the homeserver for users and tells it of binds."""
    with identity_server_at(tmp_path_factory.mktemp("served"), port, files["authority"]) as served:
        yield served


@pytest.fixture(scope="module")
def homeserver(tmp_path_factory: pytest.TempPathFactory, files: Mapping[str, Path], port: int) -> Iterator[Synapse]:
    """A Synapse that may call this machine, where the identity server is."""
    plenty = {"per_second": 1000, "burst_count": 1000}
    limits = {"rc_third_party_invite": plenty, "rc_invites": {"per_room": plenty, "per_user": plenty}}
    folder = tmp_path_factory.mktemp("inviting")
    with synapse_at(port, folder, files, ip_range_whitelist=["127.0.0.1"], **limits) as synapse:
        yield synapse


@pytest.fixture(scope="module")
def alice(homeserver: Synapse) -> User:
    """Who invites."""
    return homeserver.register("alice")


def room_of(user: User, name: str) -> str:
    """Make a room that only invited users may join; return its id."""
    made = user.post("/createRoom", {"preset": "private_chat", "name": name})
    assert made.status == 200, made
    return str(made.body["room_id"])


def invite(user: User, room: str, address: str, served: Served) -> None:
    """Invite an address, as a client does."""
    asked = {"medium": "email", "address": address, "id_server": served.name, "id_access_token": served.sign_in(user)}
    answer = user.post(f"/rooms/{room}/invite", asked)
    assert answer.status == 200, answer


def membership(asking: User, room: str, user: User) -> str | None:
    path = f"/_matrix/client/v3/rooms/{room}/state/m.room.member/{user.id}"
    answer = asking.client.get(path, asking.token)
    return str(answer.body["membership"]) if answer.status == 200 else None


def until_invited(asking: User, room: str, user: User) -> str | None:
    """Return what a user is in a room once it is anything, or ``None``."""
    until = monotonic() + PATIENCE
    while (found := membership(asking, room, user)) is None and monotonic() < until:
        sleep(0.2)
    return found


def test_who_binds_an_invited_address_becomes_a_member(homeserver: Synapse, served: Served, alice: User) -> None:
    """Synapse looks the address up and stores the invitation; after the bind it is told, and its user joins."""
    room = room_of(alice, "Walk on Sunday")
    invite(alice, room, "bob@example.org", served)
    mail = served.mails.next("bob@example.org")
    assert "Walk on Sunday" in mail.text
    assert "alice" in mail.text
    bob = homeserver.register("bob")
    assert membership(alice, room, bob) is None
    assert served.publish(bob, "bob@example.org").status == 200
    assert until_invited(alice, room, bob) == "invite"
    joined = bob.post(f"/rooms/{room}/join", {})
    assert joined.status == 200, joined
    assert membership(alice, room, bob) == "join"


def test_the_link_of_the_mail_is_enough(homeserver: Synapse, served: Served, alice: User) -> None:
    """Who has the mail joins by its signature, without any bind."""
    room = room_of(alice, "Book club")
    invite(alice, room, "carol@example.org", served)
    carol = homeserver.register("carol")
    signed = served.signed(served.mails.next("carol@example.org").link, carol)
    assert signed["email"] == "carol@example.org"
    refused = carol.post(f"/rooms/{room}/join", {})
    assert refused.status == 403
    proof = {name: signed[name] for name in ("mxid", "sender", "token", "signatures")}
    joined = carol.post(f"/rooms/{room}/join", {"third_party_signed": proof})
    assert joined.status == 200, joined
    assert membership(alice, room, carol) == "join"


def test_the_proof_of_another_user_is_worth_nothing(homeserver: Synapse, served: Served, alice: User) -> None:
    """A signature for one user lets no other into the room."""
    room = room_of(alice, "Closed")
    invite(alice, room, "dan@example.org", served)
    dan, eve = homeserver.register("dan"), homeserver.register("eve")
    signed = served.signed(served.mails.next("dan@example.org").link, dan)
    proof = {name: signed[name] for name in ("sender", "token", "signatures")}
    assert eve.post(f"/rooms/{room}/join", {"third_party_signed": {**proof, "mxid": eve.id}}).status == 403
    assert membership(alice, room, eve) is None


def test_a_published_address_is_invited_as_its_user(homeserver: Synapse, served: Served, alice: User) -> None:
    """An address that the look-up finds is invited at once, and gets no mail."""
    frank = homeserver.register("frank")
    assert served.publish(frank, "frank@example.org").status == 200
    room = room_of(alice, "Known")
    sent = served.mails.count("frank@example.org")
    invite(alice, room, "frank@example.org", served)
    assert membership(alice, room, frank) == "invite"
    assert served.mails.count("frank@example.org") == sent
