"""Changes taken back on a host whose accounts the library keeps."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from flows.acting import FORM, MINUTE, deliver, give

from matrix_threepid import run_sync
from matrix_threepid.model.message import MessageKind

from .people import BY_PASSWORD, Host

OLD, THIEF = "old@example.org", "thief@example.net"


@pytest.mark.rule("SEC-57")
def test_what_the_thief_knows_opens_nothing_after_an_undo(make_host: Callable[..., Host]) -> None:
    """With a keeper, taking changes back logs all devices out and makes the password of before useless."""
    host = make_host({"undo_links": True})
    world = host.world
    give(world, OLD, host.alice)
    creds = host.proof("add", THIEF)
    session = host.session("/account/3pid/add", creds, host.alice)
    auth = {"type": BY_PASSWORD, "session": session, "password": host.password}
    assert host.post("/account/3pid/add", {**creds, "auth": auth}, host.alice).status == 200
    world.clock.advance(MINUTE)
    deliver(world)
    (mail,) = [message for message in world.outbox.messages if message.kind is MessageKind.CHANGED]
    parts = urlsplit(mail.link or "")
    page = world.call("GET", parts.path, query=parts.query)
    assert "log" in page.body.decode()
    pressed = world.call("POST", parts.path, urlencode(dict(parse_qsl(parts.query))).encode(), headers=FORM)
    assert pressed.status == 200
    assert host.keeper.logged_out == [host.alice]
    assert not run_sync(host.keeper.password_fits(host.alice, host.password))
    assert world.threepids(host.alice) == [OLD]
