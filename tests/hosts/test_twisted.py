"""The Twisted host: in front of other resources, with clients that go away, and in pieces."""

# ruff: noqa: N815  the names are Twisted's
from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from matrix_threepid import Medium
from matrix_threepid.hosts.twisted import ThreepidResource, respond, write
from matrix_threepid.model.message import Accepted, Outcome, TokenMessage
from matrix_threepid.protocol.wire import Request
from matrix_threepid.testing import ALICE, World
from matrix_threepid.testing.contracts.host_client import CHUNKED, END, Client, chunked, length_of

from .driving import ASK, BODY, LIST, delivered_later
from .serving import in_reactor, twisted_serving

TOKEN = [("Authorization", f"Bearer {ALICE}")]
PLENTY = 1 << 20


class Told(Resource):
    """A resource that tells where it is."""

    def getChild(self, path: bytes, request: Any) -> Resource:
        return self

    def render(self, request: Any) -> bytes:
        return b"/".join(request.prepath) + b"|" + b"/".join(request.postpath) + b"|" + request.method


class ToldBelow(Told):
    """One that takes the rest of the path for itself."""

    isLeaf = True


@pytest.mark.parametrize(
    ("prefix", "other", "target", "told"),
    [
        ("", Told(), "/a/b?c", b"a/b||GET"),
        ("", Told(), "/", b"||GET"),
        ("", ToldBelow(), "/a/b", b"|a/b|GET"),
        ("", Told(), LIST.replace("account/", "account%2F"), b"_matrix/client/v3/account/3pid||GET"),
        ("hs", Told(), "/hs/a/b", b"hs/a/b||GET"),
        ("hs", ToldBelow(), "/hs/a/b", b"hs|a/b|GET"),
        ("hs", Told(), "/hs", b"hs||GET"),
        ("_matrix", Told(), "/_matrix/federation", b"_matrix/federation||GET"),
    ],
)
def test_what_is_not_ours_goes_elsewhere(world: World, prefix: str, other: Resource, target: str, told: bytes) -> None:
    """The other resource finds the path as if it stood there alone, with its own children and leaves."""
    root: Resource = ThreepidResource(world.service, other)
    if prefix:
        above = Resource()
        above.putChild(prefix.encode(), root)
        root = above
    with twisted_serving(root, PLENTY) as url:
        assert Client(url).ask("GET", target).body == told


@pytest.mark.parametrize("prefix", [["_matrix"], ["hs"], LIST.strip("/").split("/")], ids="/".join)
def test_ours_is_found_below_any_child(world: World, prefix: list[str]) -> None:
    """The resource may be put at a part of our paths, at a whole one, or below a prefix."""
    root = at = Resource()
    for step in prefix[:-1]:
        below = Resource()
        at.putChild(step.encode(), below)
        at = below
    at.putChild(prefix[-1].encode(), ThreepidResource(world.service))
    target = f"/hs{LIST}" if prefix == ["hs"] else LIST
    with twisted_serving(root, PLENTY) as url:
        assert Client(url).ask("GET", target, TOKEN).status == 200


@pytest.mark.parametrize("announced", [True, False])
def test_under_any_other_site_too_much_is_refused_late(world: World, announced: bool) -> None:
    """Where a site lets longer bodies in, ours are still limited."""
    body = bytes(world.homeserver.policy.max_body + 1)
    header, sent = (length_of(body), body) if announced else (CHUNKED, chunked(body) + END)
    with (
        twisted_serving(ThreepidResource(world.service), PLENTY) as url,
        Client(url).sent("POST", ASK, [header], sent) as connection,
    ):
        assert connection.answer("POST").status == 413


def test_the_connection_ends_with_the_refusal(world: World) -> None:
    """After a body that is too long, nothing that follows it is taken for a request."""
    length = ("Content-Length", str(PLENTY + 1))
    with (
        twisted_serving(ThreepidResource(world.service), PLENTY) as url,
        Client(url).sent("POST", ASK, [length, ("Expect", "100-continue")]) as connection,
    ):
        assert connection.answer("POST").status == 413
        assert connection.rest() == b""


@define
class SlowOutbox:
    """A ``TokenSender`` that takes a message over once it is let go."""

    messages: list[TokenMessage] = field(factory=list)
    asked: threading.Event = field(factory=threading.Event)
    go: Deferred[None] = field(factory=Deferred)

    async def send(self, message: TokenMessage) -> Outcome:
        self.messages.append(message)
        self.asked.set()
        await self.go
        return Accepted()


@define
class Watching:
    """``Callers`` that say when the client of a request went away."""

    gone: threading.Event = field(factory=threading.Event)

    async def identify(self, request: Request) -> None:
        request.native.notifyFinish().addErrback(lambda _: self.gone.set())


@pytest.mark.rule("SEC-36")
def test_what_has_begun_is_finished(make_world: Callable[..., World], caplog: pytest.LogCaptureFixture) -> None:
    """A message under way when the client goes away is written down as sent, and goes out once."""
    outbox, watching = SlowOutbox(), Watching()
    world = make_world(senders={Medium.EMAIL: outbox}, callers=watching)
    with twisted_serving(ThreepidResource(world.service), PLENTY) as url:
        with Client(url).sent("POST", ASK, [length_of(BODY)], BODY):
            assert outbox.asked.wait(30)
        assert watching.gone.wait(30)
        in_reactor(lambda: outbox.go.callback(None))
    assert (delivered_later(world), len(outbox.messages)) == (0, 1)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@define
class Cancelled:
    """``Callers`` whose own work was cancelled, by a time limit perhaps."""

    by: type[BaseException]

    async def identify(self, request: Request) -> None:
        raise self.by


@pytest.mark.parametrize("by", [CancelledError, asyncio.CancelledError], ids=["twisted", "asyncio"])
def test_a_port_that_was_cancelled_is_an_incident(world: World, by: type[BaseException]) -> None:
    """A client that still waits is answered."""
    world.rewire(callers=Cancelled(by))
    with twisted_serving(ThreepidResource(world.service), PLENTY) as url:
        assert Client(url).ask("GET", LIST).status == 500


class Later:
    """``Callers`` that need asyncio."""

    async def identify(self, request: Request) -> None:
        await asyncio.sleep(0)


def test_ports_may_need_another_loop(world: World) -> None:
    """``run`` makes a Deferred of a coroutine in whatever way its ports need."""
    world.rewire(callers=Later())
    with twisted_serving(ThreepidResource(world.service, run=lambda work: succeed(asyncio.run(work))), PLENTY) as url:
        assert Client(url).ask("GET", LIST).status == 401


def test_a_resource_of_your_own_needs_two_lines(world: World) -> None:
    """``respond`` and ``write`` are all an adapter needs."""

    class Own(Resource):
        isLeaf = True

        def render(self, request: Any) -> int:
            deferred = Deferred.fromCoroutine(respond(world.service, request))
            deferred.addCallback(lambda response: write(request, response))
            return NOT_DONE_YET

    with twisted_serving(Own(), PLENTY) as url:
        client = Client(url)
        assert client.ask("GET", LIST, TOKEN).json() == {"threepids": []}
        assert client.ask("GET", "/elsewhere").status == 404
