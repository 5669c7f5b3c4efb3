"""Inviting an address: the look-up, the stored invitation, what is refused, what is charged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matrix_threepid import (
    Limit,
    Limits,
    MatrixError,
    Medium,
    invite_by_threepid,
    invite_prepared,
    prepare_invites,
    run_sync,
)
from matrix_threepid.events import LimitReached, ThreepidInvited
from matrix_threepid.identity import (
    AlreadyBound,
    Busy,
    InviteAbout,
    InvitedUser,
    NotSupported,
    ServerRefused,
    ThirdPartyInvite,
    Unreachable,
)
from matrix_threepid.testing import ALICE, BOB, FakeIdentityServers, World

ADDRESS, ROOM = "alice@example.com", "!room:hs.example.org"
ENTRY = {"id_server": "id.example", "id_access_token": "t", "medium": "email", "address": ADDRESS}
MADE = Callable[..., World]


@pytest.fixture
def servers() -> FakeIdentityServers:
    """Identity servers that know nobody."""
    return FakeIdentityServers()


@pytest.fixture
def world(make_world: MADE, servers: FakeIdentityServers) -> World:
    """A homeserver that can invite by them."""
    return make_world(invitations=servers)


def invite(world: World, inviter: str = BOB, about: Any = None, **members: Any) -> InvitedUser | ThirdPartyInvite:
    """Let Bob invite Alice's address."""
    made = invite_by_threepid(world.homeserver, room_id=ROOM, inviter=inviter, about=about, **{**ENTRY, **members})
    return run_sync(made)


def refused(world: World, **members: Any) -> tuple[int, str]:
    """Return status and errcode of an invitation that fails."""
    with pytest.raises(MatrixError) as raised:
        invite(world, **members)
    return raised.value.status, str(raised.value.body()["errcode"])


@pytest.mark.rule("REQ-ROOMS-1")
def test_an_address_that_nobody_has_becomes_an_event(world: World, servers: FakeIdentityServers) -> None:
    """The identity server keeps the invitation, and the host gets the event to send, without the address in it."""
    made = invite(world, address="Alice@Example.com", about=InviteAbout(room_name="Two\nlines", room_type="m.space"))
    assert isinstance(made, ThirdPartyInvite)
    assert servers.calls == [("look_up", "id.example"), ("store_invite", "id.example")]
    event = made.event()
    assert (event["type"], event["state_key"], event["sender"]) == ("m.room.third_party_invite", "token0", BOB)
    assert {*event["content"]} == {"display_name", "public_key", "key_validity_url", "public_keys"}
    assert ADDRESS not in str(event)
    stored = servers.invited["token0"]
    assert (stored.threepid.address, stored.room_id, stored.sender) == (ADDRESS, ROOM, BOB)
    assert (stored.about.room_name, stored.about.room_type, stored.about.room_alias) == ("Two lines", "m.space", None)
    assert [event.threepid.address for event in world.events.of(ThreepidInvited)] == [ADDRESS]


@pytest.mark.rule("REQ-ROOMS-1")
def test_an_address_that_is_published_becomes_a_user(world: World, servers: FakeIdentityServers) -> None:
    """The user whom the look-up names is returned, and no invitation is stored."""
    servers.published["id.example", Medium.EMAIL, ADDRESS] = ALICE
    assert invite(world) == InvitedUser(ALICE)
    assert servers.calls == [("look_up", "id.example")]
    assert world.events.of(ThreepidInvited) == []


