"""What identity servers and other homeservers may make of an invitation: ``onbind`` and the exchange."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from matrix_threepid import Limit, Limits, Request, Response, Service, check_member, run_sync
from matrix_threepid.endpoints import FEDERATION
from matrix_threepid.errors import Forbidden, Unavailable
from matrix_threepid.events import InvitationRedeemed, InvitationRefused
from matrix_threepid.identity import (
    ROOM_RULES,
    KeyChecked,
    RoomInvitation,
    ServerRefused,
    Unreachable,
    XMatrixVerifier,
    new_signing_key,
)
from matrix_threepid.identity.signed_requests import SignedRequest
from matrix_threepid.identity.x_matrix import XMatrixHeader, header
from matrix_threepid.testing import FakeIdentityServers, FakeRooms, World
from matrix_threepid.testing.contracts.requests import KnownKeys

CASES = {
    case["name"]: case
    for case in json.loads((Path(__file__).parents[1] / "data" / "third_party_invites.json").read_text("utf-8"))[
        "cases"
    ]
}
GOOD = CASES["signed with the long-term key"]
INVITE, MEMBER = GOOD["invite"], GOOD["member"]
ROOM, TOKEN, THEM = INVITE["room_id"], INVITE["state_key"], MEMBER["state_key"]
SIGNED = MEMBER["content"]["third_party_invite"]["signed"]
URL = INVITE["content"]["key_validity_url"]
THEIR_KEY, OUR_NAME, THEIR_NAME = new_signing_key("a_1"), "hs.example.org", "other.example.org"
MADE = Callable[..., World]


class House:
    """A homeserver with the room of the vectors."""

    def __init__(self, make_world: MADE, policy: Any = None, name: str = OUR_NAME, **ports: Any) -> None:
        self.servers, self.rooms = FakeIdentityServers(), FakeRooms(users={THEM})
        self.rooms.invitations[ROOM] = {TOKEN: INVITE}
        self.keys = KnownKeys(THEIR_NAME, THEIR_KEY)
        given = {
            "invitations": self.servers,
            "rooms": self.rooms,
            "verifier": XMatrixVerifier([name], self.keys),
            "server_name": name,
            **ports,
        }
        self.world = make_world(policy, **given)
        self.service = Service(self.world.homeserver, FEDERATION)

    def call(self, method: str, path: str, body: Any, **headers: str) -> Response:
        raw = json.dumps(body).encode()
        request = Request(method, f"/_matrix/federation/v1{path}", headers, body=raw, client="203.0.113.9")
        response = run_sync(self.service.handle(request))
        self.world.exchanges.append((request, response))
        return response

    def exchange(self, event: Any = MEMBER, room: str = ROOM, origin: str = THEIR_NAME, encoded: str = "") -> Response:
        """Ask for the invitation, signed by a homeserver over the path as it encodes it."""
        uri = f"/_matrix/federation/v1/exchange_third_party_invite/{encoded or room}"
        signed = SignedRequest("PUT", uri, event).signed(origin, destination=self.world.homeserver.server_name)
        credentials = XMatrixHeader(origin, THEIR_KEY.id, THEIR_KEY.signature(signed, origin), OUR_NAME)
        return self.call("PUT", f"/exchange_third_party_invite/{room}", event, authorization=header(credentials))

    def on_bind(self, *invites: Any, mxid: str = THEM, method: str = "POST") -> Response:
        """Tell that the address was bound."""
        body = {"medium": "email", "address": "alice@example.com", "mxid": mxid, "invites": list(invites)}
        return self.call(method, "/3pid/onbind", body)

    @property
    def reasons(self) -> list[str]:
        """Why proofs were refused."""
        return [event.reason for event in self.world.events.of(InvitationRefused)]


@pytest.fixture
def house(make_world: MADE) -> House:
    """The homeserver of the inviter."""
    return House(make_world)


@pytest.fixture
def theirs(make_world: MADE) -> House:
    """The homeserver of the invited user, which is not in the room."""
    house = House(make_world, name=THEIR_NAME)
    house.rooms.invitations.clear()
    return house


def waiting(**members: Any) -> dict[str, Any]:
    """Return an invitation as an identity server tells it."""
    invite = {"medium": "email", "address": "alice@example.com", "mxid": THEM, "room_id": ROOM}
    return {**invite, "sender": INVITE["sender"], "signed": SIGNED, **members}


def refusal(response: Response) -> tuple[int, str]:
    return response.status, response.json()["errcode"]


@pytest.mark.rule("REQ-ROOMS-8", "REQ-ROOMS-10")
def test_a_homeserver_gets_the_invitation_of_its_user(house: House) -> None:
    """The proof is checked, the key asked for at its URL, and the host invites with the display name of the room."""
    asked = json.loads(json.dumps(MEMBER))
    asked["content"]["third_party_invite"]["display_name"] = "I am not who you think"
    asked["content"]["more"] = "left out"
    response = house.exchange(asked)
    assert (response.status, response.json()) == (200, {})
    assert house.rooms.sent == [MEMBER]
    assert house.servers.calls == [("key_is_valid", URL)]
    assert [(each.user_id, each.room_id) for each in house.world.events.of(InvitationRedeemed)] == [(THEM, ROOM)]
    assert response.header("Access-Control-Allow-Origin") is None


@pytest.mark.rule("REQ-ROOMS-10")
@pytest.mark.parametrize("encoded", [quote(ROOM, safe=""), quote(ROOM, safe=":!"), ROOM])
def test_a_path_may_be_signed_as_it_was_encoded(house: House, encoded: str) -> None:
    """Web servers hand paths on decoded, and homeservers sign them encoded, in either way."""
    assert house.exchange(encoded=encoded).status == 200


@pytest.mark.rule("REQ-ROOMS-10")
def test_a_user_who_is_invited_or_joined_stays_so(house: House) -> None:
    """A repeated exchange is answered alike and invites nobody again."""
    assert [house.exchange().status, house.exchange().status] == [200, 200]
    house.rooms.members[ROOM, THEM] = "join"
    assert house.exchange().status == 200
    assert len(house.rooms.sent) == 1


@pytest.mark.rule("REQ-ROOMS-10")
def test_who_has_left_is_not_invited_again_by_the_same_proof(make_world: MADE, house: House) -> None:
    """Everybody in the room can read a proof, and send it to the user's homeserver, which asks that of the room."""
    theirs = House(make_world, name=THEIR_NAME)
    assert [house.exchange().status, theirs.on_bind(waiting()).status] == [200, 200]
    for each in (house, theirs):
        each.rooms.members[ROOM, THEM] = "leave"
    assert refusal(house.exchange()) == (403, "M_FORBIDDEN")
    assert theirs.on_bind(waiting()).json() == {}
    assert [len(each.rooms.sent) for each in (house, theirs)] == [1, 1]
    assert house.reasons == theirs.reasons == ["The user has left after an invitation with this proof"]


