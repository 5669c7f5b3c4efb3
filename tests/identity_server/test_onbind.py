"""Telling homeservers that an invited address was bound: what they get, when again, and who must not wait."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from attrs import define, evolve, field

from matrix_threepid import run_sync
from matrix_threepid.events import OnbindGivenUp
from matrix_threepid.identity import HttpOnbind
from matrix_threepid.identity.signing import EphemeralKeys, verifies
from matrix_threepid.limits.counting import DAY
from matrix_threepid.model.third_party_invite import raw_base64
from matrix_threepid.net.fetch import Failure, HttpFailure, HttpReply, HttpRequest
from matrix_threepid.policy import per_hour
from matrix_threepid.ports import Told
from matrix_threepid.stores import MemoryInvitations
from matrix_threepid.testing import ALICE, GENEROUS

from .acting import ADDRESS, KEY, NAME, Place, refusal
from .apis import V1, V2

CAROL, DAN = "@carol:other.example.org", "@dan:third.example.org"
HOUR = 3_600_000


@define
class Homeservers:
    """An ``OnbindClient``. ``answers``: by server, in order, then ``TAKEN``; ``told``: server and body."""

    answers: dict[str, list[Told]] = field(factory=dict)
    told: list[tuple[str, Mapping[str, Any]]] = field(factory=list)

    async def tell(self, server_name: str, body: Mapping[str, object], deadline: int) -> Told:
        assert 0 < deadline <= 10_000
        self.told.append((server_name, body))
        left = self.answers.get(server_name)
        return left.pop(0) if left else Told.TAKEN


@pytest.fixture
def client() -> Homeservers:
    return Homeservers()


@pytest.fixture
def place(make_place: Callable[..., Place], client: Homeservers) -> Place:
    return make_place(V2, onbind=client)


def invite(place: Place, address: str = ADDRESS, sender: str = CAROL, room: str = "!room:other.example.org") -> str:
    body = {"medium": "email", "address": address, "room_id": room, "sender": sender}
    answer = place.call("POST", "/_matrix/identity/v2/store-invite", body, user=sender)
    assert answer.status == 200, answer
    return str(answer.json()["token"])


def bind(place: Place, mxid: str = ALICE, address: str = ADDRESS) -> Any:
    sid = place.ask("email", email=address, client_secret=address.replace("@", "-"), user=mxid).json()["sid"]
    credentials = {"sid": sid, "client_secret": address.replace("@", "-")}
    place.post("/validate/email/submitToken", {**credentials, "token": place.token()}, user=mxid)
    return place.bind(credentials, mxid, user=mxid)


def work(place: Place) -> int:
    """Run the job until its next pause; return the ms of that."""
    (job,) = [each for each in place.service.jobs() if each.name == "tell_homeservers"]
    return run_sync(job.run_once())


@pytest.mark.rule("REQ-ISINV-8")
def test_the_homeserver_gets_the_signed_invitations(place: Place, client: Homeservers) -> None:
    """After the bind the user's homeserver is told of all invitations at once, each signed by this server, once."""
    tokens = [invite(place), invite(place, room="!other:other.example.org", sender=DAN)]
    assert bind(place).status == 200
    assert client.told == []
    work(place)
    work(place)
    ((server, body),) = client.told
    assert server == "hs.example.org"
    about = {"medium": "email", "address": ADDRESS, "mxid": ALICE}
    assert {name: body[name] for name in about} == about
    assert [(each["sender"], each["room_id"]) for each in body["invites"]] == [
        (CAROL, "!room:other.example.org"),
        (DAN, "!other:other.example.org"),
    ]
    for token, each in zip(tokens, body["invites"], strict=True):
        assert {name: each[name] for name in about} == about
        assert sorted(each["signed"]) == ["mxid", "signatures", "token"]
        assert (each["signed"]["mxid"], each["signed"]["token"]) == (ALICE, token)
        assert verifies(each["signed"], NAME, KEY.id, KEY.public)
    keys = [each.public_key for each in place.homeserver.invitations.dump()]
    for key in keys:
        assert raw_base64(key)
        assert place.get("/pubkey/ephemeral/isvalid", {"public_key": key}, user=None).json() == {"valid": True}


@pytest.mark.rule("REQ-ISINV-8")
def test_nobody_is_told_without_an_invitation(place: Place, client: Homeservers) -> None:
    """A bind of an address that nobody invited is told to nobody."""
    invite(place, "bob@example.org")
    bind(place)
    work(place)
    assert client.told == []


@pytest.mark.rule("REQ-ISINV-8")
def test_a_homeserver_that_is_away_is_told_later(place: Place, client: Homeservers) -> None:
    """Pauses grow; after 7 days it is given up, and the listener hears of it. Who binds hears nothing."""
    client.answers["hs.example.org"] = [Told.AWAY] * 1000
    invite(place)
    assert bind(place).status == 200
    begun, times = place.clock.now, []
    while not place.events.of(OnbindGivenUp):
        before = len(client.told)
        work(place)
        if len(client.told) > before:
            times.append(place.clock.now - begun)
        place.clock.advance(60_000)
    assert [(event.user_id, event.threepid.address) for event in place.events.of(OnbindGivenUp)] == [(ALICE, ADDRESS)]
    assert 7 * DAY <= times[-1] <= 8 * DAY
    assert 20 < len(times) < 60
    assert times[1] - times[0] < times[5] - times[4] < times[-1] - times[-2]
    before = len(client.told)
    place.clock.advance(DAY)
    work(place)
    assert len(client.told) == before


