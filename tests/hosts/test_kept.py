"""Hosts that keep house by themselves: ``keep`` of each of them, and ``keeping_house``."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock

from matrix_threepid import ConfigurationError, Job, Medium
from matrix_threepid.hosts import Asgi, ThreepidResource, Wsgi, keep_house_in_threads, keeping_house
from matrix_threepid.model.message import Outcome, TokenMessage
from matrix_threepid.testing import Outbox, World

from .driving import LIST, run, scope_of
from .test_wsgi import Answer, environ_of

Run = Callable[[Callable[[], Awaitable[None]]], None]
LOOPS = [pytest.param(asyncio, id="asyncio"), pytest.param(trio, id="trio")]
in_both_loops = pytest.mark.parametrize("loop", LOOPS)


def started(loop: Any, main: Callable[[], Any]) -> None:
    trio.run(main) if loop is trio else asyncio.run(main())


@define
class Told:
    """What happened, in order; with a job that takes a few turns of its loop, and a server's events."""

    loop: Any
    log: list[str] = field(factory=list)
    _running: Any = None

    def job(self) -> Job:
        return Job(name="tidy", every=300_000, work=self._work)

    async def _work(self) -> None:
        self.log.append("job begun")
        self._running.set()
        for _ in range(5):
            await self.loop.sleep(0)
        self.log.append("job finished")

    def serve(self, app: Any) -> None:
        """Start an application, let the job begin, and stop the application."""

        async def main() -> None:
            self._running = self.loop.Event()
            await app({"type": "lifespan"}, self.receive, self.send)
            if "job begun" not in self.log:
                self.log.append("no job")

        started(self.loop, main)

    async def receive(self) -> dict[str, str]:
        if "sent startup.complete" not in self.log:
            return {"type": "lifespan.startup"}
        await self._running.wait()
        return {"type": "lifespan.shutdown"}

    async def send(self, message: Any) -> None:
        self.log.append(f"sent {message['type'].removeprefix('lifespan.')}")

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """An application that opens and closes what its jobs need."""
        await receive()
        self.log.append("opened")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.log.append("closed")
        await send({"type": "lifespan.shutdown.complete"})


DONE = ["sent startup.complete", "job begun", "job finished", "sent shutdown.complete"]


# -- ASGI ----------------------------------------------------------------------------------------


@in_both_loops
def test_jobs_run_while_the_application_does(world: World, loop: Any) -> None:
    """Jobs begin when the application behind has started, and are finished before it hears of its end."""
    told = Told(loop)
    told.serve(Asgi(world.service, told.app, keep=[told.job()]))
    assert told.log == ["opened", *DONE[:-1], "closed", DONE[-1]]


@in_both_loops
def test_jobs_run_without_another_application(world: World, loop: Any) -> None:
    """Alone, the host answers the events itself."""
    told = Told(loop)
    told.serve(Asgi(world.service, keep=[told.job()]))
    assert told.log == DONE


async def refusing(scope: Any, receive: Any, send: Any) -> None:
    raise ValueError("only HTTP")


async def ignoring(scope: Any, receive: Any, send: Any) -> None:
    """Return at once."""


@pytest.mark.parametrize("behind", [refusing, ignoring])
def test_jobs_run_before_an_application_without_lifespan(world: World, behind: Any) -> None:
    """An application that knows no lifespan, as Django's, keeps no jobs from running."""
    told = Told(asyncio)
    told.serve(Asgi(world.service, behind, keep=[told.job()]))
    assert told.log == DONE