@pytest.mark.rule("REQ-ROOMS-10")
def test_who_was_in_the_room_before_is_invited_by_a_new_invitation(house: House) -> None:
    """Only a proof that has let its user in is used up."""
    house.rooms.members[ROOM, THEM] = "leave"
    assert house.exchange().status == 200
    assert len(house.rooms.sent) == 1


@pytest.mark.rule("REQ-ROOMS-6", "REQ-ROOMS-10")
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sender": "@eve:hs.example.org"}, (403, "M_FORBIDDEN")),
        ({"content": {}}, (403, "M_FORBIDDEN")),
        ({"content": CASES["forged: signed with another key"]["member"]["content"]}, (403, "M_FORBIDDEN")),
        ({"content": CASES["a proof for another user"]["member"]["content"]}, (403, "M_FORBIDDEN")),
        ({"content": []}, (400, "M_INVALID_PARAM")),
        ({"type": "m.room.name"}, (400, "M_INVALID_PARAM")),
        ({"room_id": "!other:hs.example.org"}, (400, "M_INVALID_PARAM")),
        ({"state_key": "alice"}, (400, "M_INVALID_PARAM")),
        ({"state_key": "@alice:elsewhere.example"}, (403, "M_FORBIDDEN")),
    ],
)
def test_an_exchange_that_is_not_right_invites_nobody(house: House, change: Any, expected: tuple[int, str]) -> None:
    """A wrong sender, proof, room, user or form is an error, and nothing is sent into the room."""
    assert refusal(house.exchange({**MEMBER, **change})) == expected
    assert house.rooms.sent == []