@pytest.mark.rule("REQ-ISINV-8")
def test_one_bad_invitation_keeps_no_other_away(place: Place, client: Homeservers) -> None:
    """A homeserver that refuses them together is told of each alone, and not again of those it takes."""
    good, bad = invite(place), invite(place, room="!gone:other.example.org")
    client.answers["hs.example.org"] = [Told.REFUSED, Told.TAKEN, Told.REFUSED, Told.REFUSED]
    bind(place)
    for _ in range(3):
        work(place)
        place.clock.advance(HOUR)
    listed = [[invite["signed"]["token"] for invite in body["invites"]] for _, body in client.told]
    assert listed[0] == [good, bad]
    assert sorted(listed[1:3]) == sorted([[good], [bad]])
    first = listed[1]
    assert listed[3] == ([bad] if first == [good] else listed[2])


@pytest.mark.rule("REQ-ISINV-8")
def test_servers_are_told_in_turn(place: Place, client: Homeservers) -> None:
    """Many users of a homeserver that is away delay those of another by one call at most."""
    client.answers["hs.example.org"] = [Told.AWAY] * 1000
    users = [(f"@u{number}:hs.example.org", f"u{number}@example.org") for number in range(5)]
    for mxid, address in [*users, (DAN, "dan@example.org")]:
        invite(place, address)
        assert bind(place, mxid, address).status == 200
    work(place)
    assert "third.example.org" in [server for server, _ in client.told[:3]]


@pytest.mark.rule("REQ-ISINV-8")
def test_what_changed_meanwhile_is_not_told(place: Place, client: Homeservers) -> None:
    """The homeserver of a user who has the address no more is not told of it."""
    invite(place)
    bind(place)
    place.publish_as(ADDRESS, DAN)
    work(place)
    assert client.told == []


@pytest.mark.rule("REQ-ISINV-8")
def test_a_crash_between_loses_nothing(make_place: Callable[..., Place], client: Homeservers) -> None:
    """What is to be told is stored before the bind: a process that dies after it loses no invitation."""

    class Dies(MemoryInvitations):
        calls = 0

        async def announce(self, onbind: Any, most: int) -> bool:
            self.calls += 1
            if self.calls == 2:
                raise SystemExit
            return await super().announce(onbind, most)

    place = make_place(V2, onbind=client, invitations=Dies())
    invite(place)
    with pytest.raises(SystemExit):
        bind(place)
    assert place.published() == ALICE
    work(place)
    assert client.told == []
    place.clock.advance(60_000)
    work(place)
    assert [server for server, _ in client.told] == ["hs.example.org"]


@pytest.mark.rule("REQ-ISINV-8", "SEC-26")
def test_version_1_cannot_make_us_call_without_end(make_place: Callable[..., Place], client: Homeservers) -> None:
    """Under version 1, where whoever binds names any server, calls out are charged to the network before the bind."""
    limits = evolve(GENEROUS, call_outs=per_hour(1))
    place = make_place(V1, {"limits": limits}, onbind=client)
    statuses = []
    for number in range(2):
        invite(place, f"u{number}@example.org")
        statuses.append(bind(place, f"@x:victim{number}.example.org", f"u{number}@example.org"))
    assert statuses[0].status == 200
    assert refusal(statuses[1]) == (429, "M_LIMIT_EXCEEDED")
    assert place.published("email", "u1@example.org") is None


@define
class Recorded:
    """A ``Fetch`` with one answer. ``asked``: the requests."""

    answer: HttpReply | HttpFailure
    asked: list[HttpRequest] = field(factory=list)

    async def fetch(self, request: HttpRequest, deadline: int) -> HttpReply | HttpFailure:
        self.asked.append(request)
        return self.answer


@pytest.mark.rule("REQ-ISINV-8")
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (HttpReply(200, b"anything"), Told.TAKEN),
        (HttpReply(403, b"{}"), Told.REFUSED),
        (HttpReply(404), Told.REFUSED),
        (HttpReply(301), Told.REFUSED),
        (HttpReply(429), Told.AWAY),
        (HttpReply(502), Told.AWAY),
        (HttpFailure(Failure.TIMEOUT), Told.AWAY),
        (HttpFailure(Failure.BLOCKED), Told.AWAY),
    ],
    ids=str,
)
def test_answers_of_homeservers(answer: Any, expected: Told) -> None:
    """A 2xx is taken, what cannot be answered now is tried again, and everything else was refused."""
    fetch = Recorded(answer)
    body = {"mxid": ALICE, "invites": []}
    assert run_sync(HttpOnbind(fetch=fetch).tell("hs.example.org", body, 5000)) is expected
    (request,) = fetch.asked
    assert (request.method, request.host, request.port) == ("POST", "hs.example.org", 8448)
    assert request.target == "/_matrix/federation/v1/3pid/onbind"
    assert json.loads(request.body or b"") == body
    assert not request.repeatable
    assert run_sync(HttpOnbind(fetch=fetch).tell("no server/", body, 5000)) is Told.REFUSED


def test_without_a_client_there_is_no_job(make_place: Callable[..., Place]) -> None:
    """Without ``onbind`` nothing is stored for homeservers, and binding works as before."""
    place = make_place(V2, invitation_keys=EphemeralKeys(NAME))
    invite(place)
    assert bind(place).status == 200
    assert [each.name for each in place.service.jobs() if each.name == "tell_homeservers"] == []