async def failing(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    raise ValueError("no database")


def test_an_application_that_fails_to_start_is_not_covered_up(world: World) -> None:
    """The server hears of an exception during the start, and no job runs."""
    told = Told(asyncio)
    with pytest.raises(ValueError, match="no database"):
        told.serve(Asgi(world.service, failing, keep=[told.job()]))
    assert told.log == []


def test_true_keeps_the_service(make_world: Callable[..., World]) -> None:
    """``keep=True`` runs the jobs of the service: a message that is due goes out."""
    sent = threading.Event()

    class Watched(Outbox):
        async def send(self, message: TokenMessage) -> Outcome:
            try:
                return await super().send(message)
            finally:
                sent.set()

    world = make_world({"deferred_sending": True}, senders={Medium.EMAIL: Watched()})
    world.ask("alice@example.org")
    app = Wsgi(world.service, keep=True)
    Answer(app, environ_of())
    assert sent.wait(30)
    app.close()


def test_missing_events_are_told_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Below the mount of a framework no lifespan event comes; the first request then warns, with the remedy."""
    app = Asgi(world.service, keep=True)
    for _ in range(2):
        run(app, scope_of("GET", LIST))
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "hosts.keeping_house" in record.getMessage()


@in_both_loops
def test_a_block_keeps_house(loop: Any) -> None:
    """Jobs run while the block does, and what has begun is finished at its end."""
    told = Told(loop)

    async def main() -> None:
        told._running = loop.Event()
        async with keeping_house(told.job()):
            await told._running.wait()
            told.log.append("block ends")
        told.log.append("after")

    started(loop, main)
    assert told.log == ["job begun", "block ends", "job finished", "after"]


# -- WSGI ----------------------------------------------------------------------------------------


@define
class Counted:
    """A job that counts its runs."""

    runs: int = 0
    ran: threading.Event = field(factory=threading.Event)

    def job(self) -> Job:
        return Job(name="tidy", every=300_000, work=self._work)

    async def _work(self) -> None:
        self.runs += 1
        self.ran.set()


def threads() -> int:
    return sum(each.name == "matrix_threepid tidy" for each in threading.enumerate())


def test_threads_start_with_the_first_request(world: World) -> None:
    """Making the application starts nothing, since servers fork; the first request starts the threads, once."""
    counted = Counted()
    app = Wsgi(world.service, keep=[counted.job()])
    assert threads() == 0
    for _ in range(2):
        Answer(app, environ_of())
    assert counted.ran.wait(30)
    assert threads() == 1
    app.close()
    Answer(app, environ_of())
    assert (threads(), counted.runs) == (0, 1)


def test_each_process_has_threads_of_its_own(world: World) -> None:
    """In a forked process the first request starts threads again, whatever its parent has."""
    counted = Counted()
    app = Wsgi(world.service, keep=[counted.job()])
    Answer(app, environ_of())
    assert counted.ran.wait(30)
    counted.ran.clear()
    child = os.fork()
    if child == 0:
        Answer(app, environ_of())
        os._exit(0 if counted.ran.wait(30) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    app.close()


def test_the_end_of_a_process_waits_so_long_only() -> None:
    """A thread that hangs in its job does not keep a process from ending."""
    begun, go_on = threading.Event(), threading.Event()

    async def stuck() -> None:
        begun.set()
        assert go_on.wait(30)

    stop = keep_house_in_threads(Job(name="tidy", every=1, work=stuck), grace=0)
    assert begun.wait(30)
    stop()
    assert threads() == 1
    go_on.set()


# -- Twisted -------------------------------------------------------------------------------------


def test_jobs_run_while_the_reactor_does(world: World) -> None:
    """Jobs begin when the reactor runs, and its shutdown waits for what has begun."""
    reactor, working, ran = MemoryReactorClock(), Deferred[None](), []

    def work() -> Deferred[None]:
        ran.append(1)
        return working

    ThreepidResource(world.service, keep=[Job(name="tidy", every=1000, work=work)], reactor=reactor)
    assert ran == []
    for started_by, given, named in reactor.whenRunningHooks:
        started_by(*given, **named)
    assert ran == [1]
    ((stop, given, named),) = reactor.triggers["before"]["shutdown"]
    waited: list[Any] = []
    stop(*given, **named).addCallback(waited.append)
    assert waited == []
    working.callback(None)
    reactor.advance(60)
    assert (len(waited), ran) == (1, [1])


def test_the_reactor_does_not_wait_for_good(world: World) -> None:
    """What takes longer than 30 s to finish is cancelled, and the reactor ends."""
    reactor, working = MemoryReactorClock(), Deferred[None]()
    ThreepidResource(world.service, keep=[Job(name="tidy", every=1000, work=lambda: working)], reactor=reactor)
    for started_by, given, named in reactor.whenRunningHooks:
        started_by(*given, **named)
    ((stop, given, named),) = reactor.triggers["before"]["shutdown"]
    waited: list[Any] = []
    stop(*given, **named).addCallback(waited.append)
    reactor.advance(29)
    assert waited == []
    reactor.advance(1)
    assert (len(waited), working.called) == (1, True)
    assert not reactor.getDelayedCalls()


# -- all -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", [Asgi, Wsgi, ThreepidResource])
@pytest.mark.parametrize("keep", [None, 1, "all", ["deliver_due"], [None]])
def test_what_cannot_be_kept_is_refused(world: World, host: Any, keep: Any) -> None:
    """A host is told whose jobs to run with a truth value, or with services and jobs, and says so."""
    with pytest.raises(ConfigurationError, match=rf"{host.__name__}: keep: must be True, False, or a sequence"):
        host(world.service, keep=keep)


@in_both_loops
def test_what_has_no_jobs_keeps_no_house(loop: Any, world: World) -> None:
    """A role in the place of its service is refused before the block, since no job would run beside it."""
    begun: list[str] = []

    async def main() -> None:
        async with keeping_house(world.homeserver):  # type: ignore[arg-type]
            begun.append("block")

    with pytest.raises(ConfigurationError, match=r"must be given a Service, .* got Homeserver"):
        started(loop, main)
    assert begun == []
