"""A request cancelled at any await leaves nothing half done: the honest client's next try gets through."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
import trio
from attrs import define
from looping import Work, give_ports, outcome_of
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred

from matrix_threepid import run_sync
from matrix_threepid.flows.send_message import LEASE
from matrix_threepid.testing import ALICE, BOB, PASSWORD, World

ADDRESS = "alice@example.org"
ASK = {"email": ADDRESS, "client_secret": "secret", "send_attempt": 1}


class Asyncio:
    """Cancels the running task."""

    async def cancelled(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    def run(self, work: Work) -> bool:
        """Run a coroutine; return whether it was cancelled."""
        try:
            asyncio.run(work)
        except asyncio.CancelledError:
            return True
        return False


class Trio:
    """Cancels the scope around the work."""

    async def cancelled(self) -> None:
        self._scope.cancel()
        await trio.lowlevel.checkpoint()

    def run(self, work: Work) -> bool:
        """Run a coroutine; return whether it was cancelled."""

        async def main() -> None:
            with trio.CancelScope() as self._scope:
                await work

        trio.run(main)
        return self._scope.cancelled_caught


class Twisted:
    """Cancels the Deferred of the work."""

    async def cancelled(self) -> None:
        await Deferred()

    def run(self, work: Work) -> bool:
        """Run a coroutine; return whether it was cancelled."""
        done = ensureDeferred(work)
        done.cancel()  # nothing, if it is done
        try:
            outcome_of(done)
        except CancelledError:
            return True
        return False


@define
class Points:
    """Counts the moments before and after each call of a port, and is cancelled at one of them."""

    cancelled: Callable[[], Any]
    at: int
    passed: int = 0

    async def answer(self, work: Work) -> Any:
        try:
            await self._point()
            result = await work
        finally:
            work.close()
        await self._point()
        return result

    async def _point(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            await self.cancelled()


def cancelled_at(point: int, world: World, loop: Any, *call: Any) -> bool:
    """Make a call that is cancelled at a point; return whether there was such a point."""
    give_ports(world, Points(loop.cancelled, point).answer)
    return bool(loop.run(world.acall(*call)))


@pytest.mark.rule("SEC-135")
@pytest.mark.parametrize("loop", [Asyncio(), Trio(), Twisted()], ids=lambda loop: type(loop).__name__)
def test_a_cancelled_request_for_a_mail_can_be_made_again(make_world: Callable[..., World], loop: Any) -> None:
    """Wherever requestToken is cancelled: the same request is answered, one mail or its repetition comes, and works."""
    for point in count(1):
        world = make_world()
        if not cancelled_at(point, world, loop, "POST", "/account/3pid/email/requestToken", ASK, ALICE):
            break
        asked = world.ask(user=ALICE)
        world.clock.advance(LEASE * world.homeserver.policy.send_deadline)
        run_sync(world.service.deliver_due())
        assert (asked.status, len(world.outbox.messages) in (1, 2)) == (200, True), point
        for message in world.outbox.messages:
            assert f"sid={asked.json()['sid']}&" in (message.link or ""), point
        assert world.confirm().status == 303, point
        assert world.add(asked.json()["sid"]).status == 200, point
        assert world.threepids() == [ADDRESS], point
    assert point > 10


@pytest.mark.rule("SEC-135")
@pytest.mark.parametrize("loop", [Asyncio(), Trio(), Twisted()], ids=lambda loop: type(loop).__name__)
def test_a_cancelled_add_can_be_made_again(make_world: Callable[..., World], loop: Any) -> None:
    """Wherever add is cancelled: the same request adds the address once, and nobody else can use the proof."""
    for point in count(1):
        world = make_world()
        body: dict[str, Any] = {"sid": world.prove(), "client_secret": "secret"}
        session = world.post("/account/3pid/add", body, ALICE).json()["session"]
        body["auth"] = {"type": "m.login.password", "password": PASSWORD, "session": session}
        if not cancelled_at(point, world, loop, "POST", "/account/3pid/add", body, ALICE):
            break
        assert world.post("/account/3pid/add", body, ALICE).status == 200, point
        assert world.threepids() == [ADDRESS], point
        assert world.add(body["sid"], user=BOB).status == 403, point
        assert world.threepids(BOB) == [], point
    assert point > 10
