"""An invitation from end to end, on two homeservers and an identity server of ours, each in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from identity_server.acting import Place

from matrix_threepid import Request, Service, invite_by_threepid, run_sync
from matrix_threepid.endpoints import FEDERATION
from matrix_threepid.identity import (
    Failure,
    HttpFailure,
    HttpIdentityClient,
    HttpOnbind,
    HttpReply,
    HttpRequest,
    InvitedUser,
    ThirdPartyInvite,
    XMatrixVerifier,
    new_signing_key,
)
from matrix_threepid.identity.signed_requests import SignedRequest
from matrix_threepid.identity.x_matrix import XMatrixHeader, header
from matrix_threepid.testing import ALICE, FakeRooms, World, check_invariants
from matrix_threepid.testing.contracts.requests import KnownKeys

GUEST, GUESTS, ROOM = "@guest:other.example.org", "guest@example.net", "!room:hs.example.org"
OURS, THEIRS, IDENTITY = "hs.example.org", "other.example.org", "id.example.org"
THEIR_KEY = new_signing_key("a_1")


class Wires:
    """A ``Fetch`` that hands requests to services in memory, by their host names."""

    def __init__(self) -> None:
        self.services: dict[str, Service] = {}

    async def fetch(self, request: HttpRequest, deadline: int) -> HttpReply | HttpFailure:
        if request.host not in self.services:
            return HttpFailure(Failure.NAME)
        headers = {name.lower(): value for name, value in request.headers}
        asked = Request(request.method, request.path, headers, request.query, request.body or b"", "203.0.113.9")
        response = await self.services[request.host].handle(asked)
        return HttpReply(response.status, response.body)


class Story:
    """The homeserver of the inviter, that of the guest, and the identity server between them."""

    def __init__(self, make_world: Callable[..., World]) -> None:
        self.wires = wires = Wires()
        self.place = Place(onbind=HttpOnbind(fetch=wires))
        keys = KnownKeys(THEIRS, THEIR_KEY)
        client = HttpIdentityClient(wires)
        self.rooms, self.theirs = FakeRooms(invitations={ROOM: {}}), FakeRooms(users={GUEST})
        ports = {"rooms": self.rooms, "invitations": client, "verifier": XMatrixVerifier([OURS], keys)}
        self.inviter = make_world(server_name=OURS, **ports)
        self.invited = make_world(server_name=THEIRS, rooms=self.theirs, invitations=client)
        wires.services = {
            IDENTITY: self.place.service,
            OURS: Service(self.inviter.homeserver, FEDERATION),
            THEIRS: Service(self.invited.homeserver, FEDERATION),
        }

    def invite(self) -> InvitedUser | ThirdPartyInvite:
        """Let Alice invite the guest's address; her access tokens are her user id."""
        inviting = invite_by_threepid(
            self.inviter.homeserver,
            room_id=ROOM,
            medium="email",
            address=GUESTS,
            id_server=IDENTITY,
            id_access_token=ALICE,
            inviter=ALICE,
        )
        return run_sync(inviting)

    def bind(self) -> None:
        """Let the guest prove the address at the identity server, and let that tell the guest's homeserver."""
        asked = self.place.ask("email", email=GUESTS, client_secret="guest", user=GUEST)
        credentials = {"sid": asked.json()["sid"], "client_secret": "guest"}
        self.place.post("/validate/email/submitToken", {**credentials, "token": self.place.token()}, user=GUEST)
        assert self.place.bind(credentials, GUEST, user=GUEST).status == 200
        (job,) = [each for each in self.place.service.jobs() if each.name == "tell_homeservers"]
        run_sync(job.run_once())

    def exchange(self, event: Any) -> int:
        """Let the guest's homeserver ask the inviter's for the invitation; return the status."""
        uri = f"/_matrix/federation/v1/exchange_third_party_invite/{ROOM}"
        signed = SignedRequest("PUT", uri, event).signed(THEIRS, destination=OURS)
        credentials = XMatrixHeader(THEIRS, THEIR_KEY.id, THEIR_KEY.signature(signed, THEIRS), OURS)
        request = Request("PUT", uri, {"authorization": header(credentials)}, body=json.dumps(event).encode())
        return run_sync(self.wires.services[OURS].handle(request)).status


@pytest.fixture
def story(make_world: Callable[..., World], caplog: pytest.LogCaptureFixture) -> Any:
    """The three servers; the invariants of the identity server are checked as well."""
    made = Story(make_world)
    yield made
    check_invariants(made.place, caplog.text)


@pytest.mark.rule("REQ-ROOMS-1", "REQ-ROOMS-6", "REQ-ROOMS-8", "REQ-ROOMS-9", "REQ-ROOMS-10")
def test_an_invitation_ends_in_the_room(story: Story) -> None:
    """The address is invited, bound, told to the guest's homeserver, exchanged, and the guest is invited."""
    made = story.invite()
    assert isinstance(made, ThirdPartyInvite)
    assert GUESTS not in str(made.event())
    story.rooms.invitations[ROOM][made.token] = made.event()
    story.bind()
    ((server, event),) = story.theirs.asked
    assert server == OURS
    assert story.exchange(event) == 200
    (sent,) = story.rooms.sent
    assert (sent["state_key"], sent["sender"], sent["room_id"]) == (GUEST, ALICE, ROOM)
    assert story.invite() == InvitedUser(GUEST)


@pytest.mark.rule("REQ-ROOMS-6")
def test_a_revoked_invitation_ends_nowhere(story: Story) -> None:
    """Once the room has no key for it, the exchange is refused."""
    made = story.invite()
    assert isinstance(made, ThirdPartyInvite)
    story.rooms.invitations[ROOM][made.token] = made.revoked(ALICE).event()
    story.bind()
    ((_, event),) = story.theirs.asked
    assert story.exchange(event) == 403
    assert story.rooms.sent == []
