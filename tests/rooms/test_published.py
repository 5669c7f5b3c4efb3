"""After an unbind: whether the identity server still names the user."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_threepid import Limit, Limits, MatrixError, Medium, Threepid, run_sync, still_published
from matrix_threepid.identity import NotSupported, ServerRefused, Unreachable
from matrix_threepid.testing import ALICE, BOB, FakeIdentityServers, World

ADDRESS = "alice@example.com"


def published(world: World, **members: Any) -> bool:
    given = {"user_id": ALICE, "medium": "email", "address": ADDRESS, "id_server": "id.example", "id_access_token": "t"}
    return run_sync(still_published(world.homeserver, **{**given, **members}))


@pytest.mark.rule("REQ-UNBIND-20")
def test_what_is_left_is_told(make_world: Any) -> None:
    """It is true while the server names this user, in any spelling, and false for nobody and for somebody else."""
    servers = FakeIdentityServers()
    world = make_world(invitations=servers)
    assert not published(world)
    servers.published["id.example", Medium.EMAIL, ADDRESS] = ALICE
    assert published(world, address="Alice@Example.com")
    assert not published(world, user_id=BOB)


@pytest.mark.rule("REQ-UNBIND-20")
@pytest.mark.parametrize(
    ("members", "status", "errcode"),
    [
        ({"address": "x"}, 400, "M_INVALID_PARAM"),
        ({"medium": "pigeon"}, 400, "M_THREEPID_MEDIUM_NOT_SUPPORTED"),
        ({"id_server": "a b"}, 400, "M_INVALID_PARAM"),
        ({}, 403, "M_TERMS_NOT_SIGNED"),
    ],
)
def test_what_cannot_be_asked_is_an_error(make_world: Any, members: Any, status: int, errcode: str) -> None:
    """Wrong members and refusals of the identity server reach the client."""
    servers = FakeIdentityServers()
    servers.script("look_up", "id.example", ServerRefused(403, "M_TERMS_NOT_SIGNED", "e"))
    with pytest.raises(MatrixError) as raised:
        published(make_world(invitations=servers), **members)
    assert (raised.value.status, raised.value.body()["errcode"]) == (status, errcode)


def test_asking_is_limited_and_needs_a_client(make_world: Any) -> None:
    """It counts as a request that calls identity servers, and is refused where nothing is looked up."""
    world = make_world({"limits": Limits(bindings=Limit(1, 0.001))}, invitations=FakeIdentityServers())
    published(world)
    for refusing, status in ((world, 429), (make_world(), 403)):
        with pytest.raises(MatrixError) as raised:
            published(refusing)
        assert raised.value.status == status


def unbound(world: World, path: str = "unbind", **members: Any) -> Any:
    """Let Alice unbind her address, and show her token there."""
    named = {"medium": "email", "address": ADDRESS, "id_server": "id.example", "id_access_token": "t", **members}
    answer = world.post(f"/account/3pid/{path}", named, ALICE)
    assert answer.status == 200
    return answer.json()


@pytest.mark.rule("REQ-UNBIND-20")
@pytest.mark.parametrize("path", ["unbind", "delete"])
def test_an_unbind_may_tell_what_is_left(make_world: Any, path: str) -> None:
    """By a policy the server is then asked with the client's token, and the answer says what it publishes."""
    servers = FakeIdentityServers()
    world = make_world({"look_up_after_unbind": True}, identity=servers, invitations=servers)
    servers.published["id.example", Medium.EMAIL, ADDRESS] = ALICE
    assert unbound(world, path) == {"id_server_unbind_result": "success", "still_published": False}
    servers.published["id.example", Medium.EMAIL, ADDRESS] = ALICE
    servers.script("unbind", "id.example", NotSupported())
    assert unbound(world, path) == {"id_server_unbind_result": "no-support", "still_published": True}
    assert [call for call, _ in servers.calls] == ["unbind", "look_up"] * 2


@pytest.mark.rule("REQ-UNBIND-20")
@pytest.mark.parametrize("path", ["unbind", "delete"])
def test_a_look_up_shares_the_deadline_of_its_unbind(make_world: Any, path: str) -> None:
    """It may take what the unbind has left of the deadline, and is not made once that has passed."""
    servers = _Timed()
    world = make_world({"look_up_after_unbind": True}, identity=servers, invitations=servers)
    deadline = world.homeserver.policy.identity_deadline

    async def slow() -> None:
        world.clock.advance(servers.takes)

    servers.before = slow
    servers.takes = deadline - 1000
    assert unbound(world, path)["still_published"] is False
    servers.takes = deadline
    assert "still_published" not in unbound(world, path)
    assert servers.deadlines == [1000]


class _Timed(FakeIdentityServers):
    """Keeps the deadlines of look-ups; ``takes``: the ms that each call takes."""

    def __init__(self) -> None:
        super().__init__()
        self.deadlines: list[int] = []
        self.takes = 0

    async def look_up(self, id_server: str, access_token: str, threepid: Threepid, user_id: str, deadline: int) -> Any:
        self.deadlines.append(deadline)
        return await super().look_up(id_server, access_token, threepid, user_id, deadline)


@pytest.mark.rule("REQ-UNBIND-20")
def test_what_is_not_known_is_left_out(make_world: Any) -> None:
    """Without the policy, token, server or client, and without an answer, the unbind is answered as ever."""
    servers, on = FakeIdentityServers(), {"look_up_after_unbind": True}
    servers.script("look_up", "id.example", Unreachable("no answer"))
    tight = {**on, "limits": Limits(bindings=Limit(1, 0.001))}
    for world, members in (
        (make_world(identity=servers, invitations=servers), {}),
        (make_world(on, identity=servers), {}),
        (make_world(on, identity=servers, invitations=servers), {"id_access_token": None}),
        (make_world(on, identity=servers, invitations=servers), {"id_access_token": ["t"]}),
        (make_world(on, identity=servers, invitations=servers), {"id_server": None}),
        (make_world(on, identity=servers, invitations=servers), {}),
        (make_world(tight, identity=servers, invitations=servers), {}),
    ):
        assert "still_published" not in unbound(world, **members)