@pytest.mark.rule("REQ-ROOMS-10")
def test_an_exchange_needs_the_signature_of_the_users_homeserver(house: House) -> None:
    """Without a signature, and with that of another server or for another path, nothing is looked at."""
    path = f"/exchange_third_party_invite/{ROOM}"
    assert refusal(house.call("PUT", path, MEMBER)) == (401, "M_UNAUTHORIZED")
    assert refusal(house.exchange(origin="mallory.example")) == (403, "M_FORBIDDEN")
    assert refusal(house.exchange(encoded="!other:hs.example.org")) == (403, "M_FORBIDDEN")
    assert house.servers.calls == []
    assert house.rooms.sent == []


@pytest.mark.rule("REQ-ROOMS-10")
def test_a_room_that_is_not_here_is_said_so(house: House) -> None:
    """A room of other servers is not found; revoked and unknown invitations and banned users are refused."""
    elsewhere = "!elsewhere:hs.example.org"
    assert refusal(house.exchange({**MEMBER, "room_id": elsewhere}, room=elsewhere)) == (404, "M_NOT_FOUND")
    house.rooms.members[ROOM, THEM] = "ban"
    assert refusal(house.exchange()) == (403, "M_FORBIDDEN")
    house.rooms.members.clear()
    house.rooms.invitations[ROOM] = {TOKEN: {**INVITE, "content": {}}}
    assert refusal(house.exchange()) == (403, "M_FORBIDDEN")
    house.rooms.invitations[ROOM] = {}
    assert refusal(house.exchange()) == (403, "M_FORBIDDEN")
    assert house.rooms.sent == []
    assert house.reasons[0] == "The user is banned from the room"


@pytest.mark.rule("REQ-ROOMS-8")
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (KeyChecked(False), (403, "M_FORBIDDEN")),
        (ServerRefused(400, "M_INVALID_PARAM", "e"), (403, "M_FORBIDDEN")),
        (ServerRefused(502, "M_UNKNOWN", "e"), (503, "M_UNKNOWN")),
        (Unreachable("no answer"), (503, "M_UNKNOWN")),
    ],
)
@pytest.mark.answers_5xx(503)
def test_a_key_must_be_valid_when_a_user_is_let_in(house: House, answer: Any, expected: tuple[int, str]) -> None:
    """A revoked key is refused; without an answer nobody is let in, and the request can be repeated."""
    house.servers.script("key_is_valid", URL, answer)
    assert refusal(house.exchange()) == expected
    assert house.rooms.sent == []
    assert house.exchange().status == 200


@pytest.mark.rule("REQ-ROOMS-8")
def test_a_key_without_a_url_is_valid_for_ever(house: House) -> None:
    """Nobody is asked about a key for which the invitation names no URL."""
    key = {"public_key": INVITE["content"]["public_key"]}
    house.rooms.invitations[ROOM] = {TOKEN: {**INVITE, "content": {"display_name": "a...", "public_keys": [key]}}}
    assert house.exchange().status == 200
    assert house.servers.calls == []


@pytest.mark.rule("REQ-ROOMS-9")
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_room_of_this_server_is_entered_at_once(make_world: MADE, method: str) -> None:
    """Where the invited user's server is in the room it checks the proof and invites."""
    house = House(make_world, name=THEIR_NAME)
    assert house.on_bind(waiting(), method=method).json() == {}
    assert house.rooms.sent == [MEMBER]
    assert house.rooms.asked == []


