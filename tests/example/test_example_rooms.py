"""Invitations of addresses to rooms of the example, over HTTP: mail, registration, bind, ``onbind``, and the member."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from neighbours import Pair
from serving import Example
from test_example_identity import eventually

from examples.homeserver.demo.directory import Directory
from examples.homeserver.demo.person import Person
from examples.homeserver.exchanges import Exchanges
from examples.homeserver.keys import fresh_key
from examples.homeserver.peers import Peers
from examples.homeserver.storage import opened
from matrix_threepid.identity import Failure, HttpFailure, HttpReply, HttpRequest
from matrix_threepid.testing import FakeClock
from matrix_threepid.testing.parts import Failed, Mailbox, fetch, press

INVITE, MEMBER = "m.room.third_party_invite", "m.room.member"


class Secured(Directory):
    """An identity server whose links lead to an https URL; the tests trust no authority of certificates."""

    def prove(self, address: str, mailbox: Mailbox) -> None:
        body = {"email": address, "client_secret": self.credentials["client_secret"], "send_attempt": 1}
        self._sid = str(self.call("POST", "/validate/email/requestToken", body)["sid"])
        page = fetch("GET", mailbox.next(address).link.replace(f"https://{self.name}", self.url))
        assert press(page, follow=False).status == 303


class Host:
    """Somebody with an account at the homeserver and a token at the identity server, who invites to a room."""

    def __init__(self, pair: Pair, name: str, *addresses: str) -> None:
        self.person, self.directory = pair.resident(name)
        invited = [self.invitation(address) for address in addresses]
        self.room = self.person.call("POST", "/createRoom", {"name": "The Garden", "invite_3pid": invited})["room_id"]

    def invitation(self, address: str) -> dict[str, Any]:
        """Return an address to invite, as clients send it."""
        where = {"id_server": self.directory.name, "id_access_token": self.directory.token}
        return {"medium": "email", "address": address, **where}

    def invite(self, address: str) -> None:
        self.person.call("POST", f"{self.path}/invite", self.invitation(address))

    @property
    def path(self) -> str:
        return f"/rooms/{quote(self.room)}"

    def state(self, kind: str) -> dict[str, Any]:
        """Return the content of the room's events of a type, by their state keys."""
        events = self.person.call("GET", f"{self.path}/state")
        return {event["state_key"]: event["content"] for event in events if event["type"] == kind}

    def membership(self, user_id: str) -> str | None:
        content = self.state(MEMBER).get(user_id)
        return None if content is None else str(content["membership"])


def guest_of(pair: Pair, name: str, at: str) -> tuple[Person, Directory]:
    """Return somebody new with an account at a server, and them at the identity server."""
    person = Person(at)
    person.register(name)
    directory = Secured(person, pair.identity.name, pair.identity.url)
    directory.join()
    return person, directory


@pytest.mark.rule("REQ-ROOMS-1", "REQ-ROOMS-8", "REQ-ROOMS-9")
def test_an_invited_address_ends_in_the_room(secure_pair: Pair, mailbox: Mailbox) -> None:
    """Invited with the room, mailed, registered, bound: the guest is invited by the proof, and joins."""
    host = Host(secure_pair, "gardener", "guest@example.org")
    ((token, content),) = host.state(INVITE).items()
    assert "guest@example.org" not in str(content)
    mail = mailbox.next("guest@example.org")
    assert "The Garden" in mail.text
    guest, directory = guest_of(secure_pair, "guest", secure_pair.homeserver.url)
    with pytest.raises(Failed, match="M_FORBIDDEN"):
        guest.call("POST", f"{host.path}/join", {})
    directory.publish("guest@example.org", mailbox)
    eventually(lambda: host.membership(guest.user_id) == "invite")
    proof = host.state(MEMBER)[guest.user_id]["third_party_invite"]
    assert (proof["signed"]["token"], proof["display_name"]) == (token, content["display_name"])
    guest.call("POST", f"{host.path}/join", {})
    assert host.membership(guest.user_id) == "join"


@pytest.mark.rule("REQ-ROOMS-9", "REQ-ROOMS-10")
def test_a_guest_of_another_homeserver_is_exchanged(secure_pair: Pair, mailbox: Mailbox) -> None:
    """The guest's homeserver asks that of the room for the invitation, by a request that it signs."""
    host = Host(secure_pair, "neighbourly")
    host.invite("far@example.org")
    mailbox.next("far@example.org")
    guest, directory = guest_of(secure_pair, "far", secure_pair.identity.url)
    directory.publish("far@example.org", mailbox)
    eventually(lambda: host.membership(guest.user_id) == "invite")
    assert guest.user_id.endswith(secure_pair.identity.name)