@pytest.mark.rule("REQ-ROOMS-1")
def test_an_address_that_was_bound_since_the_look_up_becomes_a_user(world: World, servers: FakeIdentityServers) -> None:
    """``M_THREEPID_IN_USE`` with a user is as good as a look-up that found the user."""
    servers.script("store_invite", "id.example", AlreadyBound(ALICE))
    assert invite(world) == InvitedUser(ALICE)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"address": "no address"}, (400, "M_INVALID_PARAM")),
        ({"address": 5}, (400, "M_INVALID_PARAM")),
        ({"address": None}, (400, "M_INVALID_PARAM")),
        ({"medium": "pigeon"}, (400, "M_THREEPID_MEDIUM_NOT_SUPPORTED")),
        ({"medium": ["email"]}, (400, "M_INVALID_PARAM")),
        ({"id_server": "id.example/../x"}, (400, "M_INVALID_PARAM")),
        ({"id_server": "denied.example"}, (400, "M_SERVER_NOT_TRUSTED")),
        ({"id_access_token": ""}, (400, "M_INVALID_PARAM")),
        ({"address": "denied@example.com"}, (403, "M_THREEPID_DENIED")),
    ],
)
@pytest.mark.rule("REQ-ROOMS-3")
def test_what_cannot_succeed_costs_nothing(
    make_world: MADE, servers: FakeIdentityServers, members: dict[str, Any], expected: tuple[int, str]
) -> None:
    """A wrong member, a refused server and a refused address are errors of their own; nobody is asked or charged."""
    limits = Limits(invitations=Limit(1, 0.001))
    policy = {"identity_servers": lambda name: name == "id.example", "limits": limits}
    world = make_world(policy, invitations=servers)
    world.rules.denied.add("denied@example.com")
    assert refused(world, **members) == expected
    assert servers.calls == []
    assert isinstance(invite(world), ThirdPartyInvite)


def test_without_a_client_nothing_is_invited(make_world: MADE) -> None:
    """A homeserver that has no client for invitations refuses them."""
    world = make_world()
    assert refused(world) == (403, "M_FORBIDDEN")
    with pytest.raises(MatrixError, match="cannot be invited"):
        run_sync(prepare_invites(world.homeserver, BOB, [ENTRY]))


@pytest.mark.parametrize("call", ["look_up", "store_invite"])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (ServerRefused(403, "M_TERMS_NOT_SIGNED", "Accept the terms"), (403, "M_TERMS_NOT_SIGNED")),
        (Unreachable("no answer"), (502, "M_UNKNOWN")),
        (Unreachable("late", timeout=True), (504, "M_UNKNOWN")),
        (Busy(), (429, "M_LIMIT_EXCEEDED")),
    ],
)
def test_failures_of_an_identity_server_are_passed_on(
    world: World, servers: FakeIdentityServers, call: str, answer: Any, expected: tuple[int, str]
) -> None:
    """A refusal reaches the client, and no answer is a gateway error."""
    servers.script(call, "id.example", answer)
    assert refused(world) == expected
    assert world.events.of(ThreepidInvited) == []


def test_an_identity_server_without_invitations_is_said_so(world: World, servers: FakeIdentityServers) -> None:
    """``M_UNRECOGNIZED`` for an invitation means that the server does not invite addresses of this kind."""
    servers.script("store_invite", "id.example", NotSupported())
    assert refused(world) == (400, "M_THREEPID_MEDIUM_NOT_SUPPORTED")


@pytest.mark.rule("REQ-ROOMS-3")
def test_a_user_invites_so_many_addresses(make_world: MADE, servers: FakeIdentityServers) -> None:
    """``Limits.invitations`` counts per user, whichever address and server it is."""
    world = make_world({"limits": Limits(invitations=Limit(2, 0.001))}, invitations=servers)
    invite(world)
    invite(world, address="carol@example.com", id_server="other.example")
    assert refused(world, address="dave@example.com") == (429, "M_LIMIT_EXCEEDED")
    assert [event.action for event in world.events.of(LimitReached)] == ["invite"]
    assert isinstance(invite(world, inviter=ALICE, address="dave@example.com"), ThirdPartyInvite)