@pytest.mark.rule("REQ-ROOMS-9")
def test_a_room_of_another_server_is_asked_for(theirs: House) -> None:
    """The homeserver of the inviter gets the partial event with the proof."""
    assert theirs.on_bind(waiting()).json() == {}
    ((server, event),) = theirs.rooms.asked
    assert server == OUR_NAME
    assert {name: event[name] for name in ("type", "room_id", "sender", "state_key")} == {
        name: MEMBER[name] for name in ("type", "room_id", "sender", "state_key")
    }
    assert event["content"] == {"membership": "invite", "third_party_invite": {"display_name": "", "signed": SIGNED}}


@pytest.mark.rule("REQ-ROOMS-9", "REQ-ROOMS-10")
def test_what_one_server_asks_the_other_answers(house: House, theirs: House) -> None:
    """The event that ``onbind`` makes is taken by the exchange of the inviter's homeserver."""
    theirs.on_bind(waiting())
    ((_, event),) = theirs.rooms.asked
    assert house.exchange(event).status == 200
    assert house.rooms.sent == [MEMBER]


@pytest.mark.rule("REQ-ROOMS-9")
@pytest.mark.parametrize(
    "wrong",
    [
        {"mxid": "@mallory:other.example.org"},
        {"signed": {**SIGNED, "mxid": "@mallory:other.example.org"}},
        {"signed": {"mxid": THEM, "token": TOKEN}},
        {"signed": {**SIGNED, "token": 5}},
        {"sender": f"@bob:{THEIR_NAME}"},
    ],
)
def test_nobody_is_asked_for_what_cannot_be_right(theirs: House, wrong: Any) -> None:
    """A proof for another user, one without signatures and an inviter of this server make no request."""
    assert theirs.on_bind(waiting(**wrong), waiting()).json() == {}
    assert len(theirs.rooms.asked) == 1
    assert len(theirs.reasons) == 1


@pytest.mark.rule("REQ-ROOMS-9")
def test_one_refused_invitation_keeps_nobody_from_the_others(make_world: MADE) -> None:
    """The answer tells nothing of what was refused; the listener hears it."""
    house = House(make_world, name=THEIR_NAME)
    forged = CASES["forged: signed with another key"]["member"]["content"]["third_party_invite"]["signed"]
    assert house.on_bind(waiting(signed=forged), waiting()).json() == {}
    assert house.rooms.sent == [MEMBER]
    assert house.reasons == ["The proof is not signed with a key of the invitation"]


@pytest.mark.rule("REQ-ROOMS-9")
@pytest.mark.answers_5xx(503)
def test_an_outage_lets_the_identity_server_ask_again(make_world: MADE) -> None:
    """If one proof cannot be checked now the answer is 503, the others count, and a repetition invites nobody twice."""
    house = House(make_world, name=THEIR_NAME)
    second = "!second:hs.example.org"
    house.rooms.invitations[second] = {TOKEN: {**INVITE, "room_id": second}}
    house.servers.script("key_is_valid", URL, Unreachable("no answer"))
    assert house.on_bind(waiting(), waiting(room_id=second)).status == 503
    assert [event["room_id"] for event in house.rooms.sent] == [second]
    assert house.on_bind(waiting(), waiting(room_id=second)).status == 200
    assert [event["room_id"] for event in house.rooms.sent] == [second, ROOM]


@pytest.mark.rule("REQ-ROOMS-9")
@pytest.mark.answers_5xx(503)
def test_all_keys_share_one_deadline(make_world: MADE) -> None:
    """An identity server that answers slowly does not hold the request for each of its invitations."""
    house = House(make_world, name=THEIR_NAME)

    async def slow() -> None:
        house.world.clock.advance(house.world.homeserver.policy.identity_deadline)

    house.servers.before = slow
    rooms = [f"!room{number}:hs.example.org" for number in range(5)]
    house.rooms.invitations |= {room: {TOKEN: {**INVITE, "room_id": room}} for room in rooms}
    assert house.on_bind(*(waiting(room_id=room) for room in rooms)).status == 503
    assert len(house.servers.calls) == 1