@pytest.mark.rule("REQ-ROOMS-1")
def test_an_address_that_is_bound_is_invited_as_its_user(secure_pair: Pair, mailbox: Mailbox) -> None:
    """Once the identity server knows the user there is no mail, and the room has the user instead of the address."""
    guest, directory = guest_of(secure_pair, "known", secure_pair.homeserver.url)
    directory.publish("known@example.org", mailbox)
    host = Host(secure_pair, "friendly", "known@example.org")
    assert host.membership(guest.user_id) == "invite"
    assert host.state(INVITE) == {}


@pytest.mark.rule("REQ-ROOMS-6")
def test_a_revoked_invitation_lets_nobody_in(secure_pair: Pair, mailbox: Mailbox) -> None:
    """Of two invitations of one address only the one that was not revoked makes a member."""
    first, second = (Host(secure_pair, f"host{number}", "twice@example.org") for number in range(2))
    (token,) = first.state(INVITE)
    first.person.call("PUT", f"{first.path}/state/{INVITE}/{quote(token)}", {})
    for _ in range(2):
        mailbox.next("twice@example.org")
    guest, directory = guest_of(secure_pair, "twice", secure_pair.homeserver.url)
    directory.publish("twice@example.org", mailbox)
    eventually(lambda: second.membership(guest.user_id) == "invite")
    assert first.membership(guest.user_id) is None


def test_a_wrong_entry_makes_no_room(secure_pair: Pair) -> None:
    """``invite_3pid`` is checked before the room is made."""
    host = Host(secure_pair, "careless")
    for wrong in ("text", [7], [{"medium": "email"}], [{**host.invitation("nobody"), "medium": "fax"}]):
        host.person.call("POST", "/createRoom", {"invite_3pid": wrong}, expected=400)


def test_only_who_has_joined_invites(secure_pair: Pair) -> None:
    """Others see no state, invite nobody and revoke nothing; other state is not sent at all."""
    host, (stranger, _) = Host(secure_pair, "owner"), secure_pair.resident("onlooker")
    for method, path, body in (
        ("GET", "/state", None),
        ("POST", "/invite", {"user_id": stranger.user_id}),
        ("POST", "/invite", host.invitation("anybody@example.org")),
        ("PUT", f"/state/{INVITE}/token", {}),
        ("POST", "/join", {}),
    ):
        assert stranger.call(method, f"{host.path}{path}", body, expected=403)["errcode"] == "M_FORBIDDEN"
    host.person.call("PUT", f"{host.path}/state/{INVITE}/token", {"display_name": "x"}, expected=400)
    host.person.call("POST", f"{host.path}/invite", {"user_id": f"@nobody:{secure_pair.homeserver.name}"}, expected=404)


def test_without_identity_servers_addresses_are_not_invited(server: Example, person: Person) -> None:
    """Users are invited all the same, and nothing redeems invitations of addresses."""
    person.register("modest")
    room = person.call("POST", "/createRoom", {})["room_id"]
    body = {"medium": "email", "address": "a@example.org", "id_server": "id.example", "id_access_token": "x"}
    person.call("POST", f"/rooms/{quote(room)}/invite", body, expected=403)
    assert fetch("PUT", f"{server.url}/_matrix/federation/v1/3pid/onbind", b"{}").status == 404


class Line:
    """A ``Fetch`` that answers with the next status, or not at all."""

    def __init__(self, *statuses: int | None) -> None:
        self.statuses, self.asked = list(statuses), 0

    async def fetch(self, request: HttpRequest, deadline: int) -> HttpReply | HttpFailure:
        self.asked += 1
        status = self.statuses.pop(0)
        return HttpFailure(Failure.TIMEOUT) if status is None else HttpReply(status, b"{}")


@pytest.mark.parametrize("decided", [200, 403])
def test_an_exchange_outlives_an_outage(tmp_path: Path, decided: int) -> None:
    """A homeserver that is away or busy is asked again after longer pauses, until it has decided; then no more."""
    line, clock = Line(None, 503, 429, decided), FakeClock()
    peers = Peers(server_name="hs.example.org", secret=fresh_key(), fetch=line, deadline=1_000, client=None)

    async def told() -> list[int]:
        async with opened(f"sqlite:///{tmp_path / 'example.db'}") as db:
            exchanges = Exchanges(db, peers, clock)
            await exchanges.put("other.example.org:8448", {"room_id": "!r:x", "state_key": "@a:hs.example.org"})
            left = []
            for pause in (0, 0, 1_000, 2_000, 4_000, 8_000):
                clock.advance(pause)
                await exchanges.work()
                left.append(line.asked)
            assert await exchanges.waiting() == []
            return left

    assert asyncio.run(told()) == [1, 1, 2, 3, 4, 4]