@pytest.mark.rule("REQ-ROOMS-3")
def test_an_address_gets_so_many_invitations_and_messages(make_world: MADE, servers: FakeIdentityServers) -> None:
    """Invitations by any users and messages of this server count under one cap; another address has its own."""
    limits = Limits(mails_a_day=8, mails_kept=5, apart=0, per_address=Limit(100, 1))
    world = make_world({"limits": limits}, invitations=servers)
    for number in range(3):
        invite(world, inviter=f"@user{number}:hs.example.org")
    assert refused(world, inviter="@user3:hs.example.org") == (429, "M_LIMIT_EXCEEDED")
    assert world.ask(ADDRESS).status == 429
    assert isinstance(invite(world, address="carol@example.com"), ThirdPartyInvite)
    assert len(servers.invited) == 4


@pytest.mark.rule("REQ-ROOMS-3")
def test_who_asks_first_on_a_day_needs_no_rate(make_world: MADE, servers: FakeIdentityServers) -> None:
    """A user's first invitation of an address is granted although others have used its rate up."""
    world = make_world({"limits": Limits(per_address=Limit(1, 0.0001), apart=0)}, invitations=servers)
    invite(world)
    assert refused(world) == (429, "M_LIMIT_EXCEEDED")
    assert isinstance(invite(world, inviter=ALICE), ThirdPartyInvite)


@pytest.mark.rule("REQ-ROOMS-4")
def test_the_invitations_of_a_new_room_are_prepared_first(world: World, servers: FakeIdentityServers) -> None:
    """Each entry becomes an invitation that is sent when the room is there; preparing asks no identity server."""
    entries = [ENTRY, {**ENTRY, "address": "carol@example.com"}]
    servers.published["id.example", Medium.EMAIL, "carol@example.com"] = ALICE
    prepared = run_sync(prepare_invites(world.homeserver, BOB, entries))
    assert servers.calls == []
    assert "'t'" not in repr(prepared)
    made = [run_sync(invite_prepared(world.homeserver, each, room_id=ROOM)) for each in prepared]
    assert [type(each) for each in made] == [ThirdPartyInvite, InvitedUser]
    assert run_sync(prepare_invites(world.homeserver, BOB, [])) == ()


@pytest.mark.rule("REQ-ROOMS-4")
@pytest.mark.parametrize(
    "entries", [None, {}, "x", [5], [ENTRY, None], [ENTRY, {**ENTRY, "address": "x"}], [ENTRY] * 5]
)
def test_a_wrong_entry_makes_no_room(make_world: MADE, servers: FakeIdentityServers, entries: Any) -> None:
    """One wrong entry, or more of them than a user may invite at once, refuses all, and none is charged."""
    world = make_world({"limits": Limits(invitations=Limit(4, 0.001))}, invitations=servers)
    with pytest.raises(MatrixError) as raised:
        run_sync(prepare_invites(world.homeserver, BOB, entries))
    assert raised.value.status == 400
    assert len(run_sync(prepare_invites(world.homeserver, BOB, [ENTRY] * 4))) == 4


@pytest.mark.rule("REQ-ROOMS-4")
def test_all_entries_are_charged_or_none(make_world: MADE, servers: FakeIdentityServers) -> None:
    """A list that the limit has no room for is refused as a whole, and leaves the room there is."""
    world = make_world({"limits": Limits(invitations=Limit(3, 0.001))}, invitations=servers)
    run_sync(prepare_invites(world.homeserver, BOB, [ENTRY]))
    with pytest.raises(MatrixError) as raised:
        run_sync(prepare_invites(world.homeserver, BOB, [ENTRY] * 3))
    assert raised.value.status == 429
    assert len(run_sync(prepare_invites(world.homeserver, BOB, [ENTRY] * 2))) == 2


@pytest.mark.answers_5xx(504)
def test_a_slow_look_up_leaves_no_time_to_invite(world: World, servers: FakeIdentityServers) -> None:
    """One deadline holds for both calls: when the look-up has used it up, no invitation is stored."""

    async def slow() -> None:
        world.clock.advance(world.homeserver.policy.identity_deadline)

    servers.before = slow
    assert refused(world) == (504, "M_UNKNOWN")
    assert servers.invited == {}