@pytest.mark.rule("REQ-ROOMS-9")
@pytest.mark.parametrize("mxid", ["@nobody:other.example.org", "@alice:hs.example.org"])
def test_only_users_of_this_server_are_told(theirs: House, mxid: str) -> None:
    """For a user who is not of this server nothing is looked up."""
    assert refusal(theirs.on_bind(waiting(mxid=mxid), mxid=mxid)) == (403, "M_FORBIDDEN")
    assert theirs.rooms.asked == []


@pytest.mark.rule("REQ-ROOMS-9")
def test_strangers_are_limited_before_anything_is_looked_up(make_world: MADE) -> None:
    """Both endpoints charge the network of the caller, whatever is asked."""
    house = House(make_world, {"limits": Limits(call_outs=Limit(2, 0.001))}, name=THEIR_NAME)
    assert house.on_bind(mxid="@nobody:other.example.org").status == 403
    assert house.call("PUT", f"/exchange_third_party_invite/{ROOM}", MEMBER).status == 401
    assert refusal(house.on_bind(waiting())) == (429, "M_LIMIT_EXCEEDED")
    assert refusal(house.exchange()) == (429, "M_LIMIT_EXCEEDED")


@pytest.mark.rule("REQ-ROOMS-9")
def test_each_invitation_of_a_call_counts(make_world: MADE) -> None:
    """One call with many invitations is charged as many, since each may have another server asked."""
    house = House(make_world, {"limits": Limits(call_outs=Limit(5, 0.001))}, name=THEIR_NAME)
    house.rooms.invitations.clear()
    assert house.on_bind(waiting(), waiting(), waiting()).status == 200
    asked = len(house.rooms.asked)
    assert refusal(house.on_bind(waiting(), waiting(), waiting())) == (429, "M_LIMIT_EXCEEDED")
    assert len(house.rooms.asked) == asked
    assert house.on_bind(waiting(), waiting()).status == 200


@pytest.mark.rule("REQ-ROOMS-9")
def test_a_call_with_more_invitations_than_the_limit_uses_it_up(make_world: MADE) -> None:
    """Such a call is served once in a while and not refused for ever."""
    house = House(make_world, {"limits": Limits(call_outs=Limit(2, 0.001))}, name=THEIR_NAME)
    house.rooms.invitations.clear()
    assert house.on_bind(waiting(), waiting(), waiting()).status == 200
    assert refusal(house.on_bind()) == (429, "M_LIMIT_EXCEEDED")


@pytest.mark.parametrize(
    ("ports", "off"),
    [
        ({"rooms": None}, {"on_bind", "on_bind_post", "exchange_third_party_invite"}),
        ({"invitations": None}, {"on_bind", "on_bind_post", "exchange_third_party_invite"}),
        ({"verifier": None}, {"exchange_third_party_invite"}),
        ({}, set()),
    ],
)
def test_endpoints_are_off_without_their_ports(make_world: MADE, ports: Any, off: set[str]) -> None:
    """An endpoint without what it needs is unknown, and says why."""
    house = House(make_world, **ports)
    assert set(house.service.off) == off
    if off:
        assert refusal(house.exchange()) == (404, "M_UNRECOGNIZED")


@pytest.mark.rule("REQ-ROOMS-8")
@pytest.mark.parametrize(("valid", "expected"), [(True, None), (False, Forbidden)])
def test_the_first_join_of_a_server_is_checked_as_well(house: House, valid: bool, expected: Any) -> None:
    """A host checks the member event of another server's first join by rules and key."""
    house.servers.script("key_is_valid", URL, KeyChecked(valid))
    stored = RoomInvitation(event=INVITE, rules=ROOM_RULES["12"])
    checking = check_member(house.world.homeserver, MEMBER, stored)
    if expected is None:
        run_sync(checking)
    else:
        with pytest.raises(expected):
            run_sync(checking)


def test_without_a_client_no_key_can_be_asked_for(make_world: MADE) -> None:
    """A host without a client for invitations lets nobody in whose key has a URL."""
    house = House(make_world, invitations=None)
    with pytest.raises(Unavailable):
        run_sync(check_member(house.world.homeserver, MEMBER, RoomInvitation(event=INVITE, rules=ROOM_RULES["12"])))
