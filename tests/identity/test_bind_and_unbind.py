"""A bind and an unbind of one address at the same time: nothing that may be public is lost sight of."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from matrix_threepid.model.identity import Done, Unreachable
from matrix_threepid.testing import ALICE, FakeIdentityServers, World

AT, ADDRESS = "id.example", "alice@example.org"
BIND = {"id_server": AT, "id_access_token": "tok", "sid": "sid1", "client_secret": "secret-of-alice"}
UNBIND = {"medium": "email", "address": ADDRESS, "id_server": AT}


@pytest.mark.answers_5xx(502)
@pytest.mark.parametrize("bound_before", [True, False])
def test_an_unbind_does_not_forget_a_bind_that_began_meanwhile(
    make_world: Callable[..., World], *, bound_before: bool
) -> None:
    """A bind whose answer is lost while an unbind waits for its own is remembered, and can be taken back."""
    servers = FakeIdentityServers()
    servers.prove(AT, BIND["sid"], BIND["client_secret"], ADDRESS)
    world = make_world(identity=servers)
    if bound_before:
        assert world.post("/account/3pid/bind", BIND, ALICE).status == 200

    async def bind_meanwhile() -> None:
        if servers.calls[-1][0] == "unbind":
            servers.before = None
            servers.script("bind", AT, Unreachable("the answer was lost"), carried_out=True)
            assert (await world.acall("POST", "/account/3pid/bind", BIND, ALICE)).status == 502

    servers.before = bind_meanwhile
    servers.script("unbind", AT, Done())
    world.post("/account/3pid/unbind", UNBIND, ALICE)
    assert servers.published
    assert [row.id_server for row in world.homeserver.bindings.dump()] == [AT]
    world.post("/account/3pid/unbind", UNBIND, ALICE)
    assert (servers.published, world.homeserver.bindings.dump()) == ({}, [])
