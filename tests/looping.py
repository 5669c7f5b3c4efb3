"""Ways to run a handler: each world's own loop, and what its ports return there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from inspect import iscoroutinefunction
from typing import Any

import trio
from attrs import define, field, frozen
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.python.failure import Failure

from matrix_threepid import run_sync
from matrix_threepid.testing import World

PORTS = ("sessions", "accounts", "limiter", "rules", "callers", "uia")
Work = Coroutine[Any, Any, Any]


@define
class Port:
    """A fake whose answers come as ``answer`` makes them: a plain function from a coroutine to an awaitable."""

    _fake: Any
    _answer: Callable[[Work], Any]

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._fake, name)
        return (lambda *values: self._answer(method(*values))) if iscoroutinefunction(method) else method


def give_ports(world: World, answer: Callable[[Work], Any]) -> None:
    """Let every port of a world answer in one way."""
    ports = {name: Port(getattr(world.homeserver, name), answer) for name in PORTS}
    senders = {medium: Port(sender, answer) for medium, sender in world.homeserver.senders.items()}
    world.rewire(**ports, senders=senders)


@frozen
class Loop:
    """``run`` runs a coroutine to its end; ``answer`` makes a port's coroutine an awaitable of this world."""

    name: str
    run: Callable[[Work], Any]
    answer: Callable[[Work], Any]


@frozen
class Ready:
    """An awaitable that is no coroutine and never waits."""

    work: Work

    def __await__(self) -> Generator[None, None, Any]:
        return run_sync(self.work)
        yield


async def after_asyncio_turned(work: Work) -> Any:
    await asyncio.sleep(0)
    return await work


async def after_trio_turned(work: Work) -> Any:
    await trio.lowlevel.checkpoint()
    return await work


@define
class Reactor:
    """As much of one as Deferreds need: some that are fired later."""

    _waiting: list[Deferred[None]] = field(factory=list)

    def later(self, work: Work) -> Deferred[Any]:
        """Return a Deferred that is fired, and the work done, when ``run`` comes round to it."""
        deferred: Deferred[None] = Deferred()
        self._waiting.append(deferred)
        return deferred.addCallback(lambda _: ensureDeferred(work))

    def run(self, work: Work) -> Any:
        """Fire what waits until ``work`` is done; return its result."""
        done = ensureDeferred(work)
        while self._waiting:
            self._waiting.pop(0).callback(None)
        return outcome_of(done)


def outcome_of(done: Deferred[Any]) -> Any:
    """Return what a fired Deferred holds, or raise it."""
    results: list[Any] = []
    done.addBoth(results.append)
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]


def run_trio(work: Work) -> Any:
    """Run a coroutine under trio."""

    async def main() -> Any:
        return await work

    return trio.run(main)


_REACTOR = Reactor()
LOOPS = [
    Loop("no loop, async def", run_sync, lambda work: work),
    Loop("no loop, def returning an awaitable", run_sync, Ready),
    Loop("asyncio, async def that waits", asyncio.run, after_asyncio_turned),
    Loop("asyncio, def returning a task", asyncio.run, asyncio.ensure_future),
    Loop("trio, async def that waits", run_trio, after_trio_turned),
    Loop("trio, def returning an awaitable", run_trio, Ready),
    Loop("Twisted, def returning a fired Deferred", _REACTOR.run, ensureDeferred),
    Loop("Twisted, def returning a Deferred fired later", _REACTOR.run, _REACTOR.later),
]


async def together(*works: Work) -> list[Any]:
    """Run coroutines at once on asyncio or trio; return their results."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return await _together_on_trio(works)
    return await asyncio.gather(*works)


async def _together_on_trio(works: tuple[Work, ...]) -> list[Any]:
    results: dict[int, Any] = {}

    async def one(number: int, work: Work) -> None:
        results[number] = await work

    async with trio.open_nursery() as nursery:
        for number, work in enumerate(works):
            nursery.start_soon(one, number, work)
    return [results[number] for number in range(len(works))]
